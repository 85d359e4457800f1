"""The gate: whether a fitted model may become the champion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.lifecycle.tracking import Version
from training.model import Fitted

#: Returns why a fitted model must not take the place of the champion (None: there is none), or None where it may.
Rule = Callable[[Fitted[Any], Version | None], str | None]

#: From this AUC on, a single feature is suspected to know the outcome. On the data sets that we know, the strongest
#: honest feature stays below 0.95; an end date that is filled in at cancellation has 1.0.
SUSPICIOUS = 0.98


def _refuse_what_knows_the_outcome(fitted: Fitted[Any], _: Version | None) -> str | None:
    """Refuse a model of which one feature alone separates the outcomes nearly perfectly."""
    strongest = fitted.strongest
    if strongest is None or strongest.roc_auc < SUSPICIOUS:
        return None
    return (
        f"It is not promoted: the feature {strongest.feature} alone separates the outcomes with an AUC of "
        f"{strongest.roc_auc:.3f}, and from {SUSPICIOUS} on it is suspected to be known only later, such as an end "
        "date that is filled in when a customer cancels. Check when its values are written: map "
        "end_known_timestamp for contracts, known_since for attributes, or leave the column out. If they are known in "
        f'time, add it to the configuration: {strongest.trusted_by} = ["{strongest.feature}"].'
    )


#: Every rule is asked, in this order.
RULES: list[Rule] = [_refuse_what_knows_the_outcome]


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
