"""Raw exports to contract tables: what is mapped, read again, merged, and refused with what words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError
from core.stamps import read_stamp
from features.contract.tables import CONTRACT
from tests.features.ingest.exports import COLUMNS, NOW, ORDERS, ingest, orders, quarantine, settings_of, table


def test_columns_and_expressions_are_mapped(tmp_path: Path) -> None:
    orders(tmp_path)
    assert ingest(settings_of(tmp_path)).rows["transactions"] == 3
    frame = table(tmp_path, "transactions", "order_id")
    assert frame["amount"].tolist() == [3.0, 4.0, 1.5]
    assert frame["customer_id"].tolist() == ["a", "a", "b"]
    assert list(frame.columns) == [column.name for column in CONTRACT["transactions"].columns]
    assert frame["discount"].isna().all()
    assert (frame["created_timestamp"] == frame["event_timestamp"]).all()


def test_a_row_that_does_not_say_when_it_was_written_counts_from_when_it_happened(tmp_path: Path) -> None:
    text = ORDERS.replace("price\n", "price,written\n").replace("1.50\na,2", "1.50,\na,2")
    text = text.replace("4.00\n", "4.00,2024-02-01 00:00:00\n").replace("1,1.50\n", "1,1.50,\n")
    orders(tmp_path, text)
    ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "created_timestamp": "written"}}))
    frame = table(tmp_path, "transactions")
    late = frame["order_id"] == "2"
    assert (frame["created_timestamp"] == frame["event_timestamp"])[~late].all()
    assert (frame["created_timestamp"] > frame["event_timestamp"])[late].all()


def test_optional_tables_are_there_and_empty(tmp_path: Path) -> None:
    orders(tmp_path)
    rows = ingest(settings_of(tmp_path)).rows
    assert rows == {
        "transactions": 3,
        "products": 0,
        "customers": 0,
        "interactions": 0,
        "subscriptions": 0,
        "assignments": 0,
        "outcomes": 0,
        "labels": 0,
    }


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
            ["1 of 3 rows", "33.3%", "unreadable event_timestamp (1 rows", "orders.csv line 3", "yesterday"],
            id="wrong type",
        ),
        pytest.param(
            ORDERS.splitlines()[0] + "\n", {}, ["Expected rows for transactions", "orders.csv"], id="empty table"
        ),
        pytest.param(ORDERS.replace("b,3", ",3"), {}, ["missing customer_id (1 rows", "line 4"], id="missing value"),
        pytest.param(
            ORDERS, {"columns": {**COLUMNS, "amount": "qty * prize"}}, ["'amount'", "qty * prize"], id="bad expression"
        ),
        pytest.param(
            ORDERS, {"columns": {**COLUMNS, "amount": "qty * (price"}}, ["is no DuckDB expression"], id="no expression"
        ),
        pytest.param(
            ORDERS, {"columns": {**COLUMNS, "amount": "1; DROP TABLE x"}}, ["one expression"], id="two statements"
        ),
        pytest.param(ORDERS, {"columns": {**COLUMNS, "amout": "1"}}, ["no column 'amout'"], id="unknown column"),
        pytest.param(ORDERS, {"where": "colour = 'red'"}, ["orders.csv", "colour"], id="bad condition"),
        pytest.param(ORDERS, {"skip": {"test": "sku"}}, ["`skip.test`", "true or false", "VARCHAR"], id="no condition"),
        pytest.param(ORDERS, {"path": "nothing.csv"}, ["Expected a file", "nothing.csv"], id="no file"),
        pytest.param(ORDERS, {"header_line": 9}, ["header in line 9"], id="no header"),
        pytest.param(
            ORDERS,
            {"table": "customers", "columns": {"customer_id": "cust"}},
            ["Expected an input for transactions, subscriptions, assignments or labels, found customers"],
            id="no events",
        ),
    ],
)
def test_bad_input_is_an_error_and_leaves_what_was_there(
    tmp_path: Path, text: str, change: dict[str, Any], words: list[str]
) -> None:
    orders(tmp_path)
    ingest(settings_of(tmp_path))
    before = {file: file.read_bytes() for file in (tmp_path / "state/contract").iterdir()}
    orders(tmp_path, text)
    with pytest.raises(DataError) as caught:
        ingest(settings_of(tmp_path, change))
    for word in words:
        assert word in str(caught.value)
    after = {file: file.read_bytes() for file in (tmp_path / "state/contract").iterdir()}
    assert after == before
    assert [p.name for p in (tmp_path / "state").iterdir() if p.name.startswith(".")] == []


def test_no_mapping_is_checked_after_rows_are_read(tmp_path: Path) -> None:
    """The second input is wrong, so nothing of the first is read."""
    orders(tmp_path)
    orders(tmp_path, ORDERS, "more.csv")
    with pytest.raises(DataError, match="prize"):
        ingest(settings_of(tmp_path, {}, {"path": "more.csv", "columns": {**COLUMNS, "amount": "prize"}}))
    assert list((tmp_path / "state/segments").iterdir()) == []


def test_nothing_changed_is_skipped_and_a_changed_file_is_not(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    orders(tmp_path)
    assert ingest(settings).read == 1
    assert ingest(settings).skipped
    orders(tmp_path, ORDERS + "c,4,x,2024-02-01 10:00:00,1,1.50\n")
    again = ingest(settings)
    assert not again.skipped
    assert again.rows["transactions"] == 4


def test_only_new_files_are_read_and_what_files_that_are_gone_held_stays(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"path": "orders-*.csv"})
    orders(tmp_path, ORDERS, "orders-1.csv")
    ingest(settings)
    orders(tmp_path, ORDERS, "orders-2.csv")
    assert ingest(settings).read == 1
    (tmp_path / "orders-1.csv").unlink()
    orders(tmp_path, ORDERS, "orders-3.csv")
    ingested = ingest(settings)
    assert (ingested.read, ingested.rows["transactions"]) == (1, 9)
    assert ingested.inputs[0].totals.read == 9
    assert ingest(settings, full_refresh=True).rows["transactions"] == 6


def test_another_mapping_cannot_be_applied_to_a_file_that_is_gone(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS, "orders-1.csv")
    orders(tmp_path, ORDERS, "orders-2.csv")
    ingest(settings_of(tmp_path, {"path": "orders-*.csv"}))
    (tmp_path / "orders-1.csv").unlink()
    changed = settings_of(tmp_path, {"path": "orders-*.csv", "columns": {**COLUMNS, "amount": "price"}})
    with pytest.raises(DataError, match=r"orders-1\.csv was read with another mapping.*--full-refresh"):
        ingest(changed)
    assert ingest(changed, full_refresh=True).rows["transactions"] == 3


def test_a_corrected_row_replaces_the_one_of_its_key(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"path": "orders-*.csv"}, keys={"transactions": ["order_id", "product_id"]})
    orders(tmp_path, ORDERS, "orders-1.csv")
    ingest(settings)
    orders(tmp_path, ORDERS.splitlines()[0] + "\na,2,y,2024-01-08 10:00:00,1,4.50\n", "orders-2.csv")
    ingested = ingest(settings)
    frame = table(tmp_path, "transactions", "order_id")
    assert frame["amount"].tolist() == [3.0, 4.5, 1.5]
    assert (ingested.inputs[0].totals.read, ingested.inputs[0].totals.merged) == (4, 1)


def test_a_row_that_was_written_later_stays_whatever_its_file(tmp_path: Path) -> None:
    header = "cust,order,sku,when,qty,price,written\n"
    orders(tmp_path, header + "a,1,x,2024-01-01,1,2,2024-01-03\n", "orders-1.csv")
    orders(tmp_path, header + "a,1,x,2024-01-01,1,1,2024-01-02\n", "orders-2.csv")
    item = {"path": "orders-*.csv", "columns": {**COLUMNS, "created_timestamp": "written"}}
    ingest(settings_of(tmp_path, item, keys={"transactions": ["order_id", "product_id"]}))
    assert table(tmp_path, "transactions")["amount"].tolist() == [2.0]


def test_equal_rows_are_one_where_all_columns_are_the_key(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS + ORDERS.splitlines()[1] + "\n")
    assert ingest(settings_of(tmp_path)).rows["transactions"] == 4
    merged = ingest(settings_of(tmp_path, keys={"transactions": ["*"]}))
    assert merged.rows["transactions"] == 3
    assert merged.inputs[0].totals.merged == 1


def test_of_a_product_the_last_known_values_stay(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "products.csv").write_text("product_id,name,brand\nx,Milk,A\nx,Whole milk,\ny,Tea,B\n")
    ingested = ingest(settings_of(tmp_path, {}, {"table": "products", "path": "products.csv", "columns": {}}))
    frame = table(tmp_path, "products")
    assert frame[["product_id", "name", "brand"]].to_numpy().tolist() == [["x", "Whole milk", "A"], ["y", "Tea", "B"]]
    assert ingested.inputs[1].totals.merged == 1


def test_one_wide_file_holds_orders_and_products(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS.replace("price\n", "price,title\n").replace("0\n", "0,Title\n"))
    products = {"table": "products", "columns": {"product_id": "sku", "name": "title"}}
    rows = ingest(settings_of(tmp_path, {}, products)).rows
    assert (rows["transactions"], rows["products"]) == (3, 2)


def test_attributes_of_customers_are_kept(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "customers.csv").write_text("id,region\na,north\nb,south\n")
    item = {"table": "customers", "path": "customers.csv", "columns": {"customer_id": "id"}}
    ingest(settings_of(tmp_path, {}, item))
    assert table(tmp_path, "customers")["region"].tolist() == ["north", "south"]


@pytest.mark.parametrize(
    ("known_since", "moment"),
    [
        pytest.param("2024-05-01", "2024-04-30 22:00:00", id="a date, in the zone of the input"),
        pytest.param("2024-05-01T12:00:00Z", "2024-05-01 12:00:00", id="a moment"),
        pytest.param("changed", "2024-03-31 22:00:00", id="a column"),
        pytest.param("changed::TIMESTAMP + INTERVAL 1 DAY", "2024-04-01 22:00:00", id="an expression"),
        pytest.param(None, "NaT", id="always"),
    ],
)
def test_attributes_say_since_when_they_are_known(tmp_path: Path, known_since: str | None, moment: str) -> None:
    orders(tmp_path)
    (tmp_path / "customers.csv").write_text("customer_id,region,changed\na,north,2024-04-01\n")
    item = {"table": "customers", "path": "customers.csv", "timezone": "Europe/Berlin", "columns": {}}
    ingest(settings_of(tmp_path, {}, item | ({"known_since": known_since} if known_since else {})))
    (row,) = table(tmp_path, "customers").to_dict("records")
    assert str(row["known_since_timestamp"]).removesuffix("+00:00") == moment
    assert ("changed" in row) == (known_since != "changed")


@pytest.mark.parametrize("option", ["known_since", "cancels"])
def test_an_option_of_another_table_is_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(ValueError, match=f"expected `{option}` with"):
        settings_of(tmp_path, {option: "x"})


def test_ids_keep_their_zeros_and_late_texts_are_read(tmp_path: Path) -> None:
    many = "".join(f"{n},{n},x,2024-01-01 10:00:00,1,1\n" for n in range(100, 30_000))
    orders(tmp_path, ORDERS.splitlines()[0] + "\n" + many + "0149,C77,x,2024-01-02 10:00:00,1,1\n")
    assert ingest(settings_of(tmp_path)).rows["transactions"] == 29_901
    frame = table(tmp_path, "transactions")
    assert {"149", "0149"} <= set(frame["customer_id"])
    assert "C77" in set(frame["order_id"])


def test_a_query_is_read_again_when_one_of_its_files_has_changed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"path": None, "query": "SELECT * FROM 'orders.csv'"})
    orders(tmp_path)
    ingest(settings)
    first = read_stamp(tmp_path / "state/contract")["fingerprint"]
    assert ingest(settings).skipped
    orders(tmp_path, ORDERS.replace("4.00", "400"))
    ingest(settings)
    assert read_stamp(tmp_path / "state/contract")["fingerprint"] != first
    assert len(list((tmp_path / "state/segments").iterdir())) == 1


def test_absolute_paths_and_patterns_are_found(tmp_path: Path) -> None:
    orders(tmp_path)
    assert ingest(settings_of(tmp_path, {"path": str(tmp_path / "ord*.csv")})).rows["transactions"] == 3


def test_a_file_may_lack_what_another_of_its_input_has(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS, "orders-1.csv")
    orders(tmp_path, ORDERS.replace("price\n", "price,shop\n").replace("0\n", "0,s1\n"), "orders-2.csv")
    item = {"path": "orders-*.csv", "columns": {**COLUMNS, "store_id": "shop"}}
    ingest(settings_of(tmp_path, item))
    assert table(tmp_path, "transactions")["store_id"].notna().sum() == 3


def test_a_row_in_the_future_waits_for_its_day(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS + "c,9,x,2025-06-01 00:00:00,1,1\nd,10,x,never,1,1\n")
    settings = settings_of(tmp_path, max_rejected_share=0.5)
    assert ingest(settings).rows["transactions"] == 3
    never = ("orders.csv", 6, "unreadable event_timestamp", "d,10,x,never,1,1")
    assert quarantine(tmp_path) == [
        ("orders.csv", 5, "future event_timestamp", "c,9,x,2025-06-01 00:00:00,1,1"),
        never,
    ]
    assert ingest(settings, NOW + timedelta(days=30)).skipped
    later = ingest(settings, datetime(2025, 6, 2, tzinfo=UTC))
    assert later.rows["transactions"] == 4
    assert len(table(tmp_path, "transactions")) == 4
    assert quarantine(tmp_path) == [never]


def test_what_was_read_and_is_removed_is_read_again(tmp_path: Path) -> None:
    orders(tmp_path)
    settings = settings_of(tmp_path)
    ingest(settings)
    for file in (tmp_path / "state/segments").iterdir():
        file.unlink()
    orders(tmp_path, ORDERS, "more.csv")
    again = settings_of(tmp_path, {}, {"path": "more.csv"})
    assert ingest(again).rows["transactions"] == 6


def test_a_run_that_stops_leaves_the_segments_of_the_tables_as_they_were(tmp_path: Path) -> None:
    orders(tmp_path)
    settings = settings_of(tmp_path)
    ingest(settings)
    before = {file: file.read_bytes() for file in (tmp_path / "state/segments").iterdir()}
    with pytest.raises(DataError, match="cannot be used"):
        ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "quantity": "sku"}}), full_refresh=True)
    assert before.items() <= {file: file.read_bytes() for file in (tmp_path / "state/segments").iterdir()}.items()
    assert ingest(settings).skipped
