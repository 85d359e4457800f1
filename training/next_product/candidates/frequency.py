"""Lists that only count, which offers have to beat: scores of every product for some customers."""

from collections.abc import Sequence

import numpy as np

from core.arrays import Floats
from training.next_product.catalogue import Catalogue
from training.next_product.history import History


def simple_scores(histories: Sequence[History], catalogue: Catalogue) -> dict[str, Floats]:
    """Return customers x products by baseline that is only counted.

    A score of 0 or less is never listed. `g_top_freq`: products most bought by all customers in the last 28 days.
    `p_top_freq`: products this customer bought most often, ties to the one bought last. `gp_top_freq`: the same, filled
    up with the first. `decayed_p_top_freq`: own baskets, one of an age of 42 days weighing a half, filled up too.
    Source of the first names: Li et al., A Next Basket Recommendation Reality Check (TOIS 2023).
    """
    popular = catalogue.popularity
    overall = popular / (popular.max() + 1)  # below 1, so that own products come first
    own, decayed = (np.zeros((len(histories), len(popular))) for _ in range(2))
    for row, history in enumerate(histories):
        own[row, history.codes] = 1 + history.baskets + 0.5 / (1 + history.days_since)
        decayed[row, history.codes] = 1 + history.decayed
    return {
        "g_top_freq": np.broadcast_to(overall, own.shape),
        "p_top_freq": own,
        "gp_top_freq": np.where(own > 0, own, overall),
        "decayed_p_top_freq": np.where(decayed > 0, decayed, overall),
    }
