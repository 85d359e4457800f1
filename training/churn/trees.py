"""A LightGBM booster as a churn model scores and explains with it."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from core.arrays import Floats

#: Up to this many rows are scored by one thread: more would take longer to start, and take the cores of other requests.
FEW = 2_000


@dataclass(frozen=True)
class Trees:
    """Boosted trees."""

    booster: lgb.Booster

    def margin(self, inputs: Floats) -> Floats:
        """Return the raw log odds of each row."""
        margins: Floats = np.asarray(self.booster.predict(inputs, raw_score=True, num_threads=_threads(inputs)))
        return margins

    def contributions(self, inputs: Floats) -> Floats:
        """Return TreeSHAP values, rows x (features + 1); the last column is the base value."""
        values: Floats = np.asarray(self.booster.predict(inputs, pred_contrib=True, num_threads=_threads(inputs)))
        return values


def _threads(inputs: Floats) -> int:
    return 1 if len(inputs) <= FEW else 0
