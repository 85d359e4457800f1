"""The few hundred products worth ranking for a customer, and what the ranker reads of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.config import NextProductSettings
from features.expressions.preference import PRIVATE
from features.vectors import Columns, Floats
from training.next_product.catalogue import Catalogue, Codes, popularity
from training.next_product.history import CUSTOMER_FEATURES, History
from training.next_product.sources import Sources, top

OWN, POPULAR, STEP_UP = 120, 60, 20
FROM_SOURCES = {"als": 40, "similar": 40, "ease": 60, "neighbours": 60}
#: Customers whose scores are held at once.
_BLOCK = 64
#: A type is bought regularly from this many baskets in 182 days, the last within 56.
REGULAR_BASKETS, REGULAR_WITHIN = 3, 56.0

FEATURES = (
    "own_baskets",
    "own_decayed",
    "own_share",
    "own_rank",
    "own_days_since",
    "own_cycle",
    "own_overdue",
    "product_overdue",
    "type_decayed",
    "als",
    "similar",
    "ease",
    "neighbours",
    "own_products",
    "type_baskets_28d",
    "type_trend",
    "product_baskets_28d",
    "product_new_buyers_28d",
    "product_buyers",
    "product_trend",
    "product_repeat_rate",
    "product_cycle_days",
    "product_price",
    *CUSTOMER_FEATURES,
)


@dataclass(frozen=True)
class Candidates:
    """Candidates of one customer, in arrays aligned with each other.

    Attributes
    ----------
    codes
        Catalogue codes, each once.
    own
        Place of the product in the customer's history, -1 for one never bought.
    inputs
        Candidates x `FEATURES`.
    """

    codes: Codes
    own: Codes
    inputs: Floats


def find_candidates(
    histories: Sequence[History], sources: Sources, catalogue: Catalogue, settings: NextProductSettings
) -> Iterator[Candidates]:
    """Unite each customer's own products with what the sources, popularity and a step up suggest.

    Yields one per history, in their order.
    """
    popular = popularity(catalogue)
    statistics = {**catalogue.statistics, **type_statistics(catalogue)}
    for start in range(0, len(histories), _BLOCK):
        block = histories[start : start + _BLOCK]
        scores = sources.scores(block)
        for place, history in enumerate(block):
            own_scores = {name: of[place] for name, of in scores.items()}
            new = np.ones(len(catalogue))
            new[history.codes] = 0.0
            suggestions = [
                history.codes[top(history.decayed, OWN)],
                top(popular * new, POPULAR),
                steps_up(history, catalogue, settings)[:STEP_UP],
                *(top(of * new, FROM_SOURCES[name]) for name, of in own_scores.items()),
            ]
            codes = np.unique(np.concatenate(suggestions))
            told = {name: of[codes] for name, of in (own_scores | statistics).items()}
            own = _places(history, codes)
            yield Candidates(codes, own, _inputs(history, catalogue, codes, own, told))


def type_statistics(catalogue: Catalogue) -> Columns:
    """Return for every product the baskets of its type in the last 28 days, and their trend."""
    now = popularity(catalogue)
    before = (now + 1) / np.nan_to_num(catalogue.statistics["product_trend"], nan=1.0) - 1
    sums: list[Floats] = [np.bincount(catalogue.type_codes, weights=p).astype("float64") for p in (now, before)]
    return {
        "type_baskets_28d": sums[0][catalogue.type_codes],
        "type_trend": ((sums[0] + 1) / (sums[1] + 1))[catalogue.type_codes],
    }


def regular_types(history: History) -> Codes:
    """Return the places in `history.types` of the types the customer buys regularly."""
    types = history.types
    return np.flatnonzero((types.baskets >= REGULAR_BASKETS) & (types.days_since <= REGULAR_WITHIN))


def steps_up(history: History, catalogue: Catalogue, settings: NextProductSettings) -> Codes:
    """Return products one step above what the customer usually pays in a type, most popular first.

    The price of one lies within [min step, max step] times the customer's median in the type, its size is one the
    customer bought in the type, it does not lead to a private brand, and the customer has not bought it.
    """
    usual = np.full(len(catalogue.type_names), np.nan)
    regular = regular_types(history)
    usual[history.types.codes[regular]] = history.types.price[regular]
    step = catalogue.statistics["product_price"] / usual[catalogue.type_codes]
    fits = (step >= settings.upsell_min_step) & (step <= settings.upsell_max_step) & (catalogue.types != "")
    fits[history.codes] = False
    found = np.flatnonzero(fits)
    found = found[_same_size(history, catalogue, found) & _no_lower_tier(history, catalogue, found)]
    return found[np.argsort(-popularity(catalogue)[found], kind="stable")]


def _same_size(history: History, catalogue: Catalogue, codes: Codes) -> npt.NDArray[np.bool_]:
    """Tell which products have a size that the customer bought in the type; a larger pack is no better one."""
    known = set(zip(catalogue.type_codes[history.codes], catalogue.sizes[history.codes], strict=True))
    pairs = zip(catalogue.type_codes[codes], catalogue.sizes[codes], strict=True)
    return np.fromiter((pair in known for pair in pairs), dtype=bool, count=len(codes))


def _no_lower_tier(history: History, catalogue: Catalogue, codes: Codes) -> npt.NDArray[np.bool_]:
    """Tell which products do not lead from another brand to a private one."""
    branded = catalogue.type_codes[history.codes[catalogue.tiers[history.codes] != PRIVATE]]
    higher = np.asarray(catalogue.tiers[codes] != PRIVATE, dtype=bool)
    return higher | ~np.isin(catalogue.type_codes[codes], branded)


def _places(history: History, codes: Codes) -> Codes:
    order = np.argsort(history.codes)
    if not len(order):
        return np.full(len(codes), -1, dtype="int64")
    places = np.clip(np.searchsorted(history.codes, codes, sorter=order), 0, len(order) - 1)
    found = order[places]
    return np.where(history.codes[found] == codes, found, -1)


def _inputs(history: History, catalogue: Catalogue, codes: Codes, own: Codes, told: Columns) -> Floats:
    bought = own >= 0
    rank = np.empty(len(history))
    rank[np.argsort(-history.decayed, kind="stable")] = np.arange(len(history))
    decayed = _of_own(history.decayed, own, bought, 0.0)
    days_since = _of_own(history.days_since, own, bought, np.nan)
    cycle = _of_own(history.cycle, own, bought, np.nan)
    by_type = np.bincount(
        catalogue.type_codes[history.codes], weights=history.decayed, minlength=len(catalogue.type_names)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "own_baskets": _of_own(history.baskets, own, bought, 0.0),
            "own_decayed": decayed,
            "own_share": decayed / max(history.decayed.sum(), 1e-9),
            "own_rank": _of_own(rank, own, bought, np.nan),
            "own_days_since": days_since,
            "own_cycle": cycle,
            "own_overdue": days_since / cycle,
            "product_overdue": days_since / told["product_cycle_days"],
            "type_decayed": by_type[catalogue.type_codes[codes]] - decayed,
            "own_products": np.full(len(codes), float(len(history))),
            **told,
            **{
                name: np.full(len(codes), value)
                for name, value in zip(CUSTOMER_FEATURES, history.customer, strict=True)
            },
        }
    inputs: Floats = np.column_stack([columns[name] for name in FEATURES])
    inputs[~np.isfinite(inputs)] = np.nan
    return inputs


def _of_own(values: Floats, own: Codes, bought: np.ndarray, otherwise: float) -> Floats:
    if not len(values):
        return np.full(len(own), otherwise)
    return np.where(bought, values[np.maximum(own, 0)], otherwise)
