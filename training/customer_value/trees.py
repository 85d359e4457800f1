"""Boosted trees on top of a start: what they answer is a factor."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from core.arrays import Floats

#: Up to this many rows are scored by one thread: more would take longer to start, and take the cores of other requests.
FEW = 2_000


@dataclass(frozen=True)
class Trees:
    """Trees that correct the logarithm of a start; none where the start could not be improved."""

    booster: lgb.Booster | None = None

    @property
    def rounds(self) -> int:
        """How many trees there are."""
        return int(self.booster.num_trees()) if self.booster is not None else 0

    def corrected(self, start: Floats, inputs: Floats) -> Floats:
        """Return the start of each row, above 0, times the factor of the trees."""
        if self.booster is None or not len(start):
            return start
        raw = np.asarray(self.booster.predict(inputs, raw_score=True, num_threads=_threads(inputs)))
        corrected: Floats = np.exp(np.log(start) + raw)
        return corrected

    def contributions(self, inputs: Floats) -> Floats:
        """Return TreeSHAP values of the logarithm of the factor, rows x (features + 1).

        The last column is the base value; each row sums to the logarithm.
        """
        if self.booster is None or not len(inputs):
            return np.zeros((len(inputs), inputs.shape[1] + 1))
        return np.array(self.booster.predict(inputs, pred_contrib=True, num_threads=_threads(inputs)))


def _threads(inputs: Floats) -> int:
    return 1 if len(inputs) <= FEW else 0
