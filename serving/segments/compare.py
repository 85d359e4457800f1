"""How segments relate to each other, and what distinguishes the members of one from all other customers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.arrays import Floats
from serving.segments.population import Population
from serving.segments.values import Mask, TextArray

#: From which a difference is shown: a small effect by Cohen, Statistical Power Analysis for the Behavioral Sciences
#: (1988), section 2.2.
_LEAST = 0.2
#: Columns that go together more closely than this say the same, and the first one is enough.
_SAME = 0.8
#: Values of a column of texts that are compared, the most frequent ones of the members.
_MOST_VALUES = 20
#: Customers, members and others, without whom nothing is compared.
_FEWEST = 10


@dataclass(frozen=True)
class Trait:
    """What distinguishes members from all other customers.

    Attributes
    ----------
    value
        Of a text: the value that more, or fewer, of them have. None of a number.
    measure
        What the two figures are: of a number the median of known values, the mean where the medians are equal; of a
        text the share of customers with the value.
    members, others
        The figure of the members, and of all other customers.
    difference
        In standard deviations of all customers (Cohen's d with the deviation of everybody): positive where members
        have more.
    """

    column: str
    value: str | None
    measure: Literal["median", "mean", "share"]
    members: float
    others: float
    difference: float


@dataclass(frozen=True)
class _Candidate:
    """A difference with the numbers behind it, NaN where one is missing."""

    trait: Trait
    values: Floats


def overlaps(masks: Mapping[str, Mask]) -> dict[str, dict[str, float]]:
    """Return, for each segment with members, the share of them who are in each other segment too."""
    names = list(masks)
    shares: dict[str, dict[str, float]] = {}
    for name in names:
        size = int(masks[name].sum())
        others = [other for other in names if other != name]
        shares[name] = {other: float((masks[name] & masks[other]).sum() / size) for other in others} if size else {}
    return shares


def traits(population: Population, members: Mask, known: Sequence[str], most: int = 5) -> list[Trait]:
    """Return the columns that distinguish members most, the largest difference first.

    Of columns that go together closely only the first is returned.

    Parameters
    ----------
    known
        Columns that say nothing new, as those of the segment's own rule.
    most
        How many are returned at most.
    """
    if min(int(members.sum()), int((~members).sum())) < _FEWEST:
        return []
    left = [name for name in population.columns if name not in known]
    found = [one for name in left for one in _candidates(population, name, members)]
    found.sort(key=lambda one: -abs(one.trait.difference))
    chosen: list[_Candidate] = []
    for one in found:
        if len(chosen) == most or abs(one.trait.difference) < _LEAST:
            break
        new = all(one.trait.column != other.trait.column for other in chosen)
        if new and not any(_go_together(one.values, other.values) for other in chosen):
            chosen.append(one)
    return [one.trait for one in chosen]


def _candidates(population: Population, name: str, members: Mask) -> Iterator[_Candidate]:
    if name in population.texts:
        yield from _of_texts(name, population.texts[name], members)
        return
    values = population.numbers[name]
    known = ~np.isnan(values)
    inside, outside = values[members & known], values[~members & known]
    spread = float(values[known].std()) if known.any() else 0.0
    if min(len(inside), len(outside)) < _FEWEST or spread <= 0:
        return
    difference = float(inside.mean() - outside.mean()) / spread
    if abs(difference) < _LEAST:
        return
    figures = float(np.median(inside)), float(np.median(outside))
    measure: Literal["median", "mean"] = "median" if figures[0] != figures[1] else "mean"
    if measure == "mean":
        figures = float(inside.mean()), float(outside.mean())
    yield _Candidate(Trait(name, None, measure, *figures, difference), values)


def _of_texts(name: str, texts: TextArray, members: Mask) -> Iterator[_Candidate]:
    """Compare the shares of customers with each value, as the means of a column that is 1 for them and else 0."""
    frequent = Counter(value for value in texts[members] if value is not None).most_common(_MOST_VALUES)
    for value, _ in frequent:
        having = np.fromiter((text == value for text in texts), dtype="float64", count=len(texts))
        inside, outside, spread = float(having[members].mean()), float(having[~members].mean()), float(having.std())
        if spread > 0:
            yield _Candidate(Trait(name, value, "share", inside, outside, (inside - outside) / spread), having)


def _go_together(one: Floats, other: Floats) -> bool:
    """Tell whether two columns correlate by more than `_SAME`, over the customers who have both."""
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < _FEWEST or one[both].std() == 0 or other[both].std() == 0:
        return False
    return bool(abs(np.corrcoef(one[both], other[both])[0, 1]) > _SAME)
