"""Customers found by what is on file about them."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import StoreError
from core.settings import Settings, StoreSettings
from features.contract.tables import table_path
from serving.scoring.attributes import attributes, having


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    stores = StoreSettings(data=tmp_path)
    table = pa.table(
        {
            "customer_id": ["a", "b", "c"],
            "signup_timestamp": [datetime(2024, 1, 1, tzinfo=UTC)] * 3,
            'home "sweet" home': ["Homeowner", "50% owner", None],
            "city": ["Köln", None, "own town"],
        }
    )
    table_path(stores, "customers").parent.mkdir()
    pq.write_table(table, table_path(stores, "customers"))
    return Settings(stores)


def test_customers_are_found_by_a_part_of_an_attribute(settings: Settings) -> None:
    names = attributes(settings)
    assert names == ['home "sweet" home', "city"]
    assert having(settings, "OWN", names) == ["a", "b", "c"]
    assert having(settings, "own", names[:1]) == ["a", "b"]
    assert having(settings, "0%", names) == ["b"]  # no pattern
    assert having(settings, "KÖLN", names) == ["a"]
    assert having(settings, "' OR '1'='1", names) == []
    assert having(settings, "a", ()) == []


def test_without_a_table_there_are_no_attributes(tmp_path: Path) -> None:
    assert attributes(Settings(StoreSettings(data=tmp_path))) == []


def test_a_table_that_cannot_be_read_is_an_error_with_a_remedy(settings: Settings) -> None:
    table_path(settings[StoreSettings], "customers").write_bytes(b"no Parquet")
    with pytest.raises(StoreError, match="table of customers cannot be read"):
        attributes(settings)
    with pytest.raises(StoreError, match="table of customers cannot be read"):
        having(settings, "a", ["city"])
