"""Folds of customers: always the same for a customer, so that every version knows which of its parts saw whom."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from core.arrays import Ints
from features.given import place_of


def folds_of(customers: npt.NDArray[np.object_], folds: int) -> Ints:
    """Return the fold of each customer, in [0, folds), by a stable hash of the id."""
    ids, places = np.unique(customers.astype(str), return_inverse=True)
    return np.array([int(place_of(one) * folds) for one in ids.tolist()], dtype="int64")[places]


def pairs_of(folds: int) -> list[tuple[int, int]]:
    """Return every pair of folds.

    A part that is grown without a pair can answer for both folds, and gives each of the two what the other one learns
    an effect from: it saw neither.
    """
    return list(combinations(range(folds), 2))
