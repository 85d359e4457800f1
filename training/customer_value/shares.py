"""How revenue, or value, is spread over customers: shares of deciles, the Lorenz curve, the Gini coefficient."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats

#: Points of a Lorenz curve, both ends included.
POINTS = 101


@dataclass(frozen=True)
class Concentration:
    """How an amount is spread over customers.

    Attributes
    ----------
    deciles
        Share of the whole that each tenth of the customers brings, the best tenth first; ten numbers that add up to 1.
    best_fifth
        Share of the best fifth.
    lorenz
        POINTS shares of the whole, of the customers with the smallest amounts: at 0, 1 %, 2 %, ... 100 % of them.
    gini
        0 where all bring the same, near 1 where one brings all.
    """

    deciles: Floats
    best_fifth: float
    lorenz: Floats
    gini: float


def concentration(amounts: Floats) -> Concentration | None:
    """Measure how an amount is spread over customers; None where there is none of it.

    An amount below 0, or a missing one, counts as 0. Where a tenth is no whole number of customers, the customer at its
    edge counts for both sides in part: the Lorenz curve (Lorenz 1905) is linear between customers. The Gini coefficient
    of amounts x in ascending order is 2 (sum over i of i x_i) / (n sum x) - (n + 1) / n (Gini 1914, in the form of
    Sen 1973, On Economic Inequality).
    """
    ordered = np.sort(np.maximum(np.nan_to_num(amounts), 0.0))
    count, whole = len(ordered), float(ordered.sum())
    if whole <= 0:
        return None
    curve = np.concatenate([[0.0], np.cumsum(ordered)]) / whole
    places = np.linspace(0.0, 1.0, count + 1)
    tenths = np.interp(np.linspace(0.0, 1.0, 11), places, curve)
    ranks = np.arange(1, count + 1)
    gini = 2.0 * float(ranks @ ordered) / (count * whole) - (count + 1) / count
    return Concentration(
        deciles=np.diff(tenths)[::-1],
        best_fifth=float(1.0 - tenths[8]),
        lorenz=np.interp(np.linspace(0.0, 1.0, POINTS), places, curve),
        gini=max(0.0, gini),
    )
