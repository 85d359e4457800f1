"""From raw margins to probabilities that mean what they say."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = 1 / (1 + exp(-(slope * margin + intercept))).

    Source: Platt, Probabilistic Outputs for Support Vector Machines (1999).
    """

    slope: float
    intercept: float

    def probability(self, margin: Floats) -> Floats:
        """Turn raw margins (log odds) into calibrated probabilities."""
        calibrated: Floats = 1.0 / (1.0 + np.exp(-(self.slope * margin + self.intercept)))
        return calibrated


def calibrate(margins: Floats, labels: np.ndarray) -> Calibration:
    """Fit Platt scaling of raw margins to labels."""
    # only training needs scikit-learn; serving reads the two numbers
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    platt = LogisticRegression(C=1e6).fit(margins.reshape(-1, 1), labels)
    return Calibration(float(platt.coef_[0, 0]), float(platt.intercept_[0]))
