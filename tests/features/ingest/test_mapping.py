"""What real exports need said of them: numbers, moments, zones, ids, rules, returns."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import ConfigError, DataError
from features.ingest.macros import define_macros
from features.ingest.pipeline import connection
from features.ingest.settings import DataSettings
from tests.features.ingest.exports import COLUMNS, ORDERS, ingest, orders, quarantine, settings_of, table

HEADER = "cust,order,sku,when,qty,price\n"


@pytest.mark.parametrize(
    ("decimal", "text", "number"),
    [
        (".", "12.5", 12.5),
        (".", "1,234.50", 1234.5),
        (".", "-3", -3.0),
        (".", "3.20-", -3.2),
        (".", "(12.00)", -12.0),
        (".", "EUR 1,000", 1000.0),
        (".", "$4.99", 4.99),
        (".", "￥88", 88.0),
        (".", "1 234.5", 1234.5),
        (".", "1'234.5", 1234.5),
        (".", "12abc", None),
        (".", "1,23", None),
        (".", "", None),
        (",", "12,5", 12.5),
        (",", "1.234,50 €", 1234.5),
        (",", "1.234", 1234.0),
        (",", "1.23", None),
        (",", "7", 7.0),
    ],
)
def test_numbers_are_read_as_they_are_written(decimal: Any, text: str, number: float | None) -> None:
    with duckdb.connect() as con:
        define_macros(con, decimal)
        assert con.execute("SELECT number(?)", [text]).fetchall() == [(number,)]


def test_other_functions_of_mappings() -> None:
    with duckdb.connect() as con:
        define_macros(con, ".")
        rows = con.execute(
            "SELECT id(' ab 12 '), id('１２Ａ'), id('149.0'), currency('12 EUR'), currency('£3'), currency('3'), "
            "moment('31.12.2024', ['%Y-%m-%d', '%d.%m.%Y'])::DATE::VARCHAR"
        ).fetchall()
        assert rows == [("AB12", "12A", "149", "EUR", "£", None, "2024-12-31")]


def test_each_input_has_its_own_decimal_sign(tmp_path: Path) -> None:
    orders(tmp_path, HEADER.replace(",", ";") + "a;1;x;2024-01-01;1;1.234,5\n")
    orders(tmp_path, HEADER + "b,2,x,2024-01-02,1,2.5\n", "plain.csv")
    ingest(settings_of(tmp_path, {"decimal": ","}, {"path": "plain.csv"}))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [1234.5, 2.5]


def test_numbers_that_no_calculation_gives_reject_the_row(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS + "c,4,x,2024-01-10,1,free\n")
    ingest(settings_of(tmp_path, max_rejected_share=0.5))
    assert quarantine(tmp_path) == [("orders.csv", 5, "missing amount", "c,4,x,2024-01-10,1,free")]


def test_an_expression_that_fails_for_a_row_rejects_that_row(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS + "c,4,x,10.01.2024,1,1\n")
    columns = {**COLUMNS, "event_timestamp": "strptime(\"when\", '%Y-%m-%d %H:%M:%S')"}
    ingest(settings_of(tmp_path, {"columns": columns}, max_rejected_share=0.5))
    assert [row[1:3] for row in quarantine(tmp_path)] == [(5, "missing event_timestamp")]


def test_mixed_formats_of_dates_are_tried_in_order(tmp_path: Path) -> None:
    text = HEADER + "a,1,x,03.04.2024 10:00,1,1\na,2,x,2024-04-05,1,1\na,3,x,4/6/2024,1,1\n"
    orders(tmp_path, text)
    ingest(settings_of(tmp_path, {"dates": ["%d.%m.%Y %H:%M", "%Y-%m-%d"]}, max_rejected_share=0.5))
    moments = table(tmp_path, "transactions")["event_timestamp"]
    assert [f"{moment:%m-%d}" for moment in moments] == ["04-03", "04-05"]
    assert [row[1:3] for row in quarantine(tmp_path)] == [(4, "unreadable event_timestamp")]


def test_zones_of_data_input_and_value(tmp_path: Path) -> None:
    text = HEADER + "a,1,x,2024-01-01 10:00:00,1,1\na,2,x,2024-01-01T10:00:00-05:00,1,1\n"
    orders(tmp_path, text)
    orders(tmp_path, text, "west.csv")
    ingest(settings_of(tmp_path, {}, {"path": "west.csv", "timezone": "America/Los_Angeles"}, timezone="Asia/Shanghai"))
    moments = table(tmp_path, "transactions", "event_timestamp")["event_timestamp"].dt.tz_convert("UTC")
    assert [f"{moment:%H}" for moment in moments] == ["02", "15", "15", "18"]


def test_the_hours_that_clocks_skip_and_repeat(tmp_path: Path) -> None:
    """2:30 does not exist on the last Sunday of March, and is half past three; in October it is the second one."""
    orders(tmp_path, HEADER + "a,1,x,2024-03-31 02:30:00,1,1\na,2,x,2024-10-27 02:30:00,1,1\n")
    ingest(settings_of(tmp_path, timezone="Europe/Berlin"))
    moments = table(tmp_path, "transactions", "event_timestamp")["event_timestamp"].dt.tz_convert("UTC")
    assert [f"{moment:%m-%d %H:%M}" for moment in moments] == ["03-31 01:30", "10-27 01:30"]


def test_spellings_of_an_id_become_one(tmp_path: Path) -> None:
    orders(
        tmp_path,
        HEADER + "".join(f"{cust},{n},x,2024-01-0{n},1,1\n" for n, cust in enumerate(["c1", " C1", "Ｃ１", "C 1"], 1)),
    )
    ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "customer_id": "id(cust)"}}))
    assert set(table(tmp_path, "transactions")["customer_id"]) == {"C1"}


def test_rows_are_skipped_by_name_and_do_not_count_as_rejected(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS + ",8,POST,2024-01-10,1,1\n,9,x,2024-01-10,1,1\nd,10,x,2024-01-11,0,0\n")
    item = {"skip": {"postage": "sku = 'POST'", "guest": "cust IS NULL"}, "where": "qty > 0"}
    totals = ingest(settings_of(tmp_path, item, max_rejected_share=0)).inputs[0].totals
    assert (totals.read, totals.kept, totals.skipped) == (6, 3, {"guest": 1, "postage": 1, "where": 1})
    assert [row[1:3] for row in quarantine(tmp_path)] == [(5, "postage"), (6, "guest"), (7, "where")]


def test_returns_become_interactions_with_the_order_they_take_back(tmp_path: Path) -> None:
    text = (
        ORDERS
        + "a,4,x,2024-01-05,2,1.50\na,C9,x,2024-01-10,-2,1.50\nb,C10,z,2024-01-10,-1,3\na,C11,x,2024-01-03,-1,1.50\n"
    )
    orders(tmp_path, text)
    ingested = ingest(settings_of(tmp_path, {"returns": "qty < 0 OR \"order\" LIKE 'C%'"}))
    totals = ingested.inputs[0].totals
    assert (totals.read, totals.kept, totals.returned, ingested.matched) == (7, 4, 3, 2)
    interactions = table(tmp_path, "interactions", "value")
    assert interactions["order_id"].isna().tolist() == [False, False, True]
    columns = interactions[["customer_id", "kind", "product_id", "order_id", "value"]].fillna("none")
    assert columns.to_numpy().tolist() == [
        ["a", "return", "x", "1", 1.5],
        ["a", "return", "x", "4", 3.0],
        ["b", "return", "z", "none", 3.0],
    ]
    assert (table(tmp_path, "transactions")["quantity"] > 0).all()


def test_returns_of_overlapping_exports_are_one(tmp_path: Path) -> None:
    text = ORDERS + "a,C9,x,2024-01-10,-2,1.50\n"
    orders(tmp_path, text, "orders-1.csv")
    orders(tmp_path, text, "orders-2.csv")
    (tmp_path / "calls.csv").write_text("customer_id,event_timestamp,kind\na,2024-01-02,complaint\n")
    settings = settings_of(
        tmp_path,
        {"path": "orders-*.csv", "returns": "qty < 0"},
        {"table": "interactions", "path": "calls.csv", "columns": {}},
        keys={"transactions": ["*"]},
    )
    ingested = ingest(settings)
    assert (ingested.rows["transactions"], ingested.rows["interactions"]) == (3, 2)
    totals = ingested.inputs[0].totals
    assert (totals.read, totals.kept, totals.returned, totals.merged) == (8, 3, 1, 4)
    assert ingest(settings).skipped


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"path": "a.csv", "query": "SELECT 1"}, "exactly one of"),
        ({"path": "a.csv", "encoding": "klingon"}, "is no encoding"),
        ({"path": "a.csv", "database": "sqlite:///x"}, "`query` with `database`"),
        ({"query": "SELECT 1", "incremental_column": "n"}, "`incremental_column` with `database`"),
        ({"database": "sqlite:///x", "query": "SELECT 1", "incremental_column": "n"}, "a key of transactions"),
        ({"table": "products", "path": "a.csv", "returns": "true"}, "`returns` with transactions"),
        ({"path": "a.csv", "skip": {"Two words": "true"}}, "skip"),
    ],
)
def test_contradictions_in_an_input_are_rejected(tmp_path: Path, item: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DataSettings.model_validate({"source": "files", "inputs": [{"table": "transactions"} | item]})


def test_a_variable_that_is_not_set_is_an_error(tmp_path: Path) -> None:
    item = {"path": None, "database": "sqlite:///${NO_SUCH_FOLDER}/x.db", "query": "SELECT 1"}
    with pytest.raises(ConfigError, match="NO_SUCH_FOLDER"):
        ingest(settings_of(tmp_path, item))


def test_a_database_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    item = {"path": None, "database": f"sqlite:///{tmp_path}/shop.db", "query": "SELECT * FROM orders"}
    with pytest.raises(DataError, match="no such table: orders"):
        ingest(settings_of(tmp_path, item))


def test_a_long_list_of_values_in_a_rule_is_no_join_which_would_mix_the_rows(tmp_path: Path) -> None:
    orders(tmp_path)
    listed = ", ".join(f"'p{n}'" for n in range(40))
    with connection(settings_of(tmp_path), tmp_path) as con:
        plan = con.execute(f"EXPLAIN SELECT sku IN ({listed}) FROM 'orders.csv'").fetchall()[0][1]
    assert "JOIN" not in plan
