"""From a ranked list to labelled offers, each with the evidence that its reason is told from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from training.next_product.candidates import REGULAR_BASKETS, regular_types, steps_up
from training.next_product.catalogue import Catalogue
from training.next_product.history import History
from training.next_product.model import NextProductModel, Ranked

Kind = Literal["repeat", "cross_sell", "up_sell", "next"]
#: Due again from one cycle on, and no longer after this many.
LATEST_CYCLES = 3
#: Below this, "customers who buy A buy this more often" says nothing.
MIN_LIFT = 1.2
KINDS: tuple[Kind, ...] = get_args(Kind)
#: What the offer rests on.
Path = Literal["own_cycle", "own_habit", "similar", "step_up", "popular"]


@dataclass(frozen=True)
class Evidence:
    """The facts behind an offer; only those of its path are set.

    Attributes
    ----------
    baskets, cycle_days, days_since
        The customer's baskets with the product, the days between them, and since the last.
    cycle_is_own
        Whether the cycle is the customer's, or the product's typical one.
    anchor_id, anchor_name, together, lift
        A product the customer bought, how many customers bought both, and how much more often than by chance.
    price, usual_price
        Unit price of the product, and the customer's median in its type.
    baskets_28d
        Baskets of all customers with the product in the last 28 days.
    """

    path: Path
    baskets: int | None = None
    cycle_days: float | None = None
    days_since: float | None = None
    cycle_is_own: bool | None = None
    anchor_id: str | None = None
    anchor_name: str | None = None
    together: int | None = None
    lift: float | None = None
    price: float | None = None
    usual_price: float | None = None
    baskets_28d: int | None = None


@dataclass(frozen=True)
class Offer:
    """One offer. The score only orders offers of one customer."""

    product_id: str
    name: str
    type: str
    kind: Kind
    score: float
    evidence: Evidence


def make_offers(model: NextProductModel, histories: Sequence[History], kind: Kind, limit: int) -> Iterator[list[Offer]]:
    """Yield each customer's best offers of a kind, best first, no product twice.

    `repeat`: bought before and due again, one to three cycles after the last time. `up_sell`: a step above what
    the customer usually pays in a type they buy regularly. `cross_sell`: never bought, and no step up, in the order
    of the ranker of such products. `next`: the best of all; each is labelled with what it is, and with `next` where
    it was bought before and is not due.
    """
    for history, ranked in zip(histories, model.rank(histories, novel=kind == "cross_sell"), strict=True):
        yield _offers(model, history, ranked, kind, limit)


def _offers(model: NextProductModel, history: History, ranked: Ranked, kind: Kind, limit: int) -> list[Offer]:
    catalogue, candidates = model.catalogue, ranked.candidates
    step = set(steps_up(history, catalogue, model.settings).tolist())
    offers: list[Offer] = []
    for code, own, score in zip(candidates.codes, candidates.own, ranked.scores, strict=True):
        if len(offers) == limit:
            break
        label: Kind
        if own >= 0:
            evidence = _own_evidence(history, catalogue, int(own), int(code))
            label = "repeat" if evidence.path == "own_cycle" else "next"
        else:
            label = "up_sell" if int(code) in step else "cross_sell"
        if kind not in {label, "next"}:
            continue
        if own < 0:
            evidence = (_step_evidence if label == "up_sell" else _new_evidence)(history, model, int(code))
        product = str(catalogue.ids[code]), catalogue.label(code), str(catalogue.types[code])
        offers.append(Offer(*product, label, float(score), evidence))
    return offers


def _own_evidence(history: History, catalogue: Catalogue, own: int, code: int) -> Evidence:
    is_own = bool(history.baskets[own] >= REGULAR_BASKETS and history.cycle[own] > 0)
    cycle = float(history.cycle[own] if is_own else catalogue.statistics["product_cycle_days"][code])
    # False where no cycle is known; who is several cycles late has stopped buying it
    due = bool(cycle <= history.days_since[own] <= LATEST_CYCLES * cycle)
    return Evidence(
        "own_cycle" if due else "own_habit",
        baskets=int(history.baskets[own]),
        cycle_days=cycle if np.isfinite(cycle) else None,
        days_since=float(history.days_since[own]),
        cycle_is_own=is_own,
    )


def _step_evidence(history: History, model: NextProductModel, code: int) -> Evidence:
    regular = regular_types(history)
    place = regular[history.types.codes[regular] == model.catalogue.type_codes[code]][0]
    return Evidence(
        "step_up",
        price=float(model.catalogue.statistics["product_price"][code]),
        usual_price=float(history.types.price[place]),
        baskets=int(history.types.baskets[place]),
    )


def _new_evidence(history: History, model: NextProductModel, code: int) -> Evidence:
    if len(history):
        similar = model.sources.similar[history.codes, code].toarray().ravel() * np.log1p(history.decayed)
        anchor = int(history.codes[np.argmax(similar)])
        together, lift = model.sources.lift(anchor, code)
        if similar.max() > 0 and lift >= MIN_LIFT:
            catalogue = model.catalogue
            return Evidence(
                "similar",
                anchor_id=str(catalogue.ids[anchor]),
                anchor_name=catalogue.label(anchor),
                together=together,
                lift=lift,
            )
    return Evidence("popular", baskets_28d=int(np.nan_to_num(model.catalogue.statistics["product_baskets_28d"][code])))
