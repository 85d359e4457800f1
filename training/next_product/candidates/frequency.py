"""The obvious lists that offers have to beat: scores of every product for some customers."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from core.arrays import Floats
from training.next_product.candidates.sources import Sources
from training.next_product.catalogue import Catalogue
from training.next_product.dataset import Moment
from training.next_product.evaluation.baselines import tifu_scores
from training.next_product.history import History


def simple_scores(histories: Sequence[History], catalogue: Catalogue) -> dict[str, Floats]:
    """Return customers x products by baseline that is only counted.

    A score of 0 or less is never listed. `g_top_freq`: what everybody bought in the last 28 days. `p_top_freq`: what
    this customer bought most often, ties to what was bought last. `gp_top_freq`: the same, filled up with the first.
    `decayed_p_top_freq`: own baskets, one of an age of 42 days weighing a half, filled up too.
    Source of the first names: Li et al., A Next Basket Recommendation Reality Check (TOIS 2023).
    """
    popular = catalogue.popularity
    everybody = popular / (popular.max() + 1)  # below 1, so that own products come first
    own, decayed = (np.zeros((len(histories), len(popular))) for _ in range(2))
    for row, history in enumerate(histories):
        own[row, history.codes] = 1 + history.baskets + 0.5 / (1 + history.days_since)
        decayed[row, history.codes] = 1 + history.decayed
    return {
        "g_top_freq": np.broadcast_to(everybody, own.shape),
        "p_top_freq": own,
        "gp_top_freq": np.where(own > 0, own, everybody),
        "decayed_p_top_freq": np.where(decayed > 0, decayed, everybody),
    }


def fitted_scores(
    moment: Moment, sources: Sources, vectors: sparse.csr_matrix, places: Sequence[int]
) -> dict[str, Floats]:
    """Return the same of the baselines that are fitted: `tifu_knn`, `item_knn`, `als`, `ease`, `user_knn`."""
    scores = sources.scores([moment.histories[place] for place in places], moment.catalogue)
    return {
        "tifu_knn": tifu_scores(vectors, np.asarray(places)),
        "item_knn": scores["similar"],
        "als": scores["als"],
        "ease": scores["ease"],
        "user_knn": scores["neighbours"],
    }
