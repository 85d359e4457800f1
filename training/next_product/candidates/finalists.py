"""A cheap first stage: the first trees of the purchase model choose which candidates all of them look at."""

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Floats
from training.next_product.candidates.find import Candidates

#: Trees of the first stage.
_TREES = 10
#: Finalists of each kind that lists are made of: bought before, never bought, of a better tier.
_FINALISTS = 60


def first_margins(booster: lgb.Booster, inputs: Floats, threads: int = 0) -> Floats:
    """Return the log odds of candidates by the first trees; 0 threads are all."""
    margins: Floats = np.asarray(
        booster.predict(inputs, raw_score=True, num_iteration=_TREES, num_threads=threads), dtype="float64"
    )
    return margins


def finalists_of(candidates: Candidates, likely: Floats) -> npt.NDArray[np.bool_]:
    """Tell which candidates of a customer are finalists, by what the first stage says of each."""
    finalists = np.zeros(len(likely), dtype=bool)
    own = candidates.own >= 0
    for kind in (own, ~own & ~candidates.better, candidates.better):
        places = np.flatnonzero(kind)
        finalists[places[np.argsort(-likely[places], kind="stable")[:_FINALISTS]]] = True
    return finalists
