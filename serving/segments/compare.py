"""How segments relate to each other, and what distinguishes the members of one from all other customers."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.arrays import Floats
from serving.segments.population import Population
from serving.segments.values import Mask, TextArray

#: From which a difference is shown: a small effect by Cohen, Statistical Power Analysis for the Behavioral Sciences
#: (1988), of means (d, section 2.2) and of shares (h, section 6.2).
_LEAST = 0.2
#: Standard errors that a difference is at least: chance alone makes one of 16,000 so large, and many are looked at.
_LEAST_ERRORS = 4.0
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
        The size of the effect, positive where members have more: of a number the difference of the means in standard
        deviations of all customers, of a text Cohen's h, 2 arcsin √p - 2 arcsin √q of the shares p and q.
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
    left = [name for name, column in population.columns.items() if name not in known and column.kind != "moment"]
    found = [one for name in left for one in _candidates(population, name, members)]
    found.sort(key=lambda one: -abs(one.trait.difference))
    said = [population.numbers[name] for name in known if name in population.numbers]
    chosen: list[Trait] = []
    for one in found:
        if len(chosen) == most:
            break
        new = all(one.trait.column != other.column for other in chosen)
        if new and not any(_go_together(one.values, other) for other in said):
            chosen.append(one.trait)
            said.append(one.values)
    return chosen


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
    figures = float(np.median(inside)), float(np.median(outside))
    measure: Literal["median", "mean"] = "median" if figures[0] != figures[1] else "mean"
    if measure == "mean":
        figures = float(inside.mean()), float(outside.mean())
    if _is_clear(difference, len(inside), len(outside)):
        yield _Candidate(Trait(name, None, measure, *figures, difference), values)


def _of_texts(name: str, texts: TextArray, members: Mask) -> Iterator[_Candidate]:
    """Compare the shares of customers with each value."""
    counts, others = Counter(texts[members]), Counter(texts[~members])
    count, other_count = int(members.sum()), int((~members).sum())
    frequent = [value for value, _ in counts.most_common(_MOST_VALUES) if value is not None]
    for value in frequent:
        inside, outside = counts[value] / count, others[value] / other_count
        effect = 2 * (math.asin(math.sqrt(inside)) - math.asin(math.sqrt(outside)))
        if _is_clear(effect, count, other_count):
            yield _Candidate(Trait(name, value, "share", inside, outside, effect), (texts == value).astype("float64"))


def _is_clear(effect: float, members: int, others: int) -> bool:
    """Return whether an effect is neither small nor chance; the standard error of both kinds is sqrt(1/n + 1/m)."""
    return abs(effect) >= max(_LEAST, _LEAST_ERRORS * math.sqrt(1 / members + 1 / others))


def _go_together(one: Floats, other: Floats) -> bool:
    """Return whether two columns correlate by more than `_SAME`, over the customers who have both."""
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < _FEWEST or one[both].std() == 0 or other[both].std() == 0:
        return False
    return bool(abs(np.corrcoef(one[both], other[both])[0, 1]) > _SAME)
