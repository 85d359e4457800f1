"""From ranked candidates to labelled offers: the one `recommend` of evaluation, bulk scoring and the API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.next_product.candidates.evidence import Evidence
from training.next_product.candidates.sources import top
from training.next_product.catalogue import Codes
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import Kind
from training.next_product.offers.selection import Chosen, Request, choose

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


def recommend(
    model: NextProductModel, policy: Policy, histories: Sequence[History], request: Request
) -> Iterator[list[Offer]]:
    """Yield each customer's best offers of a kind, best first, with the evidence for each; none without consent."""
    seen = [with_basket(history, request.basket) for history in histories]
    also = np.concatenate([policy.pinned_codes[policy.pinned_codes >= 0], _similar(model, request.basket)])
    for history, ranked in zip(seen, model.rank(seen, also), strict=True):
        chosen = [] if policy.withholds(history) else choose(model, policy, history, ranked, request)
        yield [_offer(model, history, product) for product in chosen]


def _offer(model: NextProductModel, history: History, chosen: Chosen) -> Offer:
    catalogue, code = model.catalogue, chosen.code
    return Offer(
        product_id=str(catalogue.ids[code]),
        name=catalogue.label(code),
        type=str(catalogue.texts["type"][code]),
        kind=chosen.kind,
        probability=chosen.probability,
        evidence=chosen.evidence or _evidence(model, history, chosen),
    )


def _evidence(model: NextProductModel, history: History, chosen: Chosen) -> Evidence:
    own = np.flatnonzero(history.codes == chosen.code)
    if chosen.kind == "up_sell":
        return model.facts.better(history, chosen.code)
    return model.facts.own(history, int(own[0])) if len(own) else model.facts.new(history, chosen.code)


def with_basket(history: History, basket: Codes) -> History:
    """Return the history as if the products in the basket had been bought at this moment."""
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
