"""Product types that a customer never bought: the cross-sell list of a campaign rather than of a basket."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.arrays import Floats
from training.next_product.candidates.evidence import MIN_LIFT, MIN_TOGETHER
from training.next_product.candidates.sources import top
from training.next_product.candidates.types import TypeSource, type_popularity, types_of
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy


@dataclass(frozen=True)
class TypeEvidence:
    """The facts behind a type; `popular` has its baskets alone, the rest is of `type_together`.

    Attributes
    ----------
    anchor_type
        A type the customer bought.
    together, lift, customers
        How many customers bought both, how much more often than by chance, and of how many that was counted.
    baskets_28d
        Baskets of all customers with the type in the last 28 days, summed over its products.
    """

    path: Literal["type_together", "type_popular"]
    anchor_type: str | None = None
    together: int | None = None
    lift: float | None = None
    customers: int | None = None
    baskets_28d: int | None = None


@dataclass(frozen=True)
class TypeOffer:
    """A type to offer, and its most popular product."""

    type: str
    product_id: str
    name: str
    evidence: TypeEvidence


def recommend_types(
    model: NextProductModel, policy: Policy, histories: Sequence[History], limit: int, *, baseline: bool = False
) -> Iterator[list[TypeOffer]]:
    """Yield for each customer types never bought that have a product to offer, best first, ranked by EASE on types.

    A customer without purchases gets popular types, and so do all with `baseline`; none where consent is
    missing. Of the rules those about products hold for the product of each type; those of a share of places do not.
    """
    best, popular = _best_products(model.catalogue, policy), type_popularity(model.catalogue)
    for history, ranked in zip(histories, rank_types(model.sources.types, model.catalogue, histories), strict=True):
        order = ranked[np.argsort(-popular[ranked], kind="stable")] if baseline else ranked
        codes = [] if policy.withholds(history) else _kept(model.catalogue, policy, history, order, best, limit)
        yield [_offer(model, history, code, best) for code in codes]


def _kept(catalogue: Catalogue, policy: Policy, history: History, ranked: Codes, best: Codes, limit: int) -> list[int]:
    """Take the first types whose product keeps the rules beside those of the others."""
    categories, most = catalogue.groups["category"], policy.rules.max_per_category
    taken: list[int] = []
    counts: Counter[int] = Counter()
    beside = set(history.codes.tolist())
    for code in ranked[best[ranked] >= 0].tolist():
        product = int(best[code])
        category = int(categories.codes[product])
        full = most is not None and bool(categories.known[category]) and counts[category] >= most
        if full or policy.rivals(product) & beside:
            continue
        counts[category] += 1
        beside.add(product)
        taken.append(code)
        if len(taken) == limit:
            break
    return taken


def rank_types(types: TypeSource, catalogue: Catalogue, histories: Sequence[History]) -> list[Codes]:
    """Return each customer's types never bought, best first."""
    popular = type_popularity(catalogue)
    ranked = []
    for history, scores in zip(histories, types.scores(histories, catalogue), strict=True):
        known = types_of(history, catalogue)
        # EASE's scores may be negative, and only their order counts
        wanted = scores - scores.min() + 1.0 if len(known) else popular
        wanted = np.where(catalogue.types.known, wanted, 0.0)
        wanted[known] = 0.0
        ranked.append(top(wanted, len(wanted)))
    return ranked


def _best_products(catalogue: Catalogue, policy: Policy) -> Codes:
    """Return per type its most popular product that may be offered to new buyers, -1 for none."""
    order = np.flatnonzero(policy.allowed_as["cross_sell"])
    order = order[np.argsort(catalogue.popularity[order], kind="stable")]
    best = np.full(len(catalogue.types), -1, dtype="int64")
    best[catalogue.types.codes[order]] = order  # the last one wins, which is the most popular
    return best


def _offer(model: NextProductModel, history: History, code: int, best: Codes) -> TypeOffer:
    catalogue, product = model.catalogue, int(best[code])
    evidence = _together(model.sources.types, catalogue, types_of(history, catalogue), code)
    if evidence is None:
        evidence = TypeEvidence("type_popular", baskets_28d=int(type_popularity(catalogue)[code]))
    return TypeOffer(str(catalogue.types.names[code]), str(catalogue.ids[product]), catalogue.label(product), evidence)


def _together(types: TypeSource, catalogue: Catalogue, known: Codes, code: int) -> TypeEvidence | None:
    """Return the bought type with the highest weight for another, if they are bought together more than by chance."""
    if not len(known):
        return None
    both: Floats = types.both[known, code]
    lift = both * types.customers / np.maximum(np.diag(types.both)[known] * types.both[code, code], 1)
    weights = np.where((both >= MIN_TOGETHER) & (lift >= MIN_LIFT), types.weights[known, code], -np.inf)
    best = int(np.argmax(weights))
    if weights[best] <= 0:
        return None
    return TypeEvidence(
        "type_together",
        anchor_type=str(catalogue.types.names[known[best]]),
        together=int(both[best]),
        lift=float(lift[best]),
        customers=types.customers,
    )
