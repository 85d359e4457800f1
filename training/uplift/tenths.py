"""The actual effect on customers by tenth of predicted lift: what an interval of a customer's lift is read from."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.arrays import Floats, Ints

_TENTHS = 10
#: Fewer customers than this in a group say nothing about it: few customers are cut into fewer groups.
_LEAST = 50
_Z = 1.959964


@dataclass(frozen=True)
class Tenths:
    """Groups of customers by predicted lift, in ascending order.

    Attributes
    ----------
    edges
        Predicted lift from which on a customer is in the next group.
    predicted
        The mean predicted lift of each group.
    actual, low, high
        The difference that the action made to each group, with a 95 % interval.
    customers
        How many customers each group was measured on.
    """

    edges: tuple[float, ...]
    predicted: tuple[float, ...]
    actual: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    customers: tuple[int, ...]

    def places(self, lift: Floats) -> Ints:
        """Return the group of each predicted lift."""
        return np.digitize(lift, self.edges)

    def bounds(self, lift: Floats) -> tuple[Floats, Floats]:
        """Return the interval of the effect on customers of the same group."""
        places = self.places(lift)
        return np.array(self.low)[places], np.array(self.high)[places]

    @property
    def error(self) -> float:
        """The mean distance between predicted and actual effect over the groups, in points of probability."""
        return float(np.average(np.abs(np.subtract(self.predicted, self.actual)), weights=self.customers))

    @property
    def bias(self) -> float:
        """By how much the predicted effect is too high on average."""
        return float(np.average(np.subtract(self.predicted, self.actual), weights=self.customers))

    @property
    def top_fifth(self) -> float:
        """By how much the actual effect on the fifth with the highest predicted lift exceeds that on everybody."""
        count = max(1, len(self.actual) // 5)
        top = np.average(self.actual[-count:], weights=self.customers[-count:])
        return float(top - np.average(self.actual, weights=self.customers))


def tenths_of(lift: Floats, scores: Floats) -> Tenths:
    """Cut customers into tenths of the lift that was predicted without them, and measure the effect on each.

    The interval is that of a mean of independent scores. Means that are not monotone stay as they are: smoothed ones
    would have intervals that no longer cover what they say.
    """
    groups = max(1, min(_TENTHS, len(lift) // _LEAST))
    order = np.argsort(lift, kind="stable")
    ends = np.linspace(0, len(lift), groups + 1).round().astype("int64")
    parts = [order[start:end] for start, end in pairwise(ends.tolist())]
    actual = np.array([scores[part].mean() for part in parts])
    reach = np.array([_Z * scores[part].std(ddof=1) / np.sqrt(len(part)) for part in parts])
    return Tenths(
        edges=tuple(float(lift[part[0]]) for part in parts[1:]),
        predicted=tuple(float(lift[part].mean()) for part in parts),
        actual=tuple(actual.tolist()),
        low=tuple((actual - reach).tolist()),
        high=tuple((actual + reach).tolist()),
        customers=tuple(len(part) for part in parts),
    )
