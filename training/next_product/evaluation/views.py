"""The lists of every method, measured one view at a time."""

from collections.abc import Sequence

import numpy as np

from core.arrays import Floats
from core.progress import batches
from training.evaluation.lists import Items, K, Measured, Relevant, compare
from training.next_product.candidates.find import BLOCK
from training.next_product.candidates.frequency import simple_scores
from training.next_product.candidates.sources import top
from training.next_product.candidates.types import type_popularity, types_bought, types_of
from training.next_product.candidates.upgrades import regular_types
from training.next_product.catalogue import Codes
from training.next_product.evaluation.backtest import Backtest
from training.next_product.evaluation.baselines import customer_vectors, fitted_scores
from training.next_product.history import History
from training.next_product.offers.selection import Chosen
from training.next_product.offers.types import rank_types

TWO_STAGE = "two_stage"
#: Places of an up-sell list.
UP_SELL_K = 5
#: The fixed-interval rule: products last bought this many days ago, the most frequent first.
_RULE_DAYS = (28.0, 84.0)
#: Baselines that list no product that was never bought.
_OWN_ONLY = {"p_top_freq", "gp_top_freq", "decayed_p_top_freq"}


def views(backtest: Backtest) -> dict[str, dict[str, Measured]]:
    """Measure every view of a backtest.

    `all`: products bought in the label window. `new_product`: those that the customer never bought, listed from such.
    `new_type`: types the customer never bought, listed from such. `up_sell`: better tiers of types bought regularly.
    `repeat`: products bought before that are due.
    """
    better = [backtest.model.upgrades.better(history) for history in backtest.histories]
    lists = _baseline_lists(backtest, better)
    new: list[Relevant] = []
    again: list[Relevant] = []
    for bought, history in zip(backtest.bought, backtest.histories, strict=True):
        new.append(_without(bought, history))
        again.append(_only(bought, history.codes))
    step_up = [_only(bought, codes) for bought, codes in zip(backtest.bought, better, strict=True)]
    due = {
        TWO_STAGE: codes_of(backtest.chosen("repeat")),
        "fixed_interval": [_fixed_interval(history) for history in backtest.histories],
    }
    lists["up_sell"] = {TWO_STAGE: codes_of(backtest.chosen("up_sell", UP_SELL_K)), **lists["up_sell"]}
    up_sell = compare(lists["up_sell"], step_up, backtest.items, UP_SELL_K)
    if up_sell:
        up_sell[TWO_STAGE] |= pair_auc(backtest, better)
    return {
        "all": compare({TWO_STAGE: codes_of(backtest.best_mix), **lists["all"]}, backtest.bought, backtest.items),
        "new_product": compare(
            {TWO_STAGE: codes_of(backtest.never_bought), **lists["new_product"]}, new, backtest.items
        ),
        "new_type": _type_view(backtest),
        "up_sell": up_sell,
        "repeat": compare(due, again, backtest.items),
    }


def first_lists(backtest: Backtest) -> dict[str, list[Codes]]:
    """Return lists of all products, of the model and of the baselines that only count: quick enough for training."""
    lists = {TWO_STAGE: codes_of(backtest.best_mix)}
    for block in batches(backtest.histories, BLOCK):
        for name, scores in simple_scores(block, backtest.model.catalogue).items():
            lists.setdefault(name, []).extend(top(row, K) for row in scores)
    return lists


