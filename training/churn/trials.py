"""Churn definitions, tried out before a model is trained by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from features.engine.inputs import snapshot_table
from training.churn.labels import labels
from training.churn.settings import ChurnSettings
from training.readiness.facts import DataFacts

#: The definition of the settings, and the one that the data recommend.
CURRENT, RECOMMENDED = "current", "recommended"
#: Moments at which a churn definition is tried out.
_TRIES = 3


@dataclass(frozen=True)
class Trial:
    """What a churn definition would mean, on average of the latest moments whose labels are known.

    Attributes
    ----------
    window_days
        None where contracts decide who is active.
    active
        Customers who are active at a time.
    churn_rate
        Share of them who churn.
    """

    name: str
    window_days: int | None
    horizon_days: int
    active: float
    churn_rate: float


def trials(churn: ChurnSettings, facts: DataFacts) -> tuple[Trial, ...]:
    """Try the current definition, then the recommended one where there is one and it is another.

    Purchases are recommended as a definition only where they are the definition. A definition by which no customer
    is active at any time whose labels are known has no trial.
    """
    definitions = {CURRENT: churn}
    by_purchases, silence = churn.kind == "non_contractual", facts.silence
    if by_purchases and silence:
        recommended = {"activity_window_days": silence.window, "horizon_days": silence.horizon}
        if recommended != churn.model_dump(include=set(recommended)):
            definitions[RECOMMENDED] = churn.model_copy(update=recommended)
    tried = []
    for name, definition in definitions.items():
        end = facts.complete.get(definition.windows.labels, facts.as_of)
        moments = _moments(definition, facts.first, end)
        labelled = labels(facts.sources, snapshot_table(moments), definition)
        counts = labelled.aggregate(n=labelled.count(), churned=labelled.churned.sum())
        active, churned = facts.engine.to_pandas(counts).iloc[0]
        if active:
            tried.append(
                Trial(
                    name=name,
                    window_days=definition.activity_window_days if by_purchases else None,
                    horizon_days=definition.horizon_days,
                    active=float(active) / len(moments),
                    churn_rate=float(churned / active),
                )
            )
    return tuple(tried)


def _moments(churn: ChurnSettings, first: datetime, end: datetime) -> Sequence[datetime]:
    """Return the latest moments whose labels are known, each with a whole activity window before it."""
    steps = [churn.label_days + step * max(churn.horizon_days, 7) for step in range(_TRIES)]
    moments = [end - timedelta(days=days) for days in steps]
    needed = timedelta(days=churn.activity_window_days if churn.kind == "non_contractual" else 0)
    return [moment for moment in moments if moment - needed >= first]
