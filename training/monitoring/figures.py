"""The figures that alerts are about, each with its own history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan

import numpy as np
import pandas as pd

from core.settings import Settings, StoreSettings
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.portions import learning_share
from features.settings import CustomerSettings
from features.spans.visible import purchases, visible
from features.store.materialized import read_online
from training.model import Observed
from training.monitoring.drift import Drift
from training.monitoring.realised import RiskWeek
from training.monitoring.settings import Measure
from training.monitoring.volume import Weekly, weekly

#: Days of spending that a risk is multiplied with, as long as no model says what a customer is worth.
SPEND_DAYS = 91
#: Weeks that ratings and returns are counted over, so that few of them make no jumps.
_MONTH = 4
#: As many answers or ratings are needed before a figure of them means something.
_LEAST = 30


@dataclass(frozen=True)
class Figure:
    """A figure now, and earlier ones, the oldest first; not a number where there is none."""

    measure: Measure
    value: float
    history: tuple[float, ...] = ()


def from_weeks(settings: Settings, as_of: datetime) -> list[Figure]:
    """Return what is counted in weeks: order lines, returns, and what customers say when they are asked."""
    counts = weekly(settings, as_of)
    lines = counts["order_lines"]
    orders, returns = _months(counts["orders"]), _months(counts["returns"])
    shares = [back / sold if sold else nan for back, sold in zip(returns, orders, strict=True)]
    level = _nps(counts)
    falls = [before - now for before, now in zip(level, level[_MONTH:], strict=False)]
    return [
        _figure("order_lines", lines),
        _figure("returns_share", shares if any(returns) else []),
        _figure("nps", level),
        _figure("nps_fall", falls),
    ]


def from_risks(settings: Settings, observed: Observed, as_of: datetime) -> list[Figure]:
    """Return the share of customers at high risk, and what all of them spend times their risk."""
    moments = pd.to_datetime(pd.Series(observed.snapshots), utc=True).dt.as_unit("us")
    rows = pd.DataFrame({"customer_id": observed.customers, "snapshot": moments, "risk": observed.scores})
    con = connect(settings)
    sources = read_sources(con, settings[StoreSettings])
    seen = visible(purchases(sources.transactions), snapshot_table(sorted(moments.unique())), SPEND_DAYS)
    spent = con.to_pandas(seen.group_by("customer_id", "snapshot").agg(spent=seen.amount.sum()))
    spent["snapshot"] = spent["snapshot"].dt.as_unit("us")
    rows = rows.merge(spent, on=["customer_id", "snapshot"], how="left").fillna({"spent": 0.0})
    share = learning_share(con, sources, settings[CustomerSettings].max_training_customers)
    at_risk = (rows["risk"] * rows["spent"] / share).groupby(rows["snapshot"]).sum()
    figures = [_figure("value_at_risk", at_risk[at_risk.index <= as_of].tolist())]
    if observed.high is not None:
        high = (rows["risk"] >= observed.high).groupby(rows["snapshot"]).mean()
        figures.append(_figure("high_risk_share", high[high.index <= as_of].tolist()))
    return figures


def from_use(weeks: Sequence[RiskWeek]) -> list[Figure]:
    """Return the calibration error of the last week whose outcomes are known."""
    errors = [
        week.realised["ece"].value
        for week in weeks
        if week.realised is not None and "ece" in week.realised and week.customers >= _LEAST
    ]
    return [_figure("calibration_error", errors)]


def from_drift(drifts: Sequence[Drift]) -> list[Figure]:
    """Return the number of models that have drifted, of those whose drift is known."""
    return [Figure("drift", float(sum(drift.drifted for drift in drifts)))] if drifts else []


def feature_age(settings: Settings, as_of: datetime) -> list[Figure]:
    """Return the hours since the moment of the last materialisation.

    Raises
    ------
    StateError
        If there was none.
    """
    online = read_online(settings[StoreSettings])
    return [Figure("feature_age_hours", max(0.0, (as_of - online.as_of).total_seconds() / 3600))]


def _figure(measure: Measure, values: Sequence[float]) -> Figure:
    return Figure(measure, values[-1], tuple(values[:-1])) if values else Figure(measure, nan)


def _months(counts: Sequence[float]) -> list[float]:
    """Return sums over four weeks, one for each week at their end."""
    return [float(np.sum(counts[end - _MONTH : end])) for end in range(_MONTH, len(counts) + 1)]


def _nps(counts: dict[Weekly, list[float]]) -> list[float]:
    """Return the net promoter score of four weeks, one for each week at their end."""
    promoters, detractors, ratings = (_months(counts[name]) for name in ("promoters", "detractors", "ratings"))
    return [
        100 * (good - bad) / asked if asked >= _LEAST else nan
        for good, bad, asked in zip(promoters, detractors, ratings, strict=True)
    ]
