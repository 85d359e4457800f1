"""Whether the probabilities of offers mean what they say."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Ints
from training.evaluation.metrics import expected_calibration_error
from training.next_product.evaluation.views import Exam


@dataclass(frozen=True)
class Promised:
    """Offers to every active customer: the probability of each, and whether it was bought."""

    probabilities: Floats
    bought: Ints

    def measured(self) -> dict[str, float]:
        """Return the calibration error (15 bins of equal mass), the Brier score, and how many offers there were.

        `predicted` and `observed` are the mean probability and the share that was bought.
        """
        return {
            "ece": expected_calibration_error(self.bought, self.probabilities),
            "brier": float(((self.probabilities - self.bought) ** 2).mean()),
            "predicted": float(self.probabilities.mean()),
            "observed": float(self.bought.mean()),
            "offers": float(len(self.bought)),
        }


def promised(exam: Exam) -> dict[str, Promised]:
    """Compare what was promised of ten offers with what was bought, for `all` and for `new_product` lists."""
    found = {}
    for name, lists in (("all", exam.best_mix), ("new_product", exam.never_bought)):
        pairs = [
            (one.probability or 0.0, one.code in wanted.codes)
            for chosen, wanted in zip(lists, exam.bought, strict=True)
            for one in chosen
        ]
        found[name] = Promised(np.array([p for p, _ in pairs]), np.array([hit for _, hit in pairs], dtype="int64"))
    return found
