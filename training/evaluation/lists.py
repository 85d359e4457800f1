"""How good lists are, beside the lists of other methods for the same customers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from training.evaluation.bootstrap import relative_gain

K = 10
METRICS = ("ndcg", "recall", "precision", "hit_rate")

Measured = dict[str, float | dict[str, float]]


@dataclass(frozen=True)
class Relevant:
    """The items that are right for one customer, such as those bought in the label window.

    Attributes
    ----------
    codes
        The items that have a code, and therefore can be listed.
    count
        All items; those without a code cannot be listed and are missed.
    """

    codes: frozenset[int]
    count: int


@dataclass(frozen=True)
class Items:
    """The items that lists are made of: how many there are, and the most popular 1 %."""

    count: int
    head: frozenset[int]


def list_metrics(hit: npt.NDArray[np.bool_] | Ints, relevant: int, k: int = K) -> dict[str, float]:
    """Measure one list.

    Parameters
    ----------
    hit
        For each of up to k places whether its item is relevant.
    relevant
        Number of relevant items, at least one.

    Returns
    -------
    `ndcg` (binary gains; the ideal list has min(k, relevant) hits), `recall`, `precision` (over k places)
    and `hit_rate`. Source of NDCG: Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation (TOIS 2002).
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    gain = float((hit * discounts[: len(hit)]).sum())
    return {
        "ndcg": gain / float(discounts[: min(k, relevant)].sum()),
        "recall": float(hit.sum()) / relevant,
        "precision": float(hit.sum()) / k,
        "hit_rate": float(hit.any()),
    }


def compare(
    lists: Mapping[str, Sequence[Ints]], relevant: Sequence[Relevant], items: Items, k: int = K
) -> dict[str, Measured]:
    """Measure the lists of all methods for the same customers; the first method is compared with each other.

    Parameters
    ----------
    lists
        Per method and customer up to k codes, best first.
    relevant
        Per customer the relevant items. Customers without any are left out.

    Returns
    -------
    Per method `METRICS`, averaged over customers; `coverage` (share of the items on any list), `head_share`
    (share of all places that go to the head); and for all but the first `gain`: the first method's NDCG over this
    one's, less 1, with a 95 % interval from 200 draws of customers, the same for both. Empty without customers.
    """
    places = [place for place, customer in enumerate(relevant) if customer.count]
    if not places:
        return {}
    measured: dict[str, Measured] = {}
    first: Floats | None = None
    for name, method_lists in lists.items():
        rows = [_measure_list(method_lists[place], relevant[place], k) for place in places]
        listed = np.concatenate([method_lists[place] for place in places])
        ndcg = np.array([row["ndcg"] for row in rows])
        measured[name] = {metric: float(np.mean([row[metric] for row in rows])) for metric in METRICS}
        measured[name] |= {
            "coverage": len(np.unique(listed)) / max(items.count, 1),
            "head_share": float(np.mean([code in items.head for code in listed.tolist()])) if len(listed) else 0.0,
        }
        if first is None:
            first = ndcg
        else:
            measured[name]["gain"] = asdict(relative_gain(first, ndcg))
    return measured


def ndcg_by_customer(lists: Sequence[Ints], relevant: Sequence[Relevant], k: int = K) -> Floats:
    """Return NDCG of the list of each customer with relevant items."""
    pairs = zip(lists, relevant, strict=True)
    return np.array([_measure_list(codes, customer, k)["ndcg"] for codes, customer in pairs if customer.count])


def _measure_list(codes: Ints, relevant: Relevant, k: int) -> dict[str, float]:
    return list_metrics(np.array([code in relevant.codes for code in codes[:k].tolist()]), relevant.count, k)