def pair_auc(backtest: Backtest, better: Sequence[Codes]) -> dict[str, float]:
    """Rank pairs of a customer and a type bought regularly by whether a better tier is bought for the first time.

    Parameters
    ----------
    better
        Per customer the products of a better tier.

    Returns
    -------
    `pair_auc`: of the highest probability among the type's better tiers never bought. `pair_auc_popularity`: of how
    popular the most popular of them is. `pairs`, `pairs_bought`: pairs with such a tier, and those where
    one was bought. Without AUC where all or none were bought.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - training alone needs it

    types, popularity = backtest.model.catalogue.types.codes, backtest.model.catalogue.popularity
    labels, likely, popular = [], [], []
    rows = zip(backtest.histories, better, backtest.bought, backtest.ranked, strict=True)
    for history, codes, bought, ranked in rows:
        if not bought.count:
            continue
        new = np.setdiff1d(codes, history.codes)
        # other products come after all candidates, in the order in which candidates are taken
        odds = 1e-9 * popularity / (popularity.max() + 1)
        odds[ranked.codes] = ranked.probabilities
        for kind in np.intersect1d(types[new], history.types.codes[regular_types(history)]):
            tiers = new[types[new] == kind]
            labels.append(bool(bought.codes & set(tiers.tolist())))
            likely.append(odds[tiers].max())
            popular.append(popularity[tiers].max())
    measured = {"pairs": float(len(labels)), "pairs_bought": float(sum(labels))}
    if 0 < sum(labels) < len(labels):
        measured["pair_auc"] = float(roc_auc_score(labels, likely))
        measured["pair_auc_popularity"] = float(roc_auc_score(labels, popular))
    return measured


def _baseline_lists(backtest: Backtest, better: Sequence[Codes]) -> dict[str, dict[str, list[Codes]]]:
    lists: dict[str, dict[str, list[Codes]]] = {"all": {}, "new_product": {}, "up_sell": {}}
    dataset = backtest.dataset
    vectors = customer_vectors(dataset.baskets(), len(dataset.histories), len(dataset.catalogue))
    rows = zip(batches(dataset.active, BLOCK), batches(backtest.histories, BLOCK), batches(better, BLOCK), strict=True)
    for places, histories, steps in rows:
        scores = simple_scores(histories, backtest.model.catalogue)
        scores |= fitted_scores(dataset, backtest.model.sources, vectors, places)
        for name, of_products in scores.items():
            lists["all"].setdefault(name, []).extend(top(row, K) for row in of_products)
            lists["up_sell"].setdefault(name, []).extend(
                codes[top(row[codes], UP_SELL_K)] for row, codes in zip(of_products, steps, strict=True)
            )
            if name not in _OWN_ONLY:
                lists["new_product"].setdefault(name, []).extend(
                    top(_masked(row, history.codes), K) for row, history in zip(of_products, histories, strict=True)
                )
    return lists


def _type_view(backtest: Backtest) -> dict[str, Measured]:
    catalogue, dataset = backtest.model.catalogue, backtest.dataset
    known = [types_of(history, catalogue) for history in backtest.histories]
    relevant = []
    for codes, ids in zip(known, dataset.bought, strict=True):
        names = dataset.types_bought(ids) - frozenset(catalogue.types.names[codes].tolist())
        places = catalogue.types.places(sorted(names))
        relevant.append(Relevant(frozenset(places[places >= 0].tolist()), len(names)))
    popular = type_popularity(catalogue)
    buyers = np.asarray(types_bought(dataset.histories, catalogue).sum(axis=0), dtype="float64").ravel()
    lists = {
        "ease": [codes[:K] for codes in rank_types(backtest.model.sources.types, catalogue, backtest.histories)],
        "g_top_freq": [top(_masked(popular, codes), K) for codes in known],
        "most_buyers": [top(_masked(buyers, codes), K) for codes in known],
    }
    head = top(popular, max(1, len(popular) // 100))
    return compare(lists, relevant, Items(int(catalogue.types.known.sum()), frozenset(head.tolist())))


def codes_of(lists: Sequence[Sequence[Chosen]]) -> list[Codes]:
    """Return the products of each list, best first."""
    return [np.array([product.code for product in chosen], dtype="int64") for chosen in lists]


def _without(bought: Relevant, history: History) -> Relevant:
    own = frozenset(history.codes.tolist())
    return Relevant(bought.codes - own, bought.count - len(bought.codes & own))


def _only(bought: Relevant, codes: Codes) -> Relevant:
    kept = bought.codes & frozenset(codes.tolist())
    return Relevant(kept, len(kept))


def _fixed_interval(history: History) -> Codes:
    inside = (history.days_since >= _RULE_DAYS[0]) & (history.days_since < _RULE_DAYS[1])
    return history.codes[inside][np.argsort(-history.baskets[inside], kind="stable")[:K]]


def _masked(scores: Floats, codes: Codes) -> Floats:
    kept = np.array(scores, dtype="float64")
    kept[codes] = 0.0
    return kept
