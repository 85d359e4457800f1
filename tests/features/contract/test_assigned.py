"""Files of assignments: what is written, refused and erased."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from core.settings import StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.assigned import HOLDOUT, assigned_directory, erase_assignments, write_assignments

MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def drawn(*customers: str, **columns: Any) -> pd.DataFrame:
    rows = [
        {"customer_id": name, "assigned_timestamp": MOMENT, "arm": HOLDOUT, "propensity": 0.1} for name in customers
    ]
    return pd.DataFrame(rows).assign(**columns)


def customers_of(stores: StoreSettings, campaign: str) -> list[str]:
    return list(pq.read_table(assigned_directory(stores) / f"{campaign}.parquet")["customer_id"].to_pylist())


def test_a_file_has_the_columns_of_the_contract_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    write_assignments(stores, "spring", drawn("a", "b", "c"))
    write_assignments(stores, "spring", drawn("a", "b", note="is no column of the contract"))
    table = pq.read_table(assigned_directory(stores) / "spring.parquet")
    assert table.schema.equals(arrow_schema("assignments"))
    assert table["customer_id"].to_pylist() == ["a", "b"]
    assert table["campaign_id"].to_pylist() == ["spring", "spring"]
    assert table["assigned_timestamp"].to_pylist() == [MOMENT, MOMENT]
    assert table["channel"].null_count == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (drawn("a", "b", arm=["call", " "]), "a value of arm in each row"),
        (drawn("a").drop(columns="assigned_timestamp"), "a value of assigned_timestamp"),
        (drawn("a", "b", propensity=[0.0, 1.0]), r"a propensity in \(0, 1\]"),
        (drawn("a", "b", propensity=[1.5, None]), r"a propensity in \(0, 1\]"),
        (drawn("a", "a"), "one row for each customer"),
    ],
)
def test_rows_that_break_the_contract_are_refused_and_nothing_is_written(
    tmp_path: Path, rows: pd.DataFrame, words: str
) -> None:
    stores = StoreSettings(data=tmp_path)
    with pytest.raises(DataError, match=words.split(" in each", maxsplit=1)[0]):
        write_assignments(stores, "spring", rows)
    assert not assigned_directory(stores).exists()


def test_a_campaign_that_names_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="letters, digits"):
        write_assignments(StoreSettings(data=tmp_path), "../spring", drawn("a"))


def test_an_erased_customer_is_in_no_file_any_more(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    write_assignments(stores, "spring", drawn("a", "b"))
    write_assignments(stores, "summer", drawn("b"))
    write_assignments(stores, "autumn", drawn("a"))
    assert erase_assignments(stores, "b") == 2
    assert erase_assignments(stores, "b") == 0
    assert customers_of(stores, "spring") == ["a"]
    assert customers_of(stores, "autumn") == ["a"]
    assert not (assigned_directory(stores) / "summer.parquet").exists()
