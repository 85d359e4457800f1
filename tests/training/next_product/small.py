"""A small catalogue by hand, and customers of it."""

from collections.abc import Sequence

import numpy as np

from training.next_product.catalogue import STATISTICS, Catalogue
from training.next_product.history import CUSTOMER_FEATURES, History, TypeHistory


def a_catalogue(count: int = 40) -> Catalogue:
    """Products p0, p1, … of ten types in four categories, the first the most popular, each sold by the piece."""
    places = np.arange(count)
    texts = {
        "product_id": [f"p{i}" for i in places],
        "name": [f"Product {i}" for i in places],
        "type": [f"type {i % 10}" for i in places],
        "category": [f"category {i % 4}" for i in places],
        "brand": [f"brand {i % 3}" for i in places],
        "tier": ["private" if i % 2 else "national" for i in places],
        "unit": ["piece"] * count,
    }
    statistics = dict.fromkeys(STATISTICS, np.ones(count)) | {
        "product_baskets_28d": np.arange(count, 0, -1).astype("float64"),
        "product_price": 1.0 + places // 10,
        "product_cycle_days": np.full(count, 10.0),
    }
    arrays = {name: np.array(values, dtype=object) for name, values in texts.items()}
    return Catalogue(arrays, np.ones(count), np.full(count, np.nan), np.zeros(count, dtype=bool), statistics)


def a_history(codes: Sequence[int], days_since: float = 5.0) -> History:
    """A customer who bought some products once each, and no type regularly."""
    bought = np.array(codes, dtype="int64")
    ones = np.ones(len(bought))
    types = TypeHistory(np.zeros(0, dtype="int64"), *(np.zeros(0) for _ in range(3)))
    scalars = np.array([days_since if name == "recency_days" else 0.0 for name in CUSTOMER_FEATURES])
    return History(bought, ones, ones, ones * np.nan, ones * days_since, types, scalars, {}, None)
