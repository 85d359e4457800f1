"""Two next-product models on the same customers of the test snapshots."""

from collections.abc import Sequence

import numpy as np

from core.arrays import Floats, Ints
from training.evaluation.comparison import (
    CALIBRATION,
    Comparison,
    Probabilities,
    Slice,
    calibration_difference,
    groups_of,
    mean_difference,
)
from training.evaluation.lists import ndcg_by_customer
from training.next_product.evaluation.backtest import Backtest
from training.next_product.evaluation.pictures import baskets_of
from training.next_product.evaluation.views import codes_of

DECIDING = "ndcg"
#: Customers by their baskets of the last 84 days.
_GROUPS = ("few baskets", "some baskets", "many baskets")


def compare_lists(challenger: Sequence[Backtest], champion: Sequence[Backtest]) -> Comparison:
    """Measure ten offers of both to the same customers.

    Parameters
    ----------
    challenger, champion
        Their backtests on the same datasets.
    """
    numbers: dict[str, int] = {}
    active = [
        np.array([numbers.setdefault(one.dataset.customers[place], len(numbers)) for place in one.dataset.active])
        for one in challenger
    ]
    buyers = [
        places[[bool(bought.count) for bought in one.bought]] for one, places in zip(challenger, active, strict=True)
    ]
    owners = _again(np.concatenate(buyers))
    ours, theirs = _ndcg(challenger), _ndcg(champion)
    groups = groups_of(np.concatenate([baskets_of(one) for one in challenger]), _GROUPS)
    return Comparison(
        deciding=DECIDING,
        snapshots=tuple(one.date for one in challenger),
        rows=sum(len(places) for places in active),
        customers=len(numbers),
        metrics={
            DECIDING: mean_difference(ours, theirs, owners),
            CALIBRATION: calibration_difference(
                _probabilities(challenger, active), _probabilities(champion, active), len(numbers)
            ),
        },
        slices={
            "baskets": {
                name: Slice(int(mask.sum()), mean_difference(ours[mask], theirs[mask], _again(owners[mask])))
                for name, mask in groups.items()
                if mask.any()
            }
        },
    )


def _ndcg(backtests: Sequence[Backtest]) -> Floats:
    """Return NDCG@10 of the offers to each customer who bought something, one snapshot after the other."""
    return np.concatenate([ndcg_by_customer(codes_of(one.best_mix), one.bought) for one in backtests])


def _again(owners: Ints) -> Ints:
    return np.asarray(np.unique(owners, return_inverse=True)[1])


def _probabilities(backtests: Sequence[Backtest], active: Sequence[Ints]) -> Probabilities:
    values: list[float] = []
    outcomes: list[int] = []
    owners: list[int] = []
    for one, places in zip(backtests, active, strict=True):
        for chosen, bought, owner in zip(one.best_mix, one.bought, places.tolist(), strict=True):
            values += [product.probability or 0.0 for product in chosen]
            outcomes += [int(product.code in bought.codes) for product in chosen]
            owners += [owner] * len(chosen)
    return Probabilities(np.array(values), np.array(outcomes), np.array(owners))
