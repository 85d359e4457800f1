"""Recency, frequency and money: scores of 1 to 5, and eleven groups of customers.

Scores by fifths of the customers are those of Hughes, *Strategic Database Marketing* (1994). The groups divide the grid
of the recency score and the mean of the two other scores.
"""

from dataclasses import dataclass

import numpy as np

from core.arrays import Columns, Floats
from training.segments.names import Names, absent, column
from training.segments.settings import FixedCuts

#: The quantities that are scored, and their columns: days, number of orders, net amount in the data's currency.
SCORED = {"recency": "recency_days", "frequency": "baskets_total", "monetary": "amount_total"}
#: The eleven groups, the most valuable first.
GROUPS = (
    "champions",
    "loyal",
    "potential_loyalists",
    "new_customers",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "lost",
)
#: By recency score the groups of the mean of frequency and money, from 1 to 5.
GRID = {
    5: ("new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"),
    4: ("promising", "potential_loyalists", "potential_loyalists", "loyal", "champions"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "at_risk"),
    1: ("lost", "lost", "at_risk", "cannot_lose", "cannot_lose"),
}
_SHARES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class RfmCuts:
    """Limits between the scores, learned from a population and applied to any customer.

    Attributes
    ----------
    recency, frequency, monetary
        Four ascending limits each: days, number of orders, net amount. Empty where the population has no such value.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]

    @classmethod
    def learn(cls, columns: Columns) -> "RfmCuts":
        """Put a fifth of the customers with a purchase between two limits; those with equal values stay together."""
        return cls(**{name: _quantiles(columns.get(source)) for name, source in SCORED.items()})

    @classmethod
    def fixed(cls, cuts: FixedCuts) -> "RfmCuts":
        """Take the limits of the settings."""
        return cls(cuts.recency_days, cuts.orders, cuts.amount)


@dataclass(frozen=True)
class Rfm:
    """Scores and groups, aligned with the customers.

    Attributes
    ----------
    recency, frequency, monetary
        Whole numbers 1 to 5, 5 the best; NaN for a customer without a purchase.
    group
        One of `GROUPS`; empty for a customer without all three scores.
    """

    recency: Floats
    frequency: Floats
    monetary: Floats
    group: Names


def score(columns: Columns, cuts: RfmCuts, rows: int) -> Rfm:
    """Score customers, and group them."""
    values = {name: column(columns, source, rows) for name, source in SCORED.items()}
    recency = 6 - _above(values["recency"], cuts.recency)
    frequency = _above(values["frequency"], cuts.frequency)
    monetary = _above(values["monetary"], cuts.monetary)
    return Rfm(recency, frequency, monetary, groups(recency, frequency, monetary))


def groups(recency: Floats, frequency: Floats, monetary: Floats) -> Names:
    """Return the group of each customer; a mean of frequency and money between two scores counts as the higher one."""
    found = absent(len(recency))
    mean = np.floor((frequency + monetary + 1) / 2)
    known = ~np.isnan(recency + mean)
    grid = np.array([GRID[row] for row in sorted(GRID)])
    found[known] = grid[recency[known].astype(int) - 1, mean[known].astype(int) - 1]
    return found


def _quantiles(values: Floats | None) -> tuple[float, ...]:
    known = values[~np.isnan(values)] if values is not None else np.empty(0)
    if not len(known):
        return ()
    # limits that some customer has: at least a fifth of the customers are then at or below the first
    return tuple(np.quantile(known, _SHARES, method="inverted_cdf").tolist())


def _above(values: Floats, limits: tuple[float, ...]) -> Floats:
    """Return 1, and 1 more for each limit that a value is above; equal values have equal scores."""
    if not limits:
        return np.full(len(values), np.nan)
    return np.where(np.isnan(values), np.nan, 1.0 + np.searchsorted(limits, values, side="left"))
