"""Many comparisons at once: p-values and intervals that hold for all of them together."""

import numpy as np

from core.arrays import Floats
from training.effects.difference import MISS


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted by Holm's step-down method; none is above 1, and NaN stays NaN and counts for nothing.

    The probability that any true hypothesis is rejected at a level is at most that level, whatever the dependence.
    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def share_of_miss(comparisons: int) -> float:
    """Return how often each of several intervals may miss, so that all hold together in 95 % of experiments.

    Bonferroni: whatever the dependence of arms that share a control group, and of orders, revenue and margin.
    """
    return MISS / max(comparisons, 1)
