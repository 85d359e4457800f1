"""Sets of values of a column: what a condition accepts. One meaning for evaluation and for the check of rules.

Sets of numbers are unions of half-open intervals; a single number x is [x, the next larger float). A set also says
whether it has the missing value, so that every set has a complement and the laws of and, or and not hold without
exception.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from core.arrays import Floats

Mask = npt.NDArray[np.bool_]
#: Aligned texts; None where one is missing.
TextArray = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Numbers:
    """A set of numbers.

    Attributes
    ----------
    spans
        Half-open intervals [low, high), in order, none touching another.
    missing
        Whether the missing value is in it.
    """

    spans: tuple[tuple[float, float], ...]
    missing: bool = False

    @classmethod
    def span(cls, low: float, high: float) -> Self:
        """Return the numbers in [low, high)."""
        return cls(((low, high),))

    @classmethod
    def points(cls, values: Iterable[float]) -> Self:
        """Return some numbers."""
        found = cls(())
        for value in sorted(set(values)):
            low, high = value + 0.0, math.nextafter(value, math.inf)
            spans = found.spans
            # neighbours of floats touch
            touches = bool(spans) and spans[-1][1] == low
            found = cls((*spans[:-1], (spans[-1][0], high)) if touches else (*spans, (low, high)))
        return found

    @classmethod
    def everything(cls) -> Self:
        """Return all numbers and the missing value."""
        return cls(((-math.inf, math.inf),), missing=True)

    @classmethod
    def absent(cls) -> Self:
        """Return the missing value alone."""
        return cls((), missing=True)

    def both(self, other: "Numbers") -> "Numbers":
        """Return the numbers that are in both."""
        spans = []
        for low, high in self.spans:
            for other_low, other_high in other.spans:
                start, end = max(low, other_low), min(high, other_high)
                if start < end:
                    spans.append((start, end))
        return Numbers(tuple(spans), self.missing and other.missing)

    def complement(self) -> "Numbers":
        """Return all other numbers."""
        edges = [-math.inf, *(edge for span in self.spans for edge in span), math.inf]
        gaps = [gap for place, gap in enumerate(pairwise(edges)) if place % 2 == 0]
        return Numbers(tuple((low, high) for low, high in gaps if low < high), not self.missing)

    @property
    def is_empty(self) -> bool:
        """Whether no number is in it, the missing one neither."""
        return not self.spans and not self.missing

    def holds(self, values: Floats) -> Mask:
        """Return for each number whether it is in the set; NaN is the missing value."""
        edges = np.array([edge for span in self.spans for edge in span])
        # an odd number of edges at or below a number: it is inside a span
        inside: Mask = np.searchsorted(edges, values, side="right") % 2 == 1
        absent: Mask = np.isnan(values)
        return np.where(absent, self.missing, inside)


@dataclass(frozen=True)
class Texts:
    """A set of texts.

    Attributes
    ----------
    values
        The texts in it, or those that are not.
    others
        Whether `values` are those that are not in it.
    missing
        Whether the missing value is in it.
    """

    values: frozenset[str]
    others: bool = False
    missing: bool = False

    @classmethod
    def everything(cls) -> Self:
        """Return all texts and the missing value."""
        return cls(frozenset(), others=True, missing=True)

    @classmethod
    def absent(cls) -> Self:
        """Return the missing value alone."""
        return cls(frozenset(), missing=True)

    def both(self, other: "Texts") -> "Texts":
        """Return the texts that are in both."""
        missing = self.missing and other.missing
        if self.others and other.others:
            return Texts(self.values | other.values, others=True, missing=missing)
        if self.others:
            return Texts(other.values - self.values, missing=missing)
        return Texts(self.values - other.values if other.others else self.values & other.values, missing=missing)

    def complement(self) -> "Texts":
        """Return all other texts."""
        return Texts(self.values, not self.others, not self.missing)

    @property
    def is_empty(self) -> bool:
        """Whether no text is in it, the missing one neither."""
        return not self.values and not self.others and not self.missing

    def holds(self, values: TextArray) -> Mask:
        """Return for each text whether it is in the set; None is the missing value."""
        inside = (self.missing if value is None else (value in self.values) != self.others for value in values)
        return np.fromiter(inside, dtype=np.bool_, count=len(values))


ValueSet = Numbers | Texts


def both(one: ValueSet, other: ValueSet) -> ValueSet:
    """Return the values that are in both of two sets of one column."""
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return one.both(other)
    if isinstance(one, Texts) and isinstance(other, Texts):
        return one.both(other)
    raise TypeError(f"expected two sets of one kind, found {type(one).__name__} and {type(other).__name__}")
