"""Sources that are no text: workbooks, Parquet, databases."""

import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import Workbook
from sqlalchemy import create_engine, text

from core.errors import DataError
from tests.features.ingest.exports import COLUMNS, ORDERS, ingest, quarantine, settings_of, table

SQL = {"path": None, "query": "SELECT * FROM orders", "columns": {**COLUMNS, "order_id": "number"}}


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """The address of a SQLite database with two orders."""
    address = f"sqlite:///{tmp_path}/shop.db"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(
            text('CREATE TABLE orders (cust, number INTEGER, sku, "when" TIMESTAMP, qty REAL, price REAL)')
        )
        connection.execute(text("INSERT INTO orders VALUES ('a', 9, 'x', '2024-01-01 10:00', 2, 1.5)"))
        connection.execute(text("INSERT INTO orders VALUES (NULL, 10, 'x', '2024-01-02 10:00', 1, 1.5)"))
    engine.dispose()
    return address


def add(address: str, row: str) -> None:
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO orders VALUES {row}"))
    engine.dispose()


def test_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("Orders")
    rows: list[Any] = [
        ["Export"],
        *([*line.split(",")] for line in ORDERS.splitlines()),
        [None, 5, "x", "2024-01-09", 1, 2.5],
    ]
    for row in rows:
        book["Orders"].append(row)
    book.save(tmp_path / "orders.xlsx")
    item = {"path": "orders.xlsx", "sheet": "Orders", "header_line": 2}
    ingest(settings_of(tmp_path, item, max_rejected_share=0.5))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [3.0, 4.0, 1.5]
    ((_, line, rule, original),) = quarantine(tmp_path)
    assert (line, rule) == (6, "missing customer_id")
    assert '"order":"5"' in original
    with pytest.raises(DataError, match="expected a sheet 'Sales', found Sheet, Orders"):
        ingest(settings_of(tmp_path, {**item, "sheet": "Sales"}))


def test_an_open_document_sheet(tmp_path: Path) -> None:
    names = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{name}="{names}:{name}:1.0"' for name in ("office", "table", "text"))
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = "".join(
        f"<table:table-row>{''.join(cell.format(value) for value in line.split(','))}</table:table-row>"
        for line in ORDERS.splitlines()
    )
    body = f'<office:body><office:spreadsheet><table:table table:name="Orders">{rows}</table:table>'
    with zipfile.ZipFile(tmp_path / "orders.ods", "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"/>')
        end = "</office:spreadsheet></office:body></office:document-content>"
        file.writestr("content.xml", f"<office:document-content {spaces}>{body}{end}")
    ingest(settings_of(tmp_path, {"path": "orders.ods"}))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [3.0, 4.0, 1.5]


def test_a_file_that_is_no_workbook_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.xlsx").write_text("no workbook")
    with pytest.raises(DataError, match="cannot be read as a workbook"):
        ingest(settings_of(tmp_path, {"path": "orders.xlsx"}))


def test_an_unknown_ending_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.doc").write_text(ORDERS)
    with pytest.raises(DataError, match=r"ending in one of \.csv"):
        ingest(settings_of(tmp_path, {"path": "orders.doc"}))


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + ",5,x,2024-01-09 00:00:00,1,2.5\n")
    duckdb.execute(f"COPY (FROM '{tmp_path}/orders.csv') TO '{tmp_path}/orders.parquet' (FORMAT parquet)")
    ingest(settings_of(tmp_path, {"path": "orders.parquet"}, max_rejected_share=0.5))
    assert table(tmp_path, "transactions", "order_id")["amount"].tolist() == [3.0, 4.0, 1.5]
    assert [row[1:3] for row in quarantine(tmp_path)] == [(4, "missing customer_id")]


def test_a_broken_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    file = tmp_path / "orders.parquet"
    duckdb.execute(f"COPY (FROM '{tmp_path}/orders.csv') TO '{file}' (FORMAT parquet)")
    whole = file.read_bytes()
    for broken in (whole[:-40], whole[:4] + b"\xff" * 56 + whole[60:]):
        file.write_bytes(broken)
        with pytest.raises(DataError, match=r"orders\.parquet cannot be read.*Correct the file, or export it again"):
            ingest(settings_of(tmp_path, {"path": "orders.parquet"}))


def test_a_query_that_fails_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    failing = f"SELECT * REPLACE (error('in a row') AS cust) FROM '{tmp_path}/orders.csv'"
    with pytest.raises(DataError, match=r"cannot be read.*Correct `query`"):
        ingest(settings_of(tmp_path, {"path": None, "query": failing}))


def test_a_database_is_read_by_sqlalchemy(tmp_path: Path, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))
    item = SQL | {"database": "sqlite:///${SHOP_FOLDER}/shop.db"}
    totals = ingest(settings_of(tmp_path, item, max_rejected_share=0.5)).inputs[0].totals
    assert (totals.read, totals.kept) == (2, 1)
    assert table(tmp_path, "transactions")["order_id"].tolist() == ["9"]
    ((_, line, rule, _),) = quarantine(tmp_path)
    assert (line, rule) == (2, "missing customer_id")


def test_only_newer_rows_of_a_database_are_asked_for(tmp_path: Path, shop: str) -> None:
    item = SQL | {"database": shop, "incremental_column": "number", "skip": {"guest": "cust IS NULL"}}
    settings = settings_of(tmp_path, item, keys={"transactions": ["order_id"]})
    assert ingest(settings).inputs[0].totals.read == 2
    add(shop, "('b', 11, 'y', '2024-01-03 10:00', 1, 2)")
    # the last row is read again, since others may carry the same number
    assert ingest(settings).inputs[0].totals.read == 4
    assert table(tmp_path, "transactions", "order_id")["order_id"].tolist() == ["11", "9"]
    assert ingest(settings).inputs[0].totals.read == 5
    again = ingest(settings).inputs[0].totals
    assert (again.read, again.kept, again.merged) == (5, 2, 1)
