"""Queries to files: texts as everywhere, and joins that say when they multiply rows."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import DataError
from features.ingest.pipeline import Ingested
from tests.features.ingest.exports import ingest, orders, quarantine, settings_of, table

MAPPED = {
    "customer_id": "customer",
    "order_id": "order_no",
    "product_id": "sku",
    "event_timestamp": "day",
    "quantity": "qty",
    "amount": "qty * price",
}


def asked(folder: Path, query: str, *, columns: dict[str, str] = MAPPED, **options: Any) -> Ingested:
    """Ingest what a query finds."""
    data = {"sources": options.pop("sources", {}), "max_rejected_share": 0.1}
    item = {"path": None, "query": query, "dates": ["%d/%m/%Y"], "columns": columns} | options
    return ingest(settings_of(folder, item, **data))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Orders whose numbers differ in the last of 20 digits, or in leading zeros, and their lines."""
    numbers = [f"1234567890123456700{n}" for n in range(4)] + [f"{n:06}" for n in range(3)]
    heads = "".join(f"{number},{place:05},0{1 + place}/02/2024\n" for place, number in enumerate(numbers))
    lines = "".join(f"{number},00{piece},{piece},2.5\n" for number in numbers for piece in (1, 2))
    orders(tmp_path, "order_no,customer,day\n" + heads, "heads.csv")
    orders(tmp_path, "order_no,sku,qty,price\n" + lines, "lines.csv")
    return tmp_path


def test_ids_in_a_join_keep_their_digits_and_zeros(shop: Path) -> None:
    asked(shop, "SELECT * FROM 'lines.csv' JOIN 'heads.csv' USING (order_no)")
    frame = table(shop, "transactions")
    assert (len(frame), frame["amount"].sum()) == (14, 7 * (2.5 + 5))
    assert frame["customer_id"].tolist()[:2] == ["00000", "00000"]
    assert set(frame["product_id"]) == {"001", "002"}
    assert "000002" in set(frame["order_id"])
    assert frame["event_timestamp"].dt.month.unique().tolist() == [2]


def test_duckdbs_reader_in_a_query_is_replaced_by_ours(shop: Path) -> None:
    query = "SELECT * FROM read_csv('lines.csv', all_varchar = true) l JOIN read_csv_auto('heads.csv') USING (order_no)"
    assert asked(shop, query).rows["transactions"] == 14
    assert "000002" in set(table(shop, "transactions")["order_id"])


def test_sources_have_names_encodings_and_header_lines(shop: Path) -> None:
    text = "Orders of 2024\norder_no;customer;day\n000001;Zoë;03/02/2024\n"
    orders(shop, text.encode("cp1252"), "heads-1.txt")
    orders(shop, text.replace("000001", "000002").encode("cp1252"), "heads-2.txt")
    heads = {"path": "heads-*.txt", "encoding": "cp1252", "delimiter": ";", "header_line": 2}
    asked(
        shop,
        "SELECT * FROM lines JOIN heads USING (order_no)",
        sources={"heads": heads, "lines": {"path": "lines.csv"}},
    )
    frame = table(shop, "transactions")
    assert (set(frame["customer_id"]), set(frame["order_id"])) == ({"Zoë"}, {"000001", "000002"})


def test_rows_that_the_reader_of_a_source_rejects_are_counted_with_their_place(shop: Path) -> None:
    with (shop / "lines.csv").open("a") as lines:
        lines.write("000001,half a line\n")
    totals = asked(shop, "SELECT * FROM 'lines.csv' JOIN 'heads.csv' USING (order_no)").inputs[0].totals
    assert (totals.read, totals.kept, totals.rejected) == (15, 14, {"too few columns": 1})
    ((file, line, _, text),) = quarantine(shop)
    assert file.endswith("[lines.csv]")
    assert (line, text) == (16, "000001,half a line")


def test_a_join_that_multiplies_lines_is_refused_with_its_factor_until_it_is_accepted(shop: Path) -> None:
    orders(shop, "order_no,method\n" + "000001,card\n" * 2 + "000002,cash\n", "payments.csv")
    query = "SELECT * FROM 'lines.csv' JOIN 'heads.csv' USING (order_no) JOIN 'payments.csv' USING (order_no)"
    with pytest.raises(DataError, match=r"6 rows of 4 rows of lines\.csv, 1\.50 times .*max_join_factor = 1\.5"):
        asked(shop, query)
    assert asked(shop, query, max_join_factor=1.5).rows["transactions"] == 6


def test_the_amount_of_an_order_that_a_join_repeats_on_every_line_is_refused(shop: Path) -> None:
    totals = "".join(f"{n:06},7.5\n" for n in range(3))
    orders(shop, "order_no,total\n" + totals, "totals.csv")
    query = "SELECT * FROM 'lines.csv' JOIN 'heads.csv' USING (order_no) LEFT JOIN 'totals.csv' USING (order_no)"
    with pytest.raises(DataError, match=r"6 rows of 3 rows of totals\.csv, 2\.00 times"):
        asked(shop, query, columns=MAPPED | {"quantity": "1", "amount": "total"})
    assert asked(shop, query).rows["transactions"] == 14


def test_a_join_in_a_part_of_a_query_is_looked_at_too(shop: Path) -> None:
    orders(shop, "order_no,day_2\n000001,1\n000001,2\n", "days.csv")
    query = (
        "WITH twice AS (SELECT * FROM 'lines.csv' JOIN 'days.csv' USING (order_no)) "
        "SELECT * FROM twice JOIN 'heads.csv' USING (order_no)"
    )
    with pytest.raises(DataError, match=r"4 rows of 2 rows of lines\.csv, 2\.00 times"):
        asked(shop, query)


def test_parquet_keeps_its_types_in_a_query(shop: Path) -> None:
    duckdb.execute(f"COPY (SELECT '000001' AS order_no, DATE '2024-02-02' AS day) TO '{shop}/days.parquet'")
    query = "SELECT l.*, 'c1' AS customer, d.day FROM 'lines.csv' l JOIN 'days.parquet' d USING (order_no)"
    assert asked(shop, query).rows["transactions"] == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM nowhere", r"expected names of \[data\.sources\] and of files.*'nowhere'"),
        ("SELECT * FROM 'gone.csv'", r"Expected a file at .*gone\.csv.*Correct 'gone\.csv'"),
        ("SELECT * FROM read_csv('lines.csv', delim = ';')", r"option 'delim'.*\[data\.sources"),
        ("SELECT * FROM read_csv(['lines.csv'])", r"found READ_CSV.*Name one file"),
        ("SELECT * FROM 'lines.csv'; SELECT 1", "expected one SELECT"),
        ("SELECT (", "is no DuckDB query"),
    ],
)
def test_a_query_that_names_something_else_is_an_error(shop: Path, query: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        asked(shop, query)
