"""How well one feature separates two outcomes on its own: nearly perfectly hardly ever happens honestly."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Ints


@dataclass(frozen=True)
class Strongest:
    """The feature that separates the outcomes best on its own.

    Attributes
    ----------
    roc_auc
        Its AUC on the test rows, either way round, and with missing values at the end that suits it best.
    trusted_by
        The setting that lists features which were checked to be known in time.
    """

    feature: str
    roc_auc: float
    trusted_by: str


def separation(outcomes: Ints, values: Floats) -> float:
    """Return the AUC of values on their own, from 0.5 to 1.

    Whether a value is missing can tell the outcome too: missing values count as the lowest, then as the highest.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - serving reads what a model is, and has no sklearn

    missing = np.isnan(values)
    if missing.all():
        return 0.5
    low, high = float(np.nanmin(values)) - 1, float(np.nanmax(values)) + 1
    areas = [float(roc_auc_score(outcomes, np.where(missing, end, values))) for end in (low, high)]
    return max(max(area, 1 - area) for area in areas)
