"""What is asked of the next-product model: the lists of every method, seen one way at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.metrics import roc_auc_score

from core.arrays import Floats
from core.progress import batches
from training.next_product.baselines import fitted_scores, simple_scores
from training.next_product.candidates import BLOCK
from training.next_product.catalogue import Codes
from training.next_product.dataset import Moment
from training.next_product.history import History
from training.next_product.metrics import K, Measured, Shelf, Wanted, compare
from training.next_product.model import NextProductModel, Ranked
from training.next_product.offers import Chosen, Kind, Request, choose
from training.next_product.rules import Policy, Rules
from training.next_product.sources import top
from training.next_product.type_offers import rank_types
from training.next_product.types import type_popularity, types_bought, types_of
from training.next_product.upgrades import regular_types

TWO_STAGE = "two_stage"
#: Places of an up-sell list.
UP_SELL_K = 5
#: The fixed-interval rule: what was last bought this many days ago, oftenest first.
_RULE_DAYS = (28.0, 84.0)
#: Baselines that say nothing of what was never bought.
_OWN_ONLY = {"p_top_freq", "gp_top_freq", "decayed_p_top_freq"}


@dataclass(frozen=True)
class Exam:
    """A model with its sources fitted at a moment, the active customers at it, and what they bought."""

    model: NextProductModel
    moment: Moment

    @cached_property
    def histories(self) -> list[History]:
        """What each active customer had bought by the moment."""
        return [self.moment.histories[place] for place in self.moment.active]

    @cached_property
    def bought(self) -> list[Wanted]:
        """What each bought in the label window; nothing for some."""
        found = []
        for ids in self.moment.bought:
            codes = self.model.catalogue.codes(sorted(ids)) if ids else np.zeros(0, dtype="int64")
            found.append(Wanted(frozenset(codes[codes >= 0].tolist()), len(ids)))
        return found

    @cached_property
    def shelf(self) -> Shelf:
        """The products that could be listed."""
        return Shelf(len(self.model.catalogue), frozenset(self.model.catalogue.head.tolist()))

    @cached_property
    def ranked(self) -> list[Ranked]:
        """The candidates of each, best first."""
        return list(self.model.rank(self.histories))

    @cached_property
    def candidate_recall(self) -> dict[str, float]:
        """Share of what was bought, and of what was bought for the first time, that is among the candidates."""
        hits, new_hits, counts, new_counts = 0, 0, 0, 0
        for history, wanted, ranked in zip(self.histories, self.bought, self.ranked, strict=True):
            found = wanted.codes & frozenset(ranked.codes.tolist())
            own = frozenset(history.codes.tolist())
            hits, new_hits = hits + len(found), new_hits + len(found - own)
            counts, new_counts = counts + wanted.count, new_counts + wanted.count - len(wanted.codes & own)
        return {"all": hits / max(counts, 1), "new_product": new_hits / max(new_counts, 1)}

    @cached_property
    def best_mix(self) -> list[list[Chosen]]:
        """Ten offers for each of all kinds."""
        return self.chosen("next")

    @cached_property
    def never_bought(self) -> list[list[Chosen]]:
        """Ten products for each that they never bought."""
        return self.chosen("cross_sell")

    def chosen(self, kind: Kind, limit: int = K) -> list[list[Chosen]]:
        """Choose offers for each as `recommend` does, without rules."""
        policy = Policy(Rules(), self.model.catalogue)
        request = Request(kind, limit, self.moment.snapshot)
        people = zip(self.histories, self.ranked, strict=True)
        return [choose(self.model, policy, history, ranked, request) for history, ranked in people]


def views(exam: Exam) -> dict[str, dict[str, Measured]]:
    """Measure every view at a moment.

    `all`: products bought in the label window. `new_product`: those that the customer never bought, listed from such.
    `new_type`: types the customer never bought, listed from such. `up_sell`: better tiers of types bought regularly.
    `repeat`: of what was bought before, what is due.
    """
    better = [exam.model.upgrades.better(history) for history in exam.histories]
    lists = _baseline_lists(exam, better)
    new = [_without(wanted, history) for wanted, history in zip(exam.bought, exam.histories, strict=True)]
    step = [_only(wanted, codes) for wanted, codes in zip(exam.bought, better, strict=True)]
    again = [_only(wanted, history.codes) for wanted, history in zip(exam.bought, exam.histories, strict=True)]
    dearer = _codes(exam.chosen("up_sell", UP_SELL_K))
    up_sell = compare({TWO_STAGE: dearer, **lists["up_sell"]}, step, exam.shelf, UP_SELL_K)
    if up_sell:
        up_sell[TWO_STAGE] |= pair_auc(exam, better)
    return {
        "all": compare({TWO_STAGE: _codes(exam.best_mix), **lists["all"]}, exam.bought, exam.shelf),
        "new_product": compare({TWO_STAGE: _codes(exam.never_bought), **lists["new_product"]}, new, exam.shelf),
        "new_type": _type_view(exam),
        "up_sell": up_sell,
        "repeat": compare(
            {TWO_STAGE: _codes(exam.chosen("repeat")), "fixed_interval": [_fixed_interval(h) for h in exam.histories]},
            again,
            exam.shelf,
        ),
    }


def first_lists(exam: Exam) -> dict[str, list[Codes]]:
    """Return lists of all products, of the model and of the baselines that are only counted: quick enough to train."""
    lists = {TWO_STAGE: _codes(exam.best_mix)}
    for block in batches(exam.histories, BLOCK):
        for name, of in simple_scores(block, exam.model.catalogue).items():
            lists.setdefault(name, []).extend(top(row, K) for row in of)
    return lists


def pair_auc(exam: Exam, better: Sequence[Codes]) -> dict[str, float]:
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
    types, popularity = exam.model.catalogue.types.codes, exam.model.catalogue.popularity
    labels, likely, popular = [], [], []
    for history, codes, wanted, ranked in zip(exam.histories, better, exam.bought, exam.ranked, strict=True):
        if not wanted.count:
            continue
        new = np.setdiff1d(codes, history.codes)
        # what is no candidate comes after all that are, in the order in which candidates are taken
        odds = 1e-9 * popularity / (popularity.max() + 1)
        odds[ranked.codes] = ranked.probabilities
        for kind in np.intersect1d(types[new], history.types.codes[regular_types(history)]):
            some = new[types[new] == kind]
            labels.append(bool(wanted.codes & set(some.tolist())))
            likely.append(odds[some].max())
            popular.append(popularity[some].max())
    found = {"pairs": float(len(labels)), "pairs_bought": float(sum(labels))}
    if 0 < sum(labels) < len(labels):
        found["pair_auc"] = float(roc_auc_score(labels, likely))
        found["pair_auc_popularity"] = float(roc_auc_score(labels, popular))
    return found


def _baseline_lists(exam: Exam, better: Sequence[Codes]) -> dict[str, dict[str, list[Codes]]]:
    lists: dict[str, dict[str, list[Codes]]] = {"all": {}, "new_product": {}, "up_sell": {}}
    vectors = exam.moment.vectors()
    rows = zip(batches(exam.moment.active, BLOCK), batches(exam.histories, BLOCK), batches(better, BLOCK), strict=True)
    for places, histories, steps in rows:
        scores = simple_scores(histories, exam.model.catalogue)
        scores |= fitted_scores(exam.moment, exam.model.sources, vectors, places)
        for name, of in scores.items():
            lists["all"].setdefault(name, []).extend(top(row, K) for row in of)
            lists["up_sell"].setdefault(name, []).extend(
                codes[top(row[codes], UP_SELL_K)] for row, codes in zip(of, steps, strict=True)
            )
            if name not in _OWN_ONLY:
                lists["new_product"].setdefault(name, []).extend(
                    top(_masked(row, history.codes), K) for row, history in zip(of, histories, strict=True)
                )
    return lists


def _type_view(exam: Exam) -> dict[str, Measured]:
    catalogue = exam.model.catalogue
    known = [types_of(history, catalogue) for history in exam.histories]
    wanted = []
    for codes, ids in zip(known, exam.moment.bought, strict=True):
        names = exam.moment.types_bought(ids) - frozenset(catalogue.types.names[codes].tolist())
        places = catalogue.types.places(sorted(names))
        wanted.append(Wanted(frozenset(places[places >= 0].tolist()), len(names)))
    popular = type_popularity(catalogue)
    bought = types_bought(exam.moment.histories, catalogue)
    buyers = np.asarray(bought.sum(axis=0), dtype="float64").ravel()
    lists = {
        "ease": [codes[:K] for codes in rank_types(exam.model.sources.types, catalogue, exam.histories)],
        "g_top_freq": [top(_masked(popular, codes), K) for codes in known],
        "most_buyers": [top(_masked(buyers, codes), K) for codes in known],
    }
    head = top(popular, max(1, len(popular) // 100))
    return compare(lists, wanted, Shelf(int(catalogue.types.known.sum()), frozenset(head.tolist())))


def _codes(lists: Sequence[Sequence[Chosen]]) -> list[Codes]:
    return [np.array([one.code for one in some], dtype="int64") for some in lists]


def _without(wanted: Wanted, history: History) -> Wanted:
    own = frozenset(history.codes.tolist())
    return Wanted(wanted.codes - own, wanted.count - len(wanted.codes & own))


def _only(wanted: Wanted, codes: Codes) -> Wanted:
    some = wanted.codes & frozenset(codes.tolist())
    return Wanted(some, len(some))


def _fixed_interval(history: History) -> Codes:
    inside = (history.days_since >= _RULE_DAYS[0]) & (history.days_since < _RULE_DAYS[1])
    return history.codes[inside][np.argsort(-history.baskets[inside], kind="stable")[:K]]


def _masked(scores: Floats, codes: Codes) -> Floats:
    kept = np.array(scores, dtype="float64")
    kept[codes] = 0.0
    return kept
