"""How good lists are, beside the lists of other methods for the same customers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.arrays import Floats
from training.evaluation.metrics import ROUNDS, Estimate
from training.next_product.catalogue import Codes

K = 10
METRICS = ("ndcg", "recall", "precision", "hit_rate")

Measured = dict[str, float | dict[str, float]]


@dataclass(frozen=True)
class Wanted:
    """What one customer bought in the label window, of what could have been listed and what could not.

    Attributes
    ----------
    codes
        What was bought, as far as it has a code.
    count
        How many things were bought; what has no code cannot be listed and is missed.
    """

    codes: frozenset[int]
    count: int


@dataclass(frozen=True)
class Shelf:
    """What lists are made of: how many items there are, and which are the most popular 1 %."""

    items: int
    head: frozenset[int]


def list_metrics(hit: np.ndarray, bought: int, k: int = K) -> dict[str, float]:
    """Measure one list.

    Parameters
    ----------
    hit
        For each of up to k places whether it was bought.
    bought
        What was bought in the label window, at least one.

    Returns
    -------
    `ndcg` (binary gains; the ideal list has min(k, bought) hits), `recall`, `precision` (over k places)
    and `hit_rate`. Source of NDCG: Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation (TOIS 2002).
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    gain = float((hit * discounts[: len(hit)]).sum())
    return {
        "ndcg": gain / float(discounts[: min(k, bought)].sum()),
        "recall": float(hit.sum()) / bought,
        "precision": float(hit.sum()) / k,
        "hit_rate": float(hit.any()),
    }


def compare(
    lists: Mapping[str, Sequence[Codes]], wanted: Sequence[Wanted], shelf: Shelf, k: int = K
) -> dict[str, Measured]:
    """Measure the lists of all methods for the same customers; the first method is compared with each other.

    Parameters
    ----------
    lists
        Per method and customer up to k codes, best first.
    wanted
        Per customer what was bought. Who bought nothing that is asked for is left out.

    Returns
    -------
    Per method `METRICS`, averaged over customers; `coverage` (share of the items on anybody's list), `head_share`
    (share of all places that go to the head); and for all but the first `gain`: the first method's NDCG over this
    one's, less 1, with a 95 % interval from 200 draws of customers, the same for both. Nothing where nobody bought.
    """
    some = [place for place, one in enumerate(wanted) if one.count]
    if not some:
        return {}
    rows = {name: [_one(of[place], wanted[place], k) for place in some] for name, of in lists.items()}
    found: dict[str, Measured] = {}
    first = next(iter(lists))
    drawn = np.random.default_rng(7).integers(0, len(some), (ROUNDS, len(some)))
    ndcg = {name: np.array([row["ndcg"] for row in of]) for name, of in rows.items()}
    for name, of in lists.items():
        shown = np.concatenate([of[place] for place in some])
        found[name] = {metric: float(np.mean([row[metric] for row in rows[name]])) for metric in METRICS}
        found[name] |= {
            "coverage": len(np.unique(shown)) / max(shelf.items, 1),
            "head_share": float(np.mean([code in shelf.head for code in shown.tolist()])) if len(shown) else 0.0,
        }
        if name != first:
            found[name]["gain"] = asdict(gain(ndcg[first], ndcg[name], drawn))
    return found


def ndcg_by_customer(lists: Sequence[Codes], wanted: Sequence[Wanted], k: int = K) -> Floats:
    """Return NDCG of the list of each customer who bought something."""
    return np.array([_one(codes, one, k)["ndcg"] for codes, one in zip(lists, wanted, strict=True) if one.count])


def gain(one: Floats, other: Floats, drawn: np.ndarray) -> Estimate:
    """Return by how much the mean of one exceeds that of the other, as a share, with its interval over draws."""
    draws = one[drawn].mean(axis=1) / np.maximum(other[drawn].mean(axis=1), 1e-12) - 1
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(one.mean() / max(other.mean(), 1e-12) - 1), float(low), float(high))


def _one(codes: Codes, wanted: Wanted, k: int) -> dict[str, float]:
    return list_metrics(np.array([code in wanted.codes for code in codes[:k].tolist()]), wanted.count, k)
