"""The gate: whether a fitted model may become the champion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.lifecycle.tracking import Version
from training.model import Fitted

#: Returns why a fitted model must not take the place of the champion (None: there is none), or None where it may.
Rule = Callable[[Fitted[Any], Version | None], str | None]

#: Every rule is asked, in this order. There is none yet: whatever was fitted passes.
RULES: list[Rule] = []


@dataclass(frozen=True)
class Decision:
    """Whether a fitted model passes, and why, in a sentence."""

    passes: bool
    reason: str


def decide(fitted: Fitted[Any], champion: Version | None) -> Decision:
    """Ask every rule of `RULES`; the first that refuses decides."""
    for rule in RULES:
        refusal = rule(fitted, champion)
        if refusal is not None:
            return Decision(passes=False, reason=refusal)
    return Decision(passes=True, reason="No rule of the gate refuses it.")
