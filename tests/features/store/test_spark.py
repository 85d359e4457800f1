"""Feast's Spark store answers what its DuckDB store answers, and fills the online store with the same rows."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from features.engine.build import build_features
from features.engine.vectors import services_of
from features.store.feature_store import Store
from features.store.repo import staging_directory
from features.views import views_of
from tests.spark import NOW, START, ingested_shop, on_spark


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("a shop")
    settings = with_stores(ingested_shop(folder, 60), folder, "one")
    build_features(settings, NOW)
    return settings


def with_stores(settings: Settings, folder: Path, name: str) -> Settings:
    places = {"online": f"sqlite://{folder}/{name}.online.db", "registry": f"file://{folder}/{name}.registry.db"}
    return settings.replaced(settings[StoreSettings].model_copy(update=places))


@pytest.fixture(scope="module")
def other(shop: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same shop, with stores of its own and Spark."""
    return on_spark(with_stores(shop, tmp_path_factory.mktemp("spark"), "other"))


@pytest.fixture(scope="module")
def stores(shop: Settings, other: Settings) -> tuple[Store, Store]:
    one, spark = Store(shop), Store(other)
    assert one.apply()
    assert spark.apply()
    assert not spark.apply()
    return one, spark


def test_point_in_time_features_are_the_same(stores: tuple[Store, Store], shop: Settings) -> None:
    # at a snapshot, between two, before there are any, and of nobody
    moments = [datetime(2024, 6, 11, tzinfo=UTC), datetime(2024, 7, 1, 13, 30, tzinfo=UTC), START]
    answered = 0
    for service in services_of(shop):
        for key, ids in (("customer_id", ["c3", "c4", "c59", "nobody"]), ("product_id", ["p1", "p9"])):
            if not any(view.key == key for view in views_of(service)):
                continue
            asked = pd.DataFrame([{key: one, "event_timestamp": moment} for one in ids for moment in moments])
            wanted, found = (store.point_in_time(service, asked.copy()) for store in stores)
            answered += int(wanted.drop(columns=[key, "event_timestamp"]).notna().any(axis=None))
            assert set(found.columns) == set(wanted.columns)
            pd.testing.assert_frame_equal(found[list(wanted.columns)], wanted, obj=f"{service.name} {key}")
    assert answered == 4  # churn, next product by customer and by product, value
    assert not staging_directory(shop[StoreSettings]).exists()


@pytest.mark.usefixtures("stores")
def test_the_online_store_is_filled_with_the_same_rows(shop: Settings, other: Settings) -> None:
    customers = [f"c{c}" for c in range(60)]
    for settings in (shop, other):
        assert Store(settings).materialize()
    one, spark = (Store(settings).online for settings in (shop, other))
    for service in services_of(shop):
        wanted = one.vectors(service, customers)
        assert all(wanted)
        assert spark.vectors(service, customers) == wanted
        assert spark.rows(service, "customer_id", customers) == one.rows(service, "customer_id", customers)
    assert not staging_directory(shop[StoreSettings]).exists()
