"""Text files as they are met."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError
from features.ingest.text import numbered
from tests.features.ingest.exports import COLUMNS, ORDERS, ingest, orders, quarantine, settings_of, table

HEADER = "cust,order,sku,when,qty,price\n"
ROW = "a,1,x,2024-01-01,1,1\n"
CHINESE = HEADER + "王小明,1,绿茶,2024-01-01,1,8\n李雷,2,红茶,2024-01-02,1,9\n"


@pytest.mark.parametrize(
    ("encoding", "configured"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("gb18030", "gb18030"), ("utf-16-le", "utf-16-le")],
)
def test_encodings_are_marked_or_configured(tmp_path: Path, encoding: str, configured: str | None) -> None:
    orders(tmp_path, CHINESE.encode(encoding))
    ingest(settings_of(tmp_path, {"encoding": configured}))
    assert set(table(tmp_path, "transactions")["product_id"]) == {"绿茶", "红茶"}


def test_latin_1_is_read_where_it_is_configured(tmp_path: Path) -> None:
    orders(tmp_path, (HEADER + ROW.replace("x", "Crème brûlée")).encode("latin-1"))
    ingest(settings_of(tmp_path, {"encoding": "latin-1"}))
    assert table(tmp_path, "transactions")["product_id"].tolist() == ["Crème brûlée"]


@pytest.mark.parametrize(("encoding", "guess"), [("gb18030", "gb18030"), ("latin-1", "")])
def test_an_encoding_is_never_guessed_silently(tmp_path: Path, encoding: str, guess: str) -> None:
    texts = {"gb18030": CHINESE * 20, "latin-1": HEADER + ROW.replace("x", "Crème brûlée déjà vu") * 20}
    orders(tmp_path, texts[encoding].encode(encoding))
    with pytest.raises(DataError, match=f'expected UTF-8, found other bytes, which look like .*encoding = "{guess}'):
        ingest(settings_of(tmp_path))


def test_bytes_that_do_not_fit_the_configured_encoding_are_reported(tmp_path: Path) -> None:
    orders(tmp_path, (HEADER + ROW).encode() + b"b,2,\xff\xff\xff,2024-01-01,1,1\n")
    with pytest.raises(DataError, match="is not gb18030"):
        ingest(settings_of(tmp_path, {"encoding": "gb18030"}))


def test_a_broken_line_of_a_file_said_to_be_utf_8_is_rejected(tmp_path: Path) -> None:
    orders(tmp_path, (HEADER + ROW).encode() + b"b,2,caf\xe9,2024-01-01,1,1\n" + b"c,3,x,2024-01-01,1,1\n")
    ingest(settings_of(tmp_path, {"encoding": "utf-8"}, max_rejected_share=0.5))
    assert [row[1:3] for row in quarantine(tmp_path)] == [(3, "broken encoding")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    orders(tmp_path, ORDERS.replace(",", delimiter))
    assert ingest(settings_of(tmp_path)).rows["transactions"] == 3


def test_a_delimiter_of_ones_own_and_decimal_commas(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS.replace(",", "~").replace(".", ","))
    ingest(settings_of(tmp_path, {"delimiter": "~", "decimal": ","}))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [3.0, 4.0, 1.5]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(tmp_path: Path, end: str) -> None:
    orders(tmp_path, (ORDERS + "x\n").replace("\n", end))
    ingest(settings_of(tmp_path, max_rejected_share=0.5))
    assert len(table(tmp_path, "transactions")) == 3
    assert quarantine(tmp_path) == [("orders.csv", 5, "too few columns", "x")]


def test_two_kinds_of_ends_in_one_file(tmp_path: Path) -> None:
    orders(tmp_path, "".join(line + ("\r\n" if n % 2 else "\n") for n, line in enumerate(ORDERS.splitlines())))
    assert ingest(settings_of(tmp_path)).rows["transactions"] == 3


def test_rows_over_several_lines_and_blank_lines_are_counted_as_lines(tmp_path: Path) -> None:
    """Line numbers are those that an editor shows."""
    text = (
        HEADER + 'a,1,"two\nlines",2024-01-01,1,1\n\nb,2,x,never,1,1\nc,3,x\nd,4,"more\n\nlines",never,1,1\n' + ROW * 9
    )
    orders(tmp_path, text)
    ingest(settings_of(tmp_path, max_rejected_share=0.5))
    assert "two\nlines" in set(table(tmp_path, "transactions")["product_id"])
    assert quarantine(tmp_path) == [
        ("orders.csv", 5, "unreadable event_timestamp", "b,2,x,never,1,1"),
        ("orders.csv", 6, "too few columns", "c,3,x"),
        ("orders.csv", 7, "unreadable event_timestamp", 'd,4,"more\n\nlines",never,1,1'),
    ]


def test_ragged_lines_and_broken_quotes_are_rejected(tmp_path: Path) -> None:
    orders(tmp_path, HEADER + ROW + "a,1\n" + ROW + "a,1,x,2024-01-01,1,1,7\n" + 'a,1,"x" y,2024-01-01,1,1\n' + ROW)
    totals = ingest(settings_of(tmp_path, max_rejected_share=0.5)).inputs[0].totals
    assert (totals.read, totals.kept) == (6, 3)
    assert [row[1:3] for row in quarantine(tmp_path)] == [
        (3, "too few columns"),
        (5, "too many columns"),
        (6, "broken quotes"),
    ]


def test_an_empty_file_among_others_says_nothing(tmp_path: Path) -> None:
    orders(tmp_path, "", "orders-1.csv")
    orders(tmp_path, ORDERS, "orders-2.csv")
    assert ingest(settings_of(tmp_path, {"path": "orders-*.csv"})).rows["transactions"] == 3


def test_an_empty_file_alone_is_an_error(tmp_path: Path) -> None:
    orders(tmp_path, "")
    with pytest.raises(DataError, match=r"Expected rows for transactions, found none in orders\.csv"):
        ingest(settings_of(tmp_path))


def test_columns_of_one_name_are_numbered() -> None:
    assert numbered(["Amount", "amount", " ", "Id"]) == ("Amount_1", "amount_2", "column_3", "Id")


def test_a_name_that_is_twice_in_the_header_must_be_distinguished(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS.replace("qty,price", "qty,price,price").replace("0\n", "0,9\n"))
    with pytest.raises(DataError, match="price_1, price_2"):
        ingest(settings_of(tmp_path))
    ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "amount": "qty * price_1"}}))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [3.0, 4.0, 1.5]


def test_lines_above_the_header_are_passed_over(tmp_path: Path) -> None:
    orders(tmp_path, 'Report of "today"\n\n' + ORDERS + "x\n")
    ingest(settings_of(tmp_path, {"header_line": 3}, max_rejected_share=0.5))
    assert len(table(tmp_path, "transactions")) == 3
    assert [row[1] for row in quarantine(tmp_path)] == [7]


def test_a_compressed_file(tmp_path: Path) -> None:
    orders(tmp_path, gzip.compress(ORDERS.encode()), "orders.csv.gz")
    assert ingest(settings_of(tmp_path, {"path": "orders.csv.gz"})).rows["transactions"] == 3


@pytest.mark.parametrize("change", [{"quote": "'"}, {}])
def test_quotes_of_ones_own(tmp_path: Path, change: dict[str, Any]) -> None:
    orders(tmp_path, HEADER + "a,1,'x,y',2024-01-01,1,1\n" * 3)
    totals = ingest(settings_of(tmp_path, change, max_rejected_share=1)).inputs[0].totals if change else None
    if totals is None:
        with pytest.raises(DataError, match="Expected rows"):
            ingest(settings_of(tmp_path, change, max_rejected_share=1))
    else:
        assert totals.kept == 3


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (("\n", "\r\n"), "line 4,004 ends with CR LF, the lines above it with LF"),
        (("\r\n", "\n"), "line 4,004 ends with LF, the lines above it with CR LF"),
        (("\n", "\r"), "line 4,004 ends with CR, the lines above it with LF"),
    ],
)
@pytest.mark.parametrize("source", ["path", "query"])
def test_mixed_line_ends_are_named_by_the_line(
    tmp_path: Path, ends: tuple[str, str], message: str, source: str
) -> None:
    usual, other = ends
    quoted = ROW.replace("x", f'"x{other}y"')[:-1] + usual  # a line end inside quotes is of the value
    orders(tmp_path, (HEADER + 4000 * ROW).replace("\n", usual) + quoted + ROW[:-1] + other + ROW[:-1] + usual)
    item = {"path": None, "query": "SELECT * FROM 'orders.csv'"} if source == "query" else {}
    with pytest.raises(DataError, match=rf"orders\.csv.* cannot be read: {message}\. Correct"):
        ingest(settings_of(tmp_path, item))
