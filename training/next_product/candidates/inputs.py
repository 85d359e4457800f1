"""What the purchase model reads of a candidate."""

from collections.abc import Mapping

import numpy as np

from core.arrays import Columns, Floats
from training.next_product.candidates.upgrades import Upgrades
from training.next_product.catalogue import GROUPS, Codes
from training.next_product.history import CUSTOMER_FEATURES, History

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
    "category_decayed",
    "brand_decayed",
    "type_baskets",
    "type_days_since",
    "type_affinity",
    "price_step",
    "als",
    "similar",
    "ease",
    "rising",
    "rising_now",
    "neighbours",
    "own_products",
    "type_baskets_28d",
    "type_trend",
    "product_baskets_7d",
    "product_baskets_28d",
    "product_new_buyers_7d",
    "product_new_buyers_28d",
    "product_buyers",
    "product_trend",
    "product_repeat_rate",
    "product_cycle_days",
    "product_price",
    *CUSTOMER_FEATURES,
)


def ranker_inputs(
    history: History,
    upgrades: Upgrades,
    codes: Codes,
    own: Codes,
    scores: Mapping[str, Floats],
    affinity: Floats,
) -> Floats:
    """Return the inputs of the purchase model for candidates.

    Parameters
    ----------
    codes, own
        The candidates, and their places in the history, -1 for one never bought.
    scores
        The scores of the candidates, by source.
    affinity
        EASE's score of every type.

    Returns
    -------
    Candidates x `FEATURES`, NaN where something is not known.
    """
    catalogue = upgrades.catalogue
    of_products = {**scores, **{name: values[codes] for name, values in catalogue.features.items()}}
    types = catalogue.types.codes[codes]
    rank = np.empty(len(history))
    rank[np.argsort(-history.decayed, kind="stable")] = np.arange(len(history))
    decayed = _of_own(history.decayed, own, 0.0)
    days_since = _of_own(history.days_since, own, np.nan)
    cycle = _of_own(history.cycle, own, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns: Columns = {
            "own_baskets": _of_own(history.baskets, own, 0.0),
            "own_decayed": decayed,
            "own_share": decayed / max(history.decayed.sum(), 1e-9),
            "own_rank": _of_own(rank, own, np.nan),
            "own_days_since": days_since,
            "own_cycle": cycle,
            "own_overdue": days_since / cycle,
            "product_overdue": days_since / of_products["product_cycle_days"],
            "type_baskets": _by_type(history.types.codes, history.types.baskets, len(catalogue.types), 0.0)[types],
            "type_days_since": _by_type(history.types.codes, history.types.days_since, len(catalogue.types))[types],
            "type_affinity": affinity[types],
            "price_step": upgrades.steps(history, codes),
            "own_products": np.full(len(codes), float(len(history))),
            **of_products,
        }
    for name in GROUPS:
        group = catalogue.groups[name]
        columns[f"{name}_decayed"] = group.sums(history.decayed, history.codes)[group.codes[codes]] - decayed
    for name, value in zip(CUSTOMER_FEATURES, history.customer, strict=True):
        columns[name] = np.full(len(codes), value)
    inputs: Floats = np.column_stack([columns[name] for name in FEATURES])
    inputs[~np.isfinite(inputs)] = np.nan
    return inputs


def _of_own(values: Floats, own: Codes, otherwise: float) -> Floats:
    if not len(values):
        return np.full(len(own), otherwise)
    return np.where(own >= 0, values[np.maximum(own, 0)], otherwise)


def _by_type(codes: Codes, values: Floats, count: int, otherwise: float = np.nan) -> Floats:
    by_type = np.full(count, otherwise)
    by_type[codes] = values
    return by_type
