"""Filling a list from ranked candidates, within the rules of the business."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from training.next_product.candidates.evidence import Evidence, due
from training.next_product.candidates.frequency import simple_scores
from training.next_product.catalogue import Codes
from training.next_product.history import History
from training.next_product.model import NextProductModel, Ranked
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import KINDS, Kind

#: A product bought less than this many days ago, three hours, counts as just bought.
JUST_BOUGHT = 0.125
#: Lists of at least this many places have some for new arrivals.
_LONG_ENOUGH = 3
_NOTHING: Codes = np.zeros(0, dtype="int64")


@dataclass(frozen=True)
class Request:
    """The list that is wanted.

    Attributes
    ----------
    moment
        Products that are pinned at this moment are offered.
    basket
        Codes of the products in the customer's basket now.
    baseline
        Order by the customer's own frequency, then by popularity (GP-TopFreq), instead of by the model.
    """

    kind: Kind
    limit: int
    moment: datetime
    basket: Codes = field(default_factory=_NOTHING.copy)
    baseline: bool = False


@dataclass(frozen=True)
class Chosen:
    """A product that was chosen for a customer, by its code; `evidence` where the choice looked it up."""

    code: int
    kind: Kind
    probability: float | None
    evidence: Evidence | None


def choose(model: NextProductModel, policy: Policy, history: History, ranked: Ranked, request: Request) -> list[Chosen]:
    """Fill a list from ranked candidates, no product twice.

    `repeat`: bought before and due again, one to three cycles after the last time. `up_sell`: a better tier of a type
    the customer buys regularly, bought before or not. `cross_sell`: never bought; products that go with the basket come
    first. `next`: the best of all; each is labelled with its kind, a better tier only where it was never bought, and
    with `next` where it was bought before and is not due. Products bought in the last three hours, or in the basket,
    are left out unless they are due.
    """
    return _Selection(model, policy, history, ranked, request).choose()


@dataclass
class _Selection:
    """Fills one customer's list: the chosen products with their kinds, and the evidence of those that have it."""

    model: NextProductModel
    policy: Policy
    history: History
    ranked: Ranked
    request: Request
    chosen: dict[int, Kind] = field(default_factory=dict)
    evidence: dict[int, Evidence] = field(default_factory=dict)

    def choose(self) -> list[Chosen]:
        """Choose pinned products and arrivals first, so that they have their places, then the rest by rank."""
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
        allowed, kind = ~(just_bought & ~is_due), self.request.kind
        belongs = {"repeat": own & is_due, "cross_sell": ~own, "up_sell": candidates.better}
        if kind != "next":
            allowed &= belongs[kind] & self.policy.allowed_as[kind][candidates.codes]
            return dict.fromkeys(candidates.codes[allowed].tolist(), kind)
        labels = np.select([own & is_due, own, candidates.better], ["repeat", "next", "up_sell"], "cross_sell")
        for name in KINDS:
            allowed &= (labels != name) | self.policy.allowed_as[name][candidates.codes]
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
        """Choose the pinned products; return each with its place."""
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
        """Return whether a product keeps the rules beside those that were chosen."""
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
    """Spread values of the products of a history to candidates; False for those never bought."""
    if not len(values):
        return np.zeros(len(own), dtype=bool)
    return np.asarray((own >= 0) & values[np.maximum(own, 0)])
