"""From ranked candidates to labelled offers: the one `recommend` of evaluation, bulk scoring and the API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from training.next_product.candidates.evidence import Evidence, due
from training.next_product.candidates.frequency import simple_scores
from training.next_product.candidates.sources import top
from training.next_product.catalogue import Codes
from training.next_product.history import History
from training.next_product.model import NextProductModel, Ranked
from training.next_product.offers.rules import Policy

Kind = Literal["repeat", "cross_sell", "up_sell", "next"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Bought less than this many days ago is bought just now: three hours.
JUST_BOUGHT = 0.125
#: Lists from so many places on have some for new arrivals.
_LONG_ENOUGH = 3
_SIMILAR_TO_BASKET = 40
_NOTHING: Codes = np.zeros(0, dtype="int64")


@dataclass(frozen=True)
class Offer:
    """One offer.

    Attributes
    ----------
    probability
        That the customer buys the product in the horizon; None for a customer who has not bought in the activity
        window, as the model has seen none like that.
    """

    product_id: str
    name: str
    type: str
    kind: Kind
    probability: float | None
    evidence: Evidence


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    moment
        What is pinned for this moment is offered.
    basket
        Codes of what lies in the customer's basket now.
    baseline
        Order by the customer's own frequency, then by popularity (GP-TopFreq), instead of by the model.
    """

    kind: Kind
    limit: int
    moment: datetime
    basket: Codes = field(default_factory=_NOTHING.copy)
    baseline: bool = False


def recommend(
    model: NextProductModel, policy: Policy, histories: Sequence[History], request: Request
) -> Iterator[list[Offer]]:
    """Yield each customer's best offers of a kind, best first, with the evidence for each; none without consent."""
    seen = [with_basket(history, request.basket) for history in histories]
    also = np.concatenate([policy.pinned_codes[policy.pinned_codes >= 0], _similar(model, request.basket)])
    for history, ranked in zip(seen, model.rank(seen, also), strict=True):
        chosen = [] if policy.withholds(history) else choose(model, policy, history, ranked, request)
        yield [_offer(model, history, one) for one in chosen]


def choose(
    model: NextProductModel, policy: Policy, history: History, ranked: Ranked, request: Request
) -> list["Chosen"]:
    """Fill a list from ranked candidates, no product twice.

    `repeat`: bought before and due again, one to three cycles after the last time. `up_sell`: a better tier of a type
    the customer buys regularly, bought before or not. `cross_sell`: never bought; what goes with the basket comes
    first. `next`: the best of all; each is labelled with what it is, a better tier only where it was never bought, and
    with `next` where it was bought before and is not due. Products bought in the last three hours, or in the basket,
    are left out unless they are due.
    """
    return _Selection(model, policy, history, ranked, request).choose()


@dataclass(frozen=True)
class Chosen:
    """A product that was chosen for a customer, by its code; `evidence` where it was looked up on the way."""

    code: int
    kind: Kind
    probability: float | None
    evidence: Evidence | None


def _offer(model: NextProductModel, history: History, chosen: Chosen) -> Offer:
    catalogue, code = model.catalogue, chosen.code
    product = str(catalogue.ids[code]), catalogue.label(code), str(catalogue.texts["type"][code])
    return Offer(*product, chosen.kind, chosen.probability, chosen.evidence or _evidence(model, history, chosen))


def _evidence(model: NextProductModel, history: History, chosen: Chosen) -> Evidence:
    own = np.flatnonzero(history.codes == chosen.code)
    if chosen.kind == "up_sell":
        return model.facts.better(history, chosen.code)
    return model.facts.own(history, int(own[0])) if len(own) else model.facts.new(history, chosen.code)


def with_basket(history: History, basket: Codes) -> History:
    """Return the history as if what lies in the basket had been bought this moment."""
    if not len(basket):
        return history
    inside = np.isin(history.codes, basket)
    new = np.setdiff1d(basket, history.codes)
    ones = np.ones(len(new))
    return replace(
        history,
        codes=np.concatenate([history.codes, new]),
        baskets=np.concatenate([history.baskets, ones]),
        decayed=np.concatenate([history.decayed + inside, ones]),
        cycle=np.concatenate([history.cycle, np.nan * ones]),
        days_since=np.concatenate([np.where(inside, 0.0, history.days_since), 0.0 * ones]),
    )


def _similar(model: NextProductModel, basket: Codes) -> Codes:
    if not len(basket):
        return _NOTHING
    return top(np.asarray(model.sources.similar[basket].sum(axis=0), dtype="float64").ravel(), _SIMILAR_TO_BASKET)


