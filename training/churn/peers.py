"""Similar customers: whom one is compared with where they have no habit of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Ints


@dataclass(frozen=True)
class Peers:
    """Groups of similar customers, and what is usual in each.

    Attributes
    ----------
    by
        The feature that groups; None where all customers are one group.
    edges
        Values at which the next group starts, in ascending order.
    everyone
        Per feature the median of all active customers of the training snapshots.
    groups
        Per group the same of its customers; the first is those whose grouping feature is missing.
    """

    by: str | None
    edges: tuple[float, ...]
    everyone: dict[str, float]
    groups: tuple[dict[str, float], ...]

    def like(self, value: float) -> dict[str, float]:
        """Return what is usual among customers whose grouping feature is like `value`."""
        return self.groups[int(group_of(np.array([value]), self.edges)[0])]


def group_of(values: Floats, edges: Sequence[float]) -> Ints:
    """Return the number of each value's group: 0 where it is missing, then one more than the edges reached."""
    return np.where(np.isnan(values), 0, np.searchsorted(np.array(edges), values, side="right") + 1).astype("int64")
