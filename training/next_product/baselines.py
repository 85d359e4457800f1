"""The obvious lists that offers have to beat, each a function from a history to codes, best first."""

from collections.abc import Callable

import numpy as np

from features.vectors import Floats
from training.next_product.catalogue import Catalogue, Codes, popularity
from training.next_product.history import History
from training.next_product.metrics import K
from training.next_product.sources import Sources, top

Recommend = Callable[[History], Codes]


def baselines(catalogue: Catalogue, sources: Sources) -> dict[str, Recommend]:
    """Return every baseline, fitted at the moment of the catalogue and the sources.

    `g_top_freq`: what everybody bought in the last 28 days. `p_top_freq`: what this customer bought most
    often. `gp_top_freq`: the same, filled up with the first. `item_knn` and `als`: implicit's, as they come.
    Source of the names: Li et al., A Next Basket Recommendation Reality Check (TOIS 2023).
    """
    popular = popularity(catalogue)
    everybody = top(popular, K + 1)

    def personal(history: History) -> Codes:
        # ties go to what was bought last
        best = np.lexsort((history.days_since, -history.baskets))[:K]
        return history.codes[best]

    def filled(history: History) -> Codes:
        own = personal(history)
        rest = top(np.where(np.isin(np.arange(len(popular)), own), 0.0, popular), K) if len(own) < K else everybody[:0]
        return np.concatenate([own, rest])[:K]

    def scored(score: Callable[[History], Floats]) -> Recommend:
        return lambda history: top(score(history), K)

    return {
        "g_top_freq": lambda _: everybody[:K],
        "p_top_freq": personal,
        "gp_top_freq": filled,
        "item_knn": scored(sources.similar_scores),
        "als": scored(sources.als_scores),
    }