@dataclass
class _Selection:
    """Fills one customer's list: what was chosen and as what, and evidence that was found on the way."""

    model: NextProductModel
    policy: Policy
    history: History
    ranked: Ranked
    request: Request
    chosen: dict[int, Kind] = field(default_factory=dict)
    evidence: dict[int, Evidence] = field(default_factory=dict)

    def choose(self) -> list[Chosen]:
        """Choose what is pinned and arrivals first, so that they have their places, then the rest by rank."""
        labels, order = self._labels(), self._order()
        pinned = self._pin(labels)
        arrivals = self._take_arrivals(labels, order)
        codes = [*self._take(labels, order), *arrivals]
        last = -1
        for place, code in pinned:
            last = max(place - 1, last + 1)
            codes.insert(last, code)
        active = self.model.active(self.history)
        likely = dict(zip(self.ranked.codes.tolist(), self.ranked.probabilities.tolist(), strict=True))
        return [
            Chosen(code, self.chosen[code], likely[code] if active else None, self.evidence.get(code)) for code in codes
        ]

    def _labels(self) -> dict[int, Kind]:
        """Label the candidates that may be offered at all."""
        candidates, history = self.ranked, self.history
        own = candidates.own >= 0
        is_due = _of_own(due(history, self.model.catalogue), candidates.own)
        just_bought = _of_own(history.days_since < JUST_BOUGHT, candidates.own)
        allowed = self.policy.allowed[candidates.codes] & ~(just_bought & ~is_due)
        kind = self.request.kind
        belongs = {"repeat": own & is_due, "cross_sell": ~own, "up_sell": candidates.better}
        if kind != "next":
            return dict.fromkeys(candidates.codes[allowed & belongs[kind]].tolist(), kind)
        labels = np.select([own & is_due, own, candidates.better], ["repeat", "next", "up_sell"], "cross_sell")
        return dict(zip(candidates.codes[allowed].tolist(), labels[allowed].tolist(), strict=True))

    def _order(self) -> list[int]:
        codes: list[int] = self.ranked.codes.tolist()
        if self.request.baseline:
            scores = simple_scores([self.history], self.model.catalogue)["gp_top_freq"][0]
            codes.sort(key=lambda code: -scores[code])
        if len(self.request.basket) and self.request.kind == "cross_sell":
            fitting = {code: self.model.facts.basket(self.request.basket, code) for code in codes}
            self.evidence |= {code: evidence for code, evidence in fitting.items() if evidence is not None}
            codes.sort(key=lambda code: code not in self.evidence)
        return codes

    def _pin(self, labels: dict[int, Kind]) -> list[tuple[int, int]]:
        """Choose what is pinned; return it with its place."""
        places = []
        for pin, code in self.policy.pinned(self.history, self.request.moment):
            if code in labels and len(self.chosen) < self.request.limit and self._fits(code):
                self.chosen[code] = labels[code]
                self.evidence[code] = Evidence("pinned", campaign=pin.campaign)
                places.append((pin.place, code))
        return places

    def _take_arrivals(self, labels: dict[int, Kind], order: Sequence[int]) -> list[int]:
        arrivals = self.model.catalogue.arrivals
        wanted = [code for code in order if code in labels and arrivals[code] and labels[code] != "next"]
        places = self.policy.rules.arrivals if self.request.limit >= _LONG_ENOUGH else 0
        taken: list[int] = []
        for code in wanted:
            if len(taken) < places and len(self.chosen) < self.request.limit and self._fits(code):
                self.chosen[code] = labels[code]
                taken.append(code)
        return taken

    def _take(self, labels: dict[int, Kind], order: Sequence[int]) -> list[int]:
        """Choose by rank; the most popular products leave the long tail its places while it can fill them."""
        head = self.policy.head
        tail = self.policy.tail_places(self.request.limit)
        room = self.request.limit - tail - sum(code in head for code in self.chosen)
        taken: list[int] = []
        passed: list[int] = []
        for code in order:
            if len(self.chosen) == self.request.limit:
                break
            if code not in labels or not self._fits(code):
                continue
            if code in head and room <= 0 and tail:
                passed.append(code)
                continue
            room -= code in head
            self.chosen[code] = labels[code]
            taken.append(code)
        for code in passed:
            if len(self.chosen) < self.request.limit and self._fits(code):
                self.chosen[code] = labels[code]
                taken.append(code)
        return taken

    def _fits(self, code: int) -> bool:
        """Tell whether a product keeps the rules beside those that were chosen."""
        rules = self.policy.rules
        if code in self.chosen:
            return False
        rivals = self.policy.rivals(code)
        if rivals and (rivals & self.chosen.keys() or np.isin(self.history.codes, list(rivals)).any()):
            return False
        caps = (("category", rules.max_per_category), ("type", rules.max_per_type))
        return not any(most is not None and self._already(group, code) >= most for group, most in caps)

    def _already(self, group: str, code: int) -> int:
        texts = self.model.catalogue.texts[group]
        return sum(texts[other] == texts[code] for other in self.chosen) if texts[code] else 0


def _of_own(values: npt.NDArray[np.bool_], own: Codes) -> npt.NDArray[np.bool_]:
    """Spread what is true of the products of a history to candidates; False for those never bought."""
    if not len(values):
        return np.zeros(len(own), dtype=bool)
    return np.asarray((own >= 0) & values[np.maximum(own, 0)])
