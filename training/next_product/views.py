"""What is asked of the next-product model: the lists of every method, seen one way at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.vectors import Floats
from training.next_product.baselines import fitted_scores, simple_scores
from training.next_product.catalogue import Codes, popularity
from training.next_product.dataset import Moment
from training.next_product.history import History
from training.next_product.metrics import K, Measured, compare
from training.next_product.model import NextProductModel
from training.next_product.offers import make_offers
from training.next_product.sources import top
from training.next_product.types import type_popularity, types_of

TWO_STAGE = "two_stage"
#: Customers whose scores are held at once.
_BLOCK = 64
#: The fixed-interval rule: what was last bought this many days ago, oftenest first.
_RULE_DAYS = (28.0, 84.0)


@dataclass(frozen=True)
class Asked:
    """A customer who is asked about, in codes of the catalogue.

    Attributes
    ----------
    bought
        Products bought in the label window.
    bought_count
        How many, with those that are not in the catalogue.
    """

    place: int
    history: History
    bought: frozenset[int]
    bought_count: int


def views(model: NextProductModel, moment: Moment) -> dict[str, dict[str, Measured]]:
    """Measure every view at a moment. `model` has its sources fitted at it.

    `all`: products bought in the label window. `new_product`: those that the customer never bought, listed from such.
    `new_type`: types the customer never bought, listed from such. `repeat`: of what was bought before, what is due.
    """
    asked = _asked(moment)
    head = _head(popularity(moment.catalogue))
    return {
        **_product_views(model, moment, asked, head),
        "new_type": _type_view(model, moment, asked),
        "repeat": _repeat_view(model, asked, head),
    }


def first_view(model: NextProductModel, moment: Moment) -> dict[str, dict[str, Measured]]:
    """Measure the view `all` beside the baselines that are only counted, which is quick enough for each training."""
    asked = _asked(moment)
    lists: dict[str, list[Codes]] = {TWO_STAGE: _best(model, asked, novel=False)}
    for block in _blocks(asked):
        for name, of in simple_scores(moment, [one.place for one in block]).items():
            lists.setdefault(name, []).extend(top(row, K) for row in of)
    truth, counts = [one.bought for one in asked], [one.bought_count for one in asked]
    return {"all": compare(lists, truth, counts, _head(popularity(moment.catalogue)), len(moment.catalogue))}


def _asked(moment: Moment) -> list[Asked]:
    asked = []
    for place, bought in zip(moment.asked, moment.truth, strict=True):
        codes = moment.catalogue.codes(sorted(bought))
        asked.append(Asked(place, moment.histories[place], frozenset(codes[codes >= 0].tolist()), len(bought)))
    return asked


def _head(popular: Floats) -> frozenset[int]:
    """Return the codes of the most popular 1 %."""
    return frozenset(top(popular, max(1, len(popular) // 100)).tolist())


def _best(model: NextProductModel, asked: Sequence[Asked], *, novel: bool) -> list[Codes]:
    return [ranked.candidates.codes[:K] for ranked in model.rank([one.history for one in asked], novel=novel)]


def _product_views(
    model: NextProductModel, moment: Moment, asked: Sequence[Asked], head: frozenset[int]
) -> dict[str, dict[str, Measured]]:
    every: dict[str, list[Codes]] = {TWO_STAGE: _best(model, asked, novel=False)}
    novel: dict[str, list[Codes]] = {TWO_STAGE: _best(model, asked, novel=True)}
    vectors = moment.vectors()
    for block in _blocks(asked):
        places = [one.place for one in block]
        scores = simple_scores(moment, places) | fitted_scores(moment, model.sources, vectors, places)
        for name, of in scores.items():
            every.setdefault(name, []).extend(top(row, K) for row in of)
            if name not in _OWN_ONLY:
                novel.setdefault(name, []).extend(
                    top(_without(row, one.history.codes), K) for row, one in zip(of, block, strict=True)
                )
    new = [one.bought - frozenset(one.history.codes.tolist()) for one in asked]
    counts = [one.bought_count - len(one.bought) + len(wanted) for one, wanted in zip(asked, new, strict=True)]
    some = [place for place, count in enumerate(counts) if count]
    items = len(model.catalogue)
    return {
        "all": compare(every, [one.bought for one in asked], [one.bought_count for one in asked], head, items),
        "new_product": compare(
            {name: [of[place] for place in some] for name, of in novel.items()},
            [new[place] for place in some],
            [counts[place] for place in some],
            head,
            items,
        ),
    }


#: Baselines that say nothing of what was never bought.
_OWN_ONLY = {"p_top_freq", "gp_top_freq", "decayed_p_top_freq"}


def _type_view(model: NextProductModel, moment: Moment, asked: Sequence[Asked]) -> dict[str, Measured]:
    catalogue = model.catalogue
    popular = type_popularity(catalogue)
    lists: dict[str, list[Codes]] = {TWO_STAGE: [], "g_top_freq": []}
    truth = []
    for one, ids in zip(asked, moment.truth, strict=True):
        known = types_of(one.history, catalogue)
        wanted = moment.types_bought(ids) - frozenset(catalogue.type_names[known].tolist())
        if wanted:
            truth.append((frozenset(np.flatnonzero(np.isin(catalogue.type_names, list(wanted))).tolist()), len(wanted)))
            lists[TWO_STAGE].append(top(model.types.scores(one.history, catalogue), K))
            lists["g_top_freq"].append(top(_without(popular, known), K))
    head = _head(popular)
    return compare(lists, [t for t, _ in truth], [n for _, n in truth], head, len(popular))


def _repeat_view(model: NextProductModel, asked: Sequence[Asked], head: frozenset[int]) -> dict[str, Measured]:
    lists: dict[str, list[Codes]] = {TWO_STAGE: [], "fixed_interval": []}
    chosen = []
    offers = make_offers(model, [one.history for one in asked], "repeat", K)
    for one, due in zip(asked, offers, strict=True):
        wanted = one.bought & frozenset(one.history.codes.tolist())
        if wanted:
            chosen.append(wanted)
            lists[TWO_STAGE].append(model.catalogue.codes([offer.product_id for offer in due]))
            lists["fixed_interval"].append(_fixed_interval(one.history))
    return compare(lists, chosen, [len(wanted) for wanted in chosen], head, len(model.catalogue))


def _fixed_interval(history: History) -> Codes:
    inside = (history.days_since >= _RULE_DAYS[0]) & (history.days_since < _RULE_DAYS[1])
    return history.codes[inside][np.argsort(-history.baskets[inside], kind="stable")[:K]]


def _without(scores: Floats, codes: Codes) -> Floats:
    kept = np.array(scores, dtype="float64")
    kept[codes] = 0.0
    return kept


def _blocks(asked: Sequence[Asked]) -> Iterator[Sequence[Asked]]:
    for start in range(0, len(asked), _BLOCK):
        yield asked[start : start + _BLOCK]
