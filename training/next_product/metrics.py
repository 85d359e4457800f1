"""How good lists of ten are."""

import numpy as np

from features.vectors import Floats

K = 10
#: 1 / log2(place + 1), places from 1.
_DISCOUNTS: Floats = 1.0 / np.log2(np.arange(2, K + 2))


def list_metrics(hit: np.ndarray, bought: int) -> dict[str, float]:
    """Measure one list.

    Parameters
    ----------
    hit
        For each of up to ten places whether the product was bought.
    bought
        Distinct products bought in the label window, at least one.

    Returns
    -------
    `ndcg` (binary gains; the ideal list has min(10, bought) hits), `recall`, `precision` (over ten places)
    and `hit_rate`. Source of NDCG: Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation (TOIS 2002).
    """
    gain = float((hit * _DISCOUNTS[: len(hit)]).sum())
    return {
        "ndcg": gain / float(_DISCOUNTS[: min(K, bought)].sum()),
        "recall": float(hit.sum()) / bought,
        "precision": float(hit.sum()) / K,
        "hit_rate": float(hit.any()),
    }
