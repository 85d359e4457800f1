"""Whether a figure is unusual beside its own history."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: With eight earlier figures there is a history to compare with.
LEAST = 8
#: The standard deviation of a normal distribution over its median absolute deviation.
_NORMAL = 1.4826
#: Spread that any figure may have, as a share of its median: a history without movement is no promise.
_FLOOR = 0.02


@dataclass(frozen=True)
class Usual:
    """What is usual: the median of earlier figures, and limits some spreads away from it."""

    median: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return whether a figure is usual."""
        return self.low <= value <= self.high


def usual(history: Sequence[float], spreads: float) -> Usual | None:
    """Return the median of earlier figures, and limits that many spreads to both sides; None with too few.

    A spread is 1.4826 median absolute deviations, which is the standard deviation where figures are normal, and which
    single outliers do not move; it is at least 2 % of the median.
    """
    known = np.array([value for value in history if np.isfinite(value)])
    if len(known) < LEAST:
        return None
    median = float(np.median(known))
    spread = max(_NORMAL * float(np.median(np.abs(known - median))), _FLOOR * abs(median))
    return Usual(median, median - spreads * spread, median + spreads * spread)
