"""A grade for those who do not read metrics: from the gain over the best rule, and from calibration."""

from dataclasses import dataclass
from typing import Literal

from training.churn.baselines import RULES
from training.churn.evaluation import CHAMPION
from training.evaluation.metrics import Draws, Estimate

Grade = Literal["A", "B", "C", "D"]

#: What each grade asks for: the share of the best rule's ranking errors removed, and the calibration error.
LIMITS: dict[Grade, tuple[float, float]] = {"A": (0.30, 0.02), "B": (0.20, 0.04), "C": (0.05, 0.08)}
RULE = (
    "The grade compares the champion with the best rule that needs no model. Removed is the share of the rule's "
    "ranking errors (1 - AUC) that the champion does not make. "
    + "; ".join(
        f"{grade}: at least {removed:.0%} removed and a calibration error of at most {error}"
        for grade, (removed, error) in LIMITS.items()
    )
    + "; else D. It is D too where the 95 % interval of the gain in AUC reaches down to 0, and at best B where "
    "a baseline has a higher AUC."
)


@dataclass(frozen=True)
class Grading:
    """A grade and what it rests on.

    Attributes
    ----------
    gain
        Champion's AUC less the best rule's, with its paired bootstrap interval.
    removed
        That gain over the rule's ranking errors, 1 - AUC.
    """

    grade: Grade
    best_rule: str
    gain: Estimate
    removed: float
    ece: float


def grade(draws: Draws) -> Grading:
    """Grade the champion by `RULE`."""
    auc = {name: of["roc_auc"] for name, of in draws.points.items()}
    best = max((name for name in auc if name in RULES), key=auc.__getitem__)
    gain = draws.gain("roc_auc", CHAMPION, best)
    ece = draws.points[CHAMPION]["ece"]
    removed = gain.value / (1 - auc[best]) if auc[best] < 1 else 0.0
    reached: Grade = next((g for g, (least, most) in LIMITS.items() if removed >= least and ece <= most), "D")
    if gain.low <= 0:
        reached = "D"
    elif reached == "A" and auc[CHAMPION] < max(auc.values()):
        reached = "B"
    return Grading(reached, best, gain, removed, ece)
