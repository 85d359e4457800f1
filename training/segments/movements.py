"""Movements between two moments: how many customers went from which group, stage or tier to which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Ints

#: Before: the customer had no group yet. After: the customer has none any more.
NOT_YET, NO_LONGER = "not_yet", "no_longer"


@dataclass(frozen=True)
class Movements:
    """Counts of customers, one row a group before and one column a group after.

    Attributes
    ----------
    before
        Names of the rows: the groups, and `NOT_YET`.
    after
        Names of the columns: the groups, and `NO_LONGER`.
    counts
        Number of customers, rows x columns.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    counts: Ints

    def of(self, before: str, after: str) -> int:
        """Return how many customers went from one group to another."""
        return int(self.counts[self.before.index(before), self.after.index(after)])

    def rows(self) -> list[dict[str, str | int]]:
        """Return the movements that any customer made, the most frequent first."""
        places = sorted(zip(*np.nonzero(self.counts), strict=True), key=lambda place: (-self.counts[place], place))
        return [
            {"before": self.before[row], "after": self.after[column], "customers": int(self.counts[row, column])}
            for row, column in places
        ]


def movements(before: Mapping[str, str], after: Mapping[str, str], order: Sequence[str]) -> Movements:
    """Count the customers of either moment by their groups then.

    Parameters
    ----------
    before, after
        The group of each customer by id; a customer who is missing, or whose group is empty, has none.
    order
        All groups, in the order of the table.

    Raises
    ------
    ValueError
        If a customer has a group that is not in the order.
    """
    unknown = sorted({*before.values(), *after.values()} - {*order, ""})
    if unknown:
        raise ValueError(f"Expected groups among {', '.join(order)}; found {unknown[0]!r}.")
    rows, columns = (*order, NOT_YET), (*order, NO_LONGER)
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for customer in before.keys() | after.keys():
        one, other = before.get(customer) or NOT_YET, after.get(customer) or NO_LONGER
        if (one, other) != (NOT_YET, NO_LONGER):
            counts[rows.index(one), columns.index(other)] += 1
    return Movements(rows, columns, counts)
