"""Purchases of customers with the same attributes, for customers who have not bought yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.next_product.history import History

#: A segment of fewer customers says nothing.
MIN_CUSTOMERS = 30
RECENT_DAYS = 28.0


@dataclass(frozen=True)
class Segments:
    """Customers by the value of one attribute.

    Attributes
    ----------
    names
        Attribute and value of each segment.
    sizes
        Customers in each who bought anything that can be offered within the 28 days before the counting.
    buyers
        Segments x products: how many of them bought the product within these days.
    """

    names: tuple[tuple[str, str], ...]
    sizes: Floats
    buyers: Floats

    def of(self, history: History) -> list[int]:
        """Return the places of the customer's segments."""
        return [place for place, (name, value) in enumerate(self.names) if history.attributes.get(name) == value]

    def scores(self, history: History) -> Floats:
        """Return of every product the share of buyers, averaged over the customer's segments; 0 without any."""
        places = self.of(history)
        if not places:
            return np.zeros(self.buyers.shape[1])
        shares: Floats = (self.buyers[places] / self.sizes[places, None]).mean(axis=0)
        return shares


def fit_segments(histories: Sequence[History], products: int) -> Segments:
    """Count who bought what in the last 28 days, by attribute and value."""
    members: dict[tuple[str, str], list[History]] = {}
    for history in histories:
        if (history.days_since < RECENT_DAYS).any():
            for attribute in history.attributes.items():
                members.setdefault(attribute, []).append(history)
    large = {name: customers for name, customers in sorted(members.items()) if len(customers) >= MIN_CUSTOMERS}
    buyers = np.zeros((len(large), products), dtype="float32")
    for row, customers in zip(buyers, large.values(), strict=True):
        for history in customers:
            row[history.codes[history.days_since < RECENT_DAYS]] += 1
    return Segments(tuple(large), np.array([len(customers) for customers in large.values()], dtype="float64"), buyers)
