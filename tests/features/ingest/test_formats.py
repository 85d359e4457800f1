"""Files of all formats, whatever the case of their endings, in archives too; sheets of workbooks."""

import gzip
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from core.errors import DataError
from features.ingest.formats import format_of
from tests.features.ingest.exports import COLUMNS, ORDERS, ingest, orders, quarantine, settings_of, table

HEADER = ORDERS.splitlines()[0].split(",")
ROWS: list[list[Any]] = [
    ["a", 1, "x", datetime(2024, 1, 1, 10), 2, 1.5],  # noqa: DTZ001 - a workbook knows no zones
    ["a", 2, "y", datetime(2024, 1, 8, 10), 1, 4],  # noqa: DTZ001
]
OBJECT = (
    '{"cust": "%s", "order": 12345678901234567890, "sku": "x", "when": "2024-01-01 10:00:00", "qty": 1, "price": 1.50}'
)


def workbook(folder: Path, sheets: dict[str, list[list[Any]]], hidden: str = "") -> None:
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name == hidden else "visible"
    book.save(folder / "orders.xlsx")


def read(folder: Path, path: str, **item: Any) -> tuple[int, tuple[str, ...]]:
    """Return the order lines of a path, and what was not read."""
    done = ingest(settings_of(folder, {"path": path} | item))
    return done.rows["transactions"], done.unread


@pytest.mark.parametrize("name", ["ORDERS.CSV", "orders.Csv", "orders.TXT", "orders.tab"])
def test_endings_may_be_written_in_any_case(tmp_path: Path, name: str) -> None:
    orders(tmp_path, ORDERS, name)
    assert read(tmp_path, name)[0] == 3


def test_an_archive_is_its_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Export.ZIP", "w") as archive:
        archive.writestr("shop/orders-1.csv", ORDERS)
        archive.writestr("shop/orders-2.csv.gz", gzip.compress(ORDERS.replace("\na,", "\nd,").encode()))
        archive.writestr("__MACOSX/shop/._orders-1.csv", b"\0")
        archive.writestr("readme.pdf", b"%PDF")
    rows, unread = read(tmp_path, "Export.ZIP")
    assert rows == 6
    assert unread == ("Export.ZIP/readme.pdf (no format that is known)",)


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    orders(tmp_path, b"PK nothing", "orders.zip")
    with pytest.raises(DataError, match=r"orders\.zip is no zip archive"):
        read(tmp_path, "orders.zip")


def test_json_lines_keep_the_digits_of_long_numbers(tmp_path: Path) -> None:
    nested = '{"cust": "c", "order": 7, "sku": "x", "when": "2024-01-01T10:00:00Z", "qty": 1, "price": {"net": 3}}'
    orders(tmp_path, "\n".join([OBJECT % "a", OBJECT % "b", nested, "no object", ""]), "orders.jsonl")
    columns = {**COLUMNS, "amount": 'coalesce(price, "price.net")'}
    done = ingest(settings_of(tmp_path, {"path": "orders.jsonl", "columns": columns}, max_rejected_share=0.5))
    totals = done.inputs[0].totals
    assert (totals.read, totals.kept, totals.rejected) == (4, 3, {"no JSON object": 1})
    frame = table(tmp_path, "transactions", "customer_id")
    assert frame["order_id"].tolist() == ["12345678901234567890"] * 2 + ["7"]
    assert frame["amount"].tolist() == [1.5, 1.5, 3.0]
    assert quarantine(tmp_path) == [("orders.jsonl", 4, "no JSON object", "no object")]


def test_a_list_of_json_objects_is_read(tmp_path: Path) -> None:
    orders(tmp_path, f"[{OBJECT % 'a'},\n{OBJECT % 'b'}]", "orders.json")
    assert read(tmp_path, "orders.json")[0] == 2


def test_visible_sheets_of_one_header_are_read_and_the_others_named(tmp_path: Path) -> None:
    sheets = {"2024": [HEADER, *ROWS], "notes": [["do not touch"]], "2025": [HEADER, *ROWS], "old": [HEADER, *ROWS]}
    workbook(tmp_path, sheets, hidden="old")
    rows, unread = read(tmp_path, "orders.xlsx")
    assert rows == 4
    assert unread == ("orders.xlsx: sheet 'notes' (has other columns)", "orders.xlsx: sheet 'old' (hidden)")


def test_a_sheet_is_named_by_a_pattern_too(tmp_path: Path) -> None:
    workbook(tmp_path, {"2024": [HEADER, *ROWS], "2025": [HEADER, *ROWS], "plan": [HEADER, *ROWS]})
    assert read(tmp_path, "orders.xlsx", sheet="20*")[0] == 4
    assert read(tmp_path, "orders.xlsx", sheet="plan")[0] == 2


def test_a_rejected_row_has_its_sheet_and_its_row(tmp_path: Path) -> None:
    broken = [None, *ROWS[0][1:]]
    workbook(tmp_path, {"2024": [["Sales"], HEADER, *ROWS], "2025": [["Sales"], HEADER, ROWS[0], broken]})
    ingest(settings_of(tmp_path, {"path": "orders.xlsx", "header_line": 2}, max_rejected_share=0.5))
    ((file, line, rule, _),) = quarantine(tmp_path)
    assert (file, line, rule) == ("orders.xlsx [2025]", 4, "missing customer_id")


def test_files_that_no_input_reads_are_named(tmp_path: Path) -> None:
    orders(tmp_path)
    orders(tmp_path, "<x/>", "orders.xml")
    orders(tmp_path, ORDERS, "more.csv")
    assert read(tmp_path, "orders.csv")[1] == ("more.csv (no input names it)", "orders.xml (no format that is known)")


def test_formats_are_known_by_the_longest_ending() -> None:
    assert [format_of(name) for name in ("a.json.gz", "a.CSV.GZ", "a.ndjson", "a.zip", "a.xml", "csv")] == [
        "json",
        "text",
        "json",
        "archive",
        None,
        None,
    ]


def test_sheets_are_named_by_a_list_and_those_that_another_input_reads_are_not_listed(tmp_path: Path) -> None:
    goods = [["sku", "title"], ["x", "Tea"], ["y", "Mug"]]
    workbook(tmp_path, {"Jan": [HEADER, *ROWS], "Goods": goods, "Feb": [HEADER, *ROWS], "Pivot": [["sum"], [1]]})
    done = ingest(
        settings_of(
            tmp_path,
            {"path": "orders.xlsx", "sheet": ["Jan", "Feb"]},
            {"table": "products", "path": "orders.xlsx", "sheet": "Goods", "columns": {"product_id": "sku"}},
        )
    )
    assert (done.rows["transactions"], done.rows["products"]) == (4, 2)
    assert done.unread == ("orders.xlsx: sheet 'Pivot' (not named by `sheet`)",)


def test_members_of_an_archive_are_named_by_a_pattern(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("2024/orders-1.csv", ORDERS)
        archive.writestr("2024/orders-2.csv", ORDERS)
        archive.writestr("2024/people.csv", "cust,tier\na,gold\n")
    rows, unread = read(tmp_path, "export.zip/*/orders-*.csv")
    assert rows == 6
    assert unread == ("export.zip/2024/people.csv (no input names it)",)
    with pytest.raises(DataError, match=r"Expected a file at .*nothing\.csv"):
        read(tmp_path, "export.zip/nothing.csv")
