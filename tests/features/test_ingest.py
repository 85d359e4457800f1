"""Raw exports to contract tables: what is mapped, and what is refused with what words."""

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from features.config import Settings
from features.contract import CONTRACT
from features.errors import DataError
from features.ingest import ingest
from features.state import read_stamp

ORDERS = """cust,order,sku,when,qty,price
a,1,x,2024-01-01 10:00:00,2,1.50
a,2,y,2024-01-08 10:00:00,1,4.00
b,3,x,2024-01-09 23:30:00,1,1.50
"""
COLUMNS = {
    "customer_id": "cust",
    "order_id": "order",
    "product_id": "sku",
    "event_timestamp": "when",
    "quantity": "qty",
    "amount": "qty * price",
}


def settings_for(folder: Path, text: str = ORDERS, timezone: str = "UTC", **change: Any) -> Settings:
    (folder / "orders.csv").write_text(text)
    item = {"table": "transactions", "path": "orders.csv", "columns": COLUMNS} | change
    return Settings(
        data={"source": "files", "root": folder, "timezone": timezone, "inputs": [item]},
        stores={"data": folder / "state"},
    )


def contract(folder: Path, table: str) -> pd.DataFrame:
    frame: pd.DataFrame = duckdb.sql(f"SELECT * FROM '{folder}/state/contract/{table}.parquet'").df()
    return frame


def test_columns_and_expressions_are_mapped(tmp_path: Path) -> None:
    assert ingest(settings_for(tmp_path)).rows["transactions"] == 3
    frame = contract(tmp_path, "transactions")
    assert frame["amount"].tolist() == [3.0, 4.0, 1.5]
    assert frame["customer_id"].tolist() == ["a", "a", "b"]
    assert list(frame.columns) == [column.name for column in CONTRACT["transactions"].columns]
    assert frame["discount"].isna().all()
    assert (frame["created_timestamp"] == frame["event_timestamp"]).all()


def test_a_row_that_does_not_say_when_it_was_written_counts_from_when_it_happened(tmp_path: Path) -> None:
    text = ORDERS.replace("price\n", "price,written\n").replace("1.50\na,2", "1.50,\na,2")
    text = text.replace("4.00\n", "4.00,2024-02-01 00:00:00\n").replace("1,1.50\n", "1,1.50,\n")
    ingest(settings_for(tmp_path, text, columns={**COLUMNS, "created_timestamp": "written"}))
    frame = contract(tmp_path, "transactions")
    late = frame["order_id"] == "2"
    assert (frame["created_timestamp"] == frame["event_timestamp"])[~late].all()
    assert (frame["created_timestamp"] > frame["event_timestamp"])[late].all()


def test_moments_without_a_zone_are_in_the_configured_one(tmp_path: Path) -> None:
    ingest(settings_for(tmp_path, timezone="Asia/Shanghai"))
    duckdb.sql("SET TimeZone = 'UTC'")
    first = contract(tmp_path, "transactions")["event_timestamp"][0]
    assert first.tz_convert("UTC").isoformat() == "2024-01-01T02:00:00+00:00"


def test_optional_tables_are_there_and_empty(tmp_path: Path) -> None:
    rows = ingest(settings_for(tmp_path)).rows
    assert rows == {"transactions": 3, "products": 0, "customers": 0, "interactions": 0, "subscriptions": 0}


