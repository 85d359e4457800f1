"""How good lists are, beside the lists of other methods for the same customers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from features.vectors import Floats
from training.metrics import ROUNDS, Estimate
from training.next_product.catalogue import Codes

K = 10
METRICS = ("ndcg", "recall", "precision", "hit_rate")
#: 1 / log2(place + 1), places from 1.
_DISCOUNTS: Floats = 1.0 / np.log2(np.arange(2, K + 2))

Measured = dict[str, float | dict[str, float]]


def list_metrics(hit: np.ndarray, bought: int) -> dict[str, float]:
    """Measure one list.

    Parameters
    ----------
    hit
        For each of up to ten places whether it was bought.
    bought
        What could have been listed and was bought in the label window, at least one.

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


def compare(
    lists: Mapping[str, Sequence[Codes]],
    truth: Sequence[frozenset[int]],
    bought: Sequence[int],
    head: frozenset[int],
    items: int,
) -> dict[str, Measured]:
    """Measure the lists of all methods for the same customers; the first method is compared with each other.

    Parameters
    ----------
    lists
        Per method and customer up to ten codes, best first.
    truth, bought
        Per customer the codes that were bought, and how many things were, which may be more: what has no code cannot
        be listed and is missed.
    head
        Codes of the most popular items.
    items
        How many items could be listed.

    Returns
    -------
    Per method `METRICS`, averaged over customers; `coverage` (share of the items on anybody's list), `head_share`
    (share of all places that go to the head); and for all but the first `gain`: the first method's NDCG over this
    one's, less 1, with a 95 % interval from 200 draws of customers, the same for both.
    """
    rows = {
        name: [
            list_metrics(np.array([code in wanted for code in codes.tolist()]), count)
            for codes, wanted, count in zip(of, truth, bought, strict=True)
        ]
        for name, of in lists.items()
    }
    found: dict[str, Measured] = {}
    first = next(iter(lists))
    drawn = np.random.default_rng(7).integers(0, len(truth), (ROUNDS, len(truth)))
    ndcg = {name: np.array([row["ndcg"] for row in of]) for name, of in rows.items()}
    for name, of in lists.items():
        shown = np.concatenate(of) if len(of) else np.zeros(0, dtype="int64")
        found[name] = {metric: float(np.mean([row[metric] for row in rows[name]])) for metric in METRICS}
        found[name] |= {
            "coverage": len(np.unique(shown)) / max(items, 1),
            "head_share": float(np.mean([code in head for code in shown.tolist()])) if len(shown) else 0.0,
        }
        if name != first:
            found[name]["gain"] = asdict(_gain(ndcg[first], ndcg[name], drawn))
    return found


def _gain(one: Floats, other: Floats, drawn: np.ndarray) -> Estimate:
    draws = one[drawn].mean(axis=1) / np.maximum(other[drawn].mean(axis=1), 1e-12) - 1
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(one.mean() / max(other.mean(), 1e-12) - 1), float(low), float(high))
