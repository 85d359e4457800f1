"""A grade for offers: from the gain over the best list that needs no model, and from calibration."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.evaluation.lists import gain
from training.evaluation.metrics import ROUNDS, Estimate

#: What each grade asks for: the gain in NDCG@10 over the best list by frequency, and the calibration error.
LIMITS = {"A": (0.08, 0.02), "B": (0.04, 0.04), "C": (0.01, 0.08)}
RULE = (
    "The grade compares the NDCG@10 of the offers with that of the best list that only counts, over all test "
    "snapshots. "
    + "; ".join(
        f"{grade}: at least {least:.0%} more and a calibration error of at most {error}"
        for grade, (least, error) in LIMITS.items()
    )
    + "; else D. It is D too where the 95 % interval of the gain reaches down to 0."
)


@dataclass(frozen=True)
class Grading:
    """A grade and what it rests on.

    Attributes
    ----------
    gain
        NDCG@10 of the offers over that of the best rule, less 1, with its paired bootstrap interval.
    """

    grade: str
    best_rule: str
    gain: Estimate
    ece: float


def grade(ndcg: dict[str, Floats], ece: float, ours: str) -> Grading:
    """Grade by `RULE`.

    Parameters
    ----------
    ndcg
        Per method NDCG@10 of each list, all methods in the same order of customers and snapshots.
    ours
        The method that is graded.
    """
    best = max((name for name in ndcg if name != ours), key=lambda name: float(ndcg[name].mean()))
    count = len(ndcg[ours])
    drawn = np.random.default_rng(7).integers(0, count, (ROUNDS, count))
    found = gain(ndcg[ours], ndcg[best], drawn)
    reached = next((g for g, (least, most) in LIMITS.items() if found.value >= least and ece <= most), "D")
    return Grading("D" if found.low <= 0 else reached, best, found, ece)
