"""What customers have in each column, for who writes a rule: known texts, and between which numbers the values lie."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.segments.population import Population

#: Texts of a column that are offered, the most frequent ones.
_MOST_TEXTS = 500


@dataclass(frozen=True)
class Known:
    """Values of a column over all customers.

    Attributes
    ----------
    texts
        The most frequent first; none of a column of numbers.
    numbers
        The least, the middle and the highest one, of moments as days from now; None where there is none.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[float, float, float] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no customer has a value."""
        return not self.texts and self.numbers is None


def known_values(population: Population) -> Mapping[str, Known]:
    """Return what customers have in each column that rules may read."""
    found = {}
    for name in population.columns:
        if name in population.texts:
            counts = Counter(population.texts[name])
            del counts[None]
            found[name] = Known(texts=tuple(text for text, _ in counts.most_common(_MOST_TEXTS)))
        else:
            values = population.numbers[name]
            values = values[~np.isnan(values)]
            ends = (float(values.min()), float(np.median(values)), float(values.max())) if len(values) else None
            found[name] = Known(numbers=ends)
    return found