def test_nothing_changed_is_skipped_and_a_changed_file_is_not(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert not ingest(settings).skipped
    assert ingest(settings).skipped
    (tmp_path / "orders.csv").write_text(ORDERS + "c,4,x,2024-02-01 10:00:00,1,1.50\n")
    again = ingest(settings)
    assert not again.skipped
    assert again.rows["transactions"] == 4


@pytest.mark.parametrize(
    ("text", "change", "words"),
    [
        pytest.param(
            ORDERS,
            {"columns": {k: v for k, v in COLUMNS.items() if k != "quantity"}},
            ["needs a column 'quantity'", "found cust, order, sku", 'quantity = "…"'],
            id="missing column",
        ),
        pytest.param(
            ORDERS.replace("2024-01-08 10:00:00", "yesterday"),
            {},
            ["expected TIMESTAMPTZ for 'event_timestamp'", "1 rows", "'yesterday'"],
            id="wrong type",
        ),
        pytest.param(
            ORDERS.splitlines()[0] + "\n",
            {},
            ["Expected rows for transactions", "orders.csv"],
            id="empty table",
        ),
        pytest.param(ORDERS.replace("b,3", ",3"), {}, ["a value of 'customer_id'", "1 rows"], id="missing value"),
        pytest.param(
            ORDERS,
            {"columns": {**COLUMNS, "amount": "qty * prize"}},
            ["'amount'", "qty * prize"],
            id="bad expression",
        ),
        pytest.param(
            ORDERS,
            {"columns": {**COLUMNS, "amout": "1"}},
            ["no column 'amout'"],
            id="unknown contract column",
        ),
        pytest.param(ORDERS, {"where": "colour = 'red'"}, ["orders.csv", "colour"], id="bad condition"),
        pytest.param(ORDERS, {"path": "nothing.csv"}, ["Expected a file", "nothing.csv"], id="no file"),
        pytest.param(
            ORDERS,
            {"table": "customers", "columns": {"customer_id": "cust"}},
            ["No input is mapped to transactions"],
            id="no transactions",
        ),
    ],
)
def test_bad_input_is_told_and_leaves_what_was_there(
    tmp_path: Path, text: str, change: dict[str, Any], words: list[str]
) -> None:
    ingest(settings_for(tmp_path))
    before = {file: file.read_bytes() for file in (tmp_path / "state/contract").iterdir()}
    with pytest.raises(DataError) as caught:
        ingest(settings_for(tmp_path, text, **change))
    for word in words:
        assert word in str(caught.value)
    after = {file: file.read_bytes() for file in (tmp_path / "state/contract").iterdir()}
    assert after == before
    assert [p.name for p in (tmp_path / "state").iterdir() if p.name.startswith(".")] == []


def test_two_rows_of_one_product_are_refused(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,name\nx,Milk\nx,Milk 2\n")
    settings = settings_for(tmp_path)
    inputs = [*settings.data.model_dump()["inputs"], {"table": "products", "path": "products.csv"}]
    twice = Settings(data={**settings.data.model_dump(), "inputs": inputs}, stores=settings.stores)
    with pytest.raises(DataError, match="one row per product, found 2 with product_id = 'x'"):
        ingest(twice)


def test_attributes_of_customers_are_kept(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("id,region\na,north\nb,south\n")
    settings = settings_for(tmp_path)
    item = {"table": "customers", "path": "customers.csv", "columns": {"customer_id": "id"}}
    inputs = [*settings.data.model_dump()["inputs"], item]
    ingest(Settings(data={**settings.data.model_dump(), "inputs": inputs}, stores=settings.stores))
    assert contract(tmp_path, "customers")["region"].tolist() == ["north", "south"]


def test_ids_keep_their_zeros_and_late_texts_are_read(tmp_path: Path) -> None:
    """A CSV reader that looks at the first rows only takes ids for numbers."""
    many = "".join(f"{n},{n},x,2024-01-01 10:00:00,1,1\n" for n in range(100, 30_000))
    text = ORDERS.splitlines()[0] + "\n" + many + "0149,C77,x,2024-01-02 10:00:00,1,1\n"
    assert ingest(settings_for(tmp_path, text)).rows["transactions"] == 29_901
    frame = contract(tmp_path, "transactions")
    assert {"149", "0149"} <= set(frame["customer_id"])
    assert "C77" in set(frame["order_id"])


def test_a_query_is_read_again_and_only_other_rows_are_news(tmp_path: Path) -> None:
    query: dict[str, Any] = {"path": None, "query": "SELECT * FROM 'orders.csv'"}
    settings = settings_for(tmp_path, **query)
    ingest(settings)
    first = read_stamp(tmp_path / "state/contract")["fingerprint"]
    assert not ingest(settings).skipped
    assert read_stamp(tmp_path / "state/contract")["fingerprint"] == first
    ingest(settings_for(tmp_path, ORDERS.replace("4.00", "400"), **query))
    assert read_stamp(tmp_path / "state/contract")["fingerprint"] != first


def test_absolute_paths_and_patterns_are_found(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, path=str(tmp_path / "ord*.csv"))
    assert ingest(settings).rows["transactions"] == 3


@pytest.mark.parametrize(
    ("bad", "column"), [("nan", "quantity"), ("inf", "quantity"), ("9999-12-31 00:00:00", "event_timestamp")]
)
def test_numbers_that_are_none_and_moments_nobody_has_are_refused(tmp_path: Path, bad: str, column: str) -> None:
    text = (
        ORDERS.replace("2024-01-08 10:00:00", bad)
        if column == "event_timestamp"
        else ORDERS.replace("10:00:00,1,4", f"10:00:00,{bad},4")
    )
    with pytest.raises(DataError, match=f"'{column}', found 1 rows"):
        ingest(settings_for(tmp_path, text))
