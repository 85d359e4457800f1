"""Which products can be offered."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from features.store.feature_store import Store
from tests.conftest import NOW, World
from tests.training.next_product.small import a_catalogue
from training.next_product.catalogue import STATISTICS, make_catalogue
from training.next_product.dataset import DatasetReader
from training.next_product.settings import NextProductSettings


def test_a_catalogue_without_products_is_an_error(at_home: World, store: Store) -> None:
    following = at_home.settings[NextProductSettings].model_copy(update={"min_baskets": 10**6})
    settings = at_home.settings.replaced(following)
    with pytest.raises(DataError, match=r"at least 1000000 baskets.*min_baskets"):
        DatasetReader(settings, store).at(at_home.schedule.as_of)


def test_products_that_are_not_active_are_not_offered() -> None:
    products = pd.DataFrame({"product_id": ["a", "b", "c", "e", "f"], "type": "t"}).assign(
        **dict.fromkeys(("name", "category", "brand", "brand_tier", "size"))
    )
    products["active"] = pd.Series([True, False, None, True, True], dtype="boolean")
    # e came in lately and has too few baskets, f came long ago
    products["introduced_timestamp"] = pd.Series([None, None, None, "2017-12-20", "2017-06-01"])
    statistics = pd.DataFrame({"product_id": ["a", "b", "c", "d"]}).assign(
        **dict.fromkeys(STATISTICS, 1.0) | {"product_baskets": 9.0}
    )
    catalogue = make_catalogue(products, statistics, NOW, NextProductSettings())
    assert catalogue.ids.tolist() == ["a", "c", "d", "e"]
    assert catalogue.arrivals.tolist() == [False, False, False, True]
    later = catalogue.on_day(catalogue.statistics, NOW + timedelta(days=90), NextProductSettings())
    assert not later.arrivals.any()
    before = make_catalogue(products, statistics, NOW - timedelta(days=20), NextProductSettings())
    assert before.ids.tolist() == ["a", "c", "d"]


def test_members_of_groups_are_all_products_of_them_in_order() -> None:
    types = a_catalogue().types
    for wanted in ([], [0], [9, 3]):
        expected = np.flatnonzero(np.isin(types.codes, wanted)).tolist()
        assert types.members(np.array(wanted, dtype="int64")).tolist() == expected
