"""Fitted baselines of the next product: TIFU-KNN, and each candidate source on its own.

TIFU-KNN is a strong baseline for the next basket: own frequency that fades, and that of the nearest customers.
Source: Hu, He, Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket Recommendation
(SIGIR 2020).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from core.arrays import Floats
from training.next_product.candidates.sources import Sources
from training.next_product.dataset import Dataset

GROUPS, WITHIN_DECAY, GROUP_DECAY = 7, 0.9, 0.7
NEAREST, OWN_WEIGHT = 300, 0.7


def customer_vectors(baskets: pd.DataFrame, customers: int, products: int) -> sparse.csr_matrix:
    """Return the fading frequency of each product, customers x products.

    Parameters
    ----------
    baskets
        As of `Dataset.baskets`.
    """
    place, orders = (baskets[name].to_numpy(dtype="int64") for name in ("place", "orders"))
    groups = np.minimum(GROUPS, orders)
    group = place * groups // orders
    first = -(-group * orders // groups)
    size = -(-(group + 1) * orders // groups) - first
    within = WITHIN_DECAY ** (size - 1 - (place - first)) / size
    across = GROUP_DECAY ** (groups - 1 - group) / groups
    codes = baskets["customer"].to_numpy(), baskets["product"].to_numpy()
    return sparse.csr_matrix((within * across, codes), shape=(customers, products))


def tifu_scores(vectors: sparse.csr_matrix, rows: np.ndarray) -> Floats:
    """Return the score of every product for some customers, by Euclidean distance to all others."""
    own = vectors[rows]
    lengths = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    distances = lengths[rows, None] + lengths[None, :] - 2 * (own @ vectors.T).toarray()
    distances[np.arange(len(rows)), rows] = np.inf
    count = min(NEAREST, vectors.shape[0] - 1)
    nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
    chosen = sparse.csr_matrix(
        (np.full(nearest.size, 1 / count), nearest.ravel(), np.arange(0, nearest.size + 1, count)),
        shape=(len(rows), vectors.shape[0]),
    )
    scores: Floats = (OWN_WEIGHT * own + (1 - OWN_WEIGHT) * (chosen @ vectors)).toarray()
    return scores


def fitted_scores(
    dataset: Dataset, sources: Sources, vectors: sparse.csr_matrix, places: Sequence[int]
) -> dict[str, Floats]:
    """Return customers x products by fitted baseline: `tifu_knn`, `item_knn`, `als`, `ease`, `user_knn`.

    Parameters
    ----------
    vectors
        As of `customer_vectors`, of all customers of the dataset.
    places
        Customers to score, by their places in `dataset.histories`.
    """
    scores = sources.scores([dataset.histories[place] for place in places])
    return {
        "tifu_knn": tifu_scores(vectors, np.asarray(places)),
        "item_knn": scores["similar"],
        "als": scores["als"],
        "ease": scores["ease"],
        "user_knn": scores["neighbours"],
    }
