"""What changed between two records of the score table, and why: causes that add up, reasons, and single customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from serving.scoring.score_history import Recorded
from training.segments.names import Names

#: Why the value at risk of customers differs; each customer has one, so that the causes add up to the whole.
Cause = Literal["new", "returned", "rose", "same", "fell", "left", "gone"]
CAUSES: tuple[Cause, ...] = ("new", "returned", "rose", "same", "fell", "left", "gone")
#: Tiers by how likely customers leave. In the others nobody can say, or nobody is asked about.
_ORDER = {"low": 0, "medium": 1, "high": 2}
#: Tiers whose churn is asked about.
_ACTIVE = frozenset({*_ORDER, "new"})
#: Tiers whose reasons count.
AT_RISK = ("high", "medium")
#: Causes of customers whose churn was and is asked about.
_STAYED: tuple[Cause, ...] = ("rose", "same", "fell")
_MOST_REASONS, _MOST_CUSTOMERS = 5, 3


@dataclass(frozen=True)
class Caused:
    """Customers with one cause.

    Attributes
    ----------
    change
        Of their value at risk: later minus earlier.
    """

    cause: Cause
    customers: int
    change: float


@dataclass(frozen=True)
class Reasoned:
    """How many customers at high or medium risk have a main reason, and had it before."""

    reason: str
    before: int
    after: int


@dataclass(frozen=True)
class Mover:
    """A customer whose value at risk changed.

    Attributes
    ----------
    reason
        The main reason now; None without one.
    """

    customer_id: str
    before: float
    after: float
    tier_before: str | None
    tier: str | None
    reason: str | None


@dataclass(frozen=True)
class Changes:
    """What changed from one record to a later one of the same models.

    Attributes
    ----------
    causes
        Those that there are, in the order of `CAUSES`.
    reasons
        Those that differ most, the largest rise first; empty where the earlier record has no reasons.
    worse, better
        The customers whose value at risk rose most, and fell most, of those whose churn was and is asked about.
    left
        Those with the highest value at risk before, of those who have not bought for so long that they count as
        inactive, or whose contract is not due any more.
    """

    since: datetime
    until: datetime
    before: float
    after: float
    causes: tuple[Caused, ...]
    reasons: tuple[Reasoned, ...]
    worse: tuple[Mover, ...]
    better: tuple[Mover, ...]
    left: tuple[Mover, ...]


def compare(earlier: tuple[Recorded, pd.DataFrame], later: tuple[Recorded, pd.DataFrame]) -> Changes:
    """Compare two records of the same models."""
    (since, before), (until, after) = earlier, later
    both = before.merge(after, on="customer_id", how="outer", suffixes=("_before", ""), indicator="side")
    for name in ("value_at_risk_before", "value_at_risk"):
        both[name] = both[name].fillna(0.0)
    both["change"] = both["value_at_risk"] - both["value_at_risk_before"]
    both["cause"] = _causes(both)
    stayed, left = both[both["cause"].isin(_STAYED)], both[both["cause"] == "left"]
    return Changes(
        since.as_of,
        until.as_of,
        since.all.value_at_risk,
        until.all.value_at_risk,
        _caused(both),
        _reasons(before, after),
        _movers(stayed[stayed["change"] > 0].nlargest(_MOST_CUSTOMERS, "change")),
        _movers(stayed[stayed["change"] < 0].nsmallest(_MOST_CUSTOMERS, "change")),
        _movers(left[left["change"] < 0].nsmallest(_MOST_CUSTOMERS, "change")),
    )


def _causes(both: pd.DataFrame) -> Names:
    was, now = both["tier_before"].isin(_ACTIVE), both["tier"].isin(_ACTIVE)
    step = both["tier"].map(_ORDER) - both["tier_before"].map(_ORDER)
    conditions = [both["side"] == "right_only", both["side"] == "left_only", ~was & now, was & ~now, step > 0, step < 0]
    found: Names = np.select(
        [one.to_numpy(dtype=bool) for one in conditions],
        ["new", "gone", "returned", "left", "rose", "fell"],
        "same",
    ).astype(object)
    return found


def _caused(both: pd.DataFrame) -> tuple[Caused, ...]:
    found = {str(cause): rows for cause, rows in both.groupby("cause")}
    return tuple(
        Caused(cause, len(found[cause]), float(found[cause]["change"].sum())) for cause in CAUSES if cause in found
    )


def _reasons(before: pd.DataFrame, after: pd.DataFrame) -> tuple[Reasoned, ...]:
    if not before["reason"].notna().any():
        return ()
    counts = [one.loc[one["tier"].isin(AT_RISK), "reason"].value_counts() for one in (before, after)]
    names = sorted({*counts[0].index, *counts[1].index})
    found = [Reasoned(name, int(counts[0].get(name, 0)), int(counts[1].get(name, 0))) for name in names]
    differing = sorted((one for one in found if one.before != one.after), key=lambda one: one.before - one.after)
    largest = sorted(differing, key=lambda one: -abs(one.after - one.before))[:_MOST_REASONS]
    return tuple(one for one in differing if one in largest)


def _movers(rows: pd.DataFrame) -> tuple[Mover, ...]:
    texts: Sequence[str] = ("tier_before", "tier", "reason")
    return tuple(
        Mover(
            row["customer_id"],
            row["value_at_risk_before"],
            row["value_at_risk"],
            *(row[name] if isinstance(row[name], str) else None for name in texts),
        )
        for row in rows.to_dict("records")
    )
