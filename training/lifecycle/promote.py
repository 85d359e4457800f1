"""Promotion by hand: the gate is asked, its decision is noted, and the version becomes the champion or does not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import StateError
from core.progress import Report, silent
from core.settings import Settings
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Inspect, Judge
from training.lifecycle.promotions import Who
from training.lifecycle.runner import context_of
from training.lifecycle.version import Version
from training.model import Model
from training.names import registered_name_of

#: Runs a part of the work that takes a while, such as beside a bar that shows how far it is.
Run = Callable[[Callable[[Report], Decision]], Decision]


@dataclass(frozen=True)
class Promotion:
    """What became of a version.

    Attributes
    ----------
    promoted
        Whether it is the champion now.
    can_answer
        Whether it could be promoted whatever else the gate says.
    """

    version: Version
    decision: Decision
    promoted: bool
    can_answer: bool


def _at_once(work: Callable[[Report], Decision]) -> Decision:
    return work(silent)


def promote(
    model: Model[Any],
    settings: Settings,
    which: str,
    who: Who,
    inspect: Inspect,
    *,
    force: bool = False,
    run: Run = _at_once,
) -> Promotion:
    """Make a version the champion, where the gate lets it pass; what it decides is noted in any case.

    Parameters
    ----------
    which
        A number or an alias.
    inspect
        Measures the reasons that are given with the version's answers.
    force
        Promote it whatever the gate says, as long as it can answer.
    run
        Runs the gate, which takes a while.

    Raises
    ------
    StateError
        If there is no such version, or it is the champion already.
    StoreError
        If MLflow, the log or the feature store do not answer.
    """
    champions, name = Champions(settings), registered_name_of(model.settings.section)
    chosen, champion = champions.tracking.version(name, which), champions.current(name)
    if champion is not None and champion.label == chosen.label:
        raise StateError(f"{chosen.label} is the champion already.", "Name another version: `encore models list`.")
    judge = Judge(model, context_of(model, settings), champions.tracking, inspect)
    decision = run(lambda report: judge.decide(chosen, champion, None, report))
    champions.tracking.note(chosen, decision)
    answers = decision.check("answers")
    can_answer = answers is None or answers.passes
    promoted = decision.passes or (force and can_answer)
    if promoted:
        chosen = champions.promote(chosen, decision, who)
    else:
        champions.refuse(chosen, decision, who)
    return Promotion(chosen, decision, promoted, can_answer)
