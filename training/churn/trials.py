"""Churn definitions, tried out before a model is trained by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis

from features.engine.duckdb import Sources
from features.engine.inputs import snapshot_table
from training.churn.labels import labels
from training.churn.settings import ChurnSettings
from training.readiness.silence import Silence

#: Moments at which a churn definition is tried out.
_TRIES = 3


@dataclass(frozen=True)
class Trial:
    """What a churn definition would mean, on average of the latest moments whose labels are known.

    Attributes
    ----------
    window_days
        None where contracts tell who is active.
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


def trials(
    con: ibis.BaseBackend,
    sources: Sources,
    churn: ChurnSettings,
    silence: Silence | None,
    first: datetime,
    as_of: datetime,
) -> tuple[Trial, ...]:
    """Try the definition in force, then the recommended one where there is one and it is another.

    Purchases are recommended as a definition only where they are the definition. One by which nobody is active at any
    time whose labels are known has no trial.
    """
    definitions = {"in force": churn}
    sold = churn.kind == "non_contractual"
    if sold and silence and (silence.window, silence.horizon) != (churn.activity_window_days, churn.horizon_days):
        recommended = {"activity_window_days": silence.window, "horizon_days": silence.horizon}
        definitions["recommended"] = churn.model_copy(update=recommended)
    tried = []
    for name, definition in definitions.items():
        moments = _moments(definition, first, as_of)
        told = labels(sources, snapshot_table(moments), definition)
        active, churned = con.to_pandas(told.aggregate(n=told.count(), churned=told.churned.sum())).iloc[0]
        if active:
            window = definition.activity_window_days if sold else None
            means = float(active) / len(moments), float(churned / active)
            tried.append(Trial(name, window, definition.horizon_days, *means))
    return tuple(tried)


def _moments(churn: ChurnSettings, first: datetime, as_of: datetime) -> Sequence[datetime]:
    """Return the latest moments whose labels are known, each with a whole activity window before it."""
    steps = [churn.label_days + step * max(churn.horizon_days, 7) for step in range(_TRIES)]
    moments = [as_of - timedelta(days=days) for days in steps]
    needed = timedelta(days=churn.activity_window_days if churn.kind == "non_contractual" else 0)
    return [moment for moment in moments if moment - needed >= first]
