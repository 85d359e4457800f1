"""Workbooks with cells far from the rows, and those that inflate without bound."""

import struct
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from core.errors import DataError
from features.ingest.settings import FileSettings
from features.ingest.used import archive
from features.ingest.used.bounded import bound
from features.ingest.used.ranges import cell_name
from features.ingest.workbooks import Stretch, copy_sheets, sheets_of
from tests.features.ingest.books import WRITERS, write_ods, write_sheet, write_xls, write_xlsx
from tests.features.ingest.exports import ingest, quarantine, settings_of, table


def orders(path: Path, **far: str) -> None:
    """Write 1,500 order lines, and cells that stand by themselves."""
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["cust", "order", "sku", "when", "qty", "price"])
    for number in range(1500):
        sheet.append([f"c{number % 7}", number, "a < b & c\r", datetime(2024, 1, 1 + number % 28, 10), 2, 1.5])  # noqa: DTZ001
    for place, text in far.items():
        sheet[place] = text
    book.save(path)


@pytest.mark.parametrize("far", ["ZZ90000", "XFD3", "XFD1", "XFD1048576"])
def test_a_sheet_with_a_far_cell_is_its_rows(tmp_path: Path, far: str) -> None:
    orders(tmp_path / "orders.xlsx")
    ingest(settings_of(tmp_path, {"path": "orders.xlsx"}))
    expected = table(tmp_path, "transactions", "order_id")
    orders(tmp_path / "orders.xlsx", **{far: "stray"})
    copy, lines = bound(tmp_path / "orders.xlsx")
    assert copy is not None
    assert len(lines["Sheet"]) <= 1502
    totals = ingest(settings_of(tmp_path, {"path": "orders.xlsx"})).inputs[0].totals
    assert (totals.read, totals.kept) == (1500, 1500)
    assert table(tmp_path, "transactions", "order_id").equals(expected)


def test_a_far_cell_that_turns_out_to_be_blank_is_no_row(tmp_path: Path) -> None:
    cells = {(1, 1): "cust", (2, 1): "a", (80000, 1): "b", (80000, 702): "c"}
    texts = "".join(f'<c r="{cell_name(*place)}" t="str"><v>{text}</v></c>' for place, text in cells.items())
    blank = '<c r="A90000" t="str"></c>'
    write_sheet(tmp_path / "book.xlsx", f"<worksheet><sheetData><row>{texts}{blank}</row></sheetData></worksheet>")
    copied = copy_sheets(tmp_path / "book.xlsx", FileSettings(), tmp_path / "copy.parquet")
    assert pq.read_table(tmp_path / "copy.parquet").to_pydict() == {"cust": ["a", "b"]}
    assert copied.stretches == [Stretch(0, 2), Stretch(1, 80000)]


def test_a_far_row_is_quarantined_with_its_line(tmp_path: Path) -> None:
    orders(tmp_path / "orders.xlsx", A1048576="stray", XFD3="stray")
    ingest(settings_of(tmp_path, {"path": "orders.xlsx"}))
    assert [(line, rule) for _, line, rule, _ in quarantine(tmp_path)] == [(1048576, "missing order_id")]


def test_blank_lines_of_a_sheet_are_no_rows(tmp_path: Path) -> None:
    orders(tmp_path / "orders.xlsx", A1600="stray")
    ingest(settings_of(tmp_path, {"path": "orders.xlsx"}))
    assert [(line, rule) for _, line, rule, _ in quarantine(tmp_path)] == [(1600, "missing order_id")]


@pytest.mark.parametrize("cells", [30, 900])  # a short stream and a long one in .xls
@pytest.mark.parametrize("kind", WRITERS)
def test_values_near_each_other_are_read_from_the_file_itself(tmp_path: Path, kind: str, cells: int) -> None:
    path = tmp_path / f"book.{kind}"
    WRITERS[kind](path, {**{(row, 2): row + 0.5 for row in range(3, cells)}, (cells + 40, 29): 1})
    assert bound(path) == (None, {})
    (sheet,) = sheets_of(path, FileSettings())
    assert (len(sheet.rows), len(sheet.rows[0]), sheet.rows[9][1]) == (cells + 40, 29, 10.5)


@pytest.mark.parametrize("kind", ["xlsb", "ods", "xls"])
def test_other_formats_with_a_far_cell_are_an_error(tmp_path: Path, kind: str) -> None:
    path, last = tmp_path / f"book.{kind}", (1 << 16, 1 << 8) if kind == "xls" else (1 << 20, 1 << 14)
    for cells in ({(1, 1): 1.0, last: 2.0}, {**{(row, 1): 1.0 for row in range(1, 800)}, last: 2.0}):
        WRITERS[kind](path, cells)
        found = rf"sheet 'Orders' has {len(cells)} cells .* which ends at {cell_name(*last)}\. Clear"
        with pytest.raises(DataError, match=found):
            bound(path)


def test_an_open_document_that_repeats_its_cells_without_bound_is_an_error(tmp_path: Path) -> None:
    write_ods(tmp_path / "book.ods", {(1, 1): 1})
    with zipfile.ZipFile(tmp_path / "book.ods") as book:
        parts = {name: book.read(name) for name in book.namelist()}
    cell, row = b"<table:table-cell ", b"<table:table-row>"
    xml = parts["content.xml"].replace(cell, cell + b'table:number-columns-repeated="5000" ')
    parts["content.xml"] = xml.replace(row, b'<table:table-row table:number-rows-repeated="9000">')
    with zipfile.ZipFile(tmp_path / "book.ods", "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    with pytest.raises(DataError, match=r"1 cells .* 9,000 rows and 5,000 columns, which ends at GJH9000"):
        bound(tmp_path / "book.ods")


def test_values_spread_over_a_whole_sheet_are_an_error(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "book.xlsx", {(number, number): 1 for number in range(1, 9000)})
    with pytest.raises(DataError, match=r"8,999 cells .* 8,999 rows and 8,999 columns, which ends at MHC8999"):
        bound(tmp_path / "book.xlsx")


def test_a_cell_outside_of_a_sheet_is_an_error(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "book.xlsx", {(1, 1): 1, (1, 1 << 15): 1})
    with pytest.raises(DataError, match="a sheet has no cell AVLH1"):
        bound(tmp_path / "book.xlsx")


LARGE = 9_000
#: How a program may write rows and cells. Usual programs write the first two.
FORMS = {
    "as usual": ("<worksheet>{}</worksheet>", '<row r="{0}" spans="1:9">', '<c r="{1}{0}" s="1">', "</c>", "</row>"),
    "prefix": ("<x:worksheet>{}</x:worksheet>", '<x:row r="{0}">', '<x:c r="{1}{0}">', "</x:c>", "</x:row>"),
    "quotes": ("<worksheet>{}</worksheet>", "<row r='{0}'>", "<c r='{1}{0}'>", "</c>", "</row>"),
    "order": ("<worksheet>{}</worksheet>", '<row r="{0}">', '<c s="1" r="{1}{0}">', "</c>", "</row>"),
    "rows": ("<worksheet>{}</worksheet>", '<row spans="1:9" r="{0}">', '<c r="{1}{0}">', "</c>", "</row>"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_large_sheet_is_measured(tmp_path: Path, form: str) -> None:
    root, row, cell, cell_end, row_end = FORMS[form]
    value = "<v>1</v>".replace("v>", "x:v>" if form == "prefix" else "v>") + cell_end
    data = "<x:sheetData>{}</x:sheetData>" if form == "prefix" else "<sheetData>{}</sheetData>"
    rows = [
        row.format(number) + "".join(cell.format(number, letter) + value for letter in "ABCDEFGHIJ") + row_end
        for number in range(1, LARGE)
    ]
    write_sheet(tmp_path / "book.xlsx", root.format(data.format("".join(rows))))
    assert bound(tmp_path / "book.xlsx").copy is None
    rows.append(row.format(LARGE) + cell.format(LARGE, "BAA") + value + row_end)
    write_sheet(tmp_path / "book.xlsx", root.format(data.format("".join(rows))))
    if form in {"as usual", "prefix"}:
        (sheet,) = sheets_of(tmp_path / "book.xlsx", FileSettings())
        assert (len(sheet.rows), len(sheet.rows[0]), sheet.rows[LARGE - 2][9]) == (LARGE, 11, 1.0)
    else:
        with pytest.raises(DataError, match=rf"9,000 rows and 1,379 columns, which ends at BAA{LARGE}"):
            bound(tmp_path / "book.xlsx")


@pytest.mark.parametrize("kind", ["xlsx", "xlsb", "ods"])
def test_a_workbook_that_inflates_without_bound_is_an_error(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 3 << 20)
    path = tmp_path / f"book.{kind}"
    WRITERS[kind](path, {(1, 1): 1})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", b"a" * (4 << 20))
    # a size that is not true does not help
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 4 << 20), struct.pack("<I", 4)))
    with pytest.raises(DataError, match=r"inflate to more than 3 MiB, at xl/sharedStrings\.xml"):
        bound(path)


def test_a_damaged_workbook_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    write_sheet(path, "<worksheet><sheetData><row>")
    with pytest.raises(DataError, match=r"book\.xlsx cannot be read as a workbook: xl/worksheets/sheet1\.xml: no el"):
        bound(path)
    orders(path)
    path.write_bytes(path.read_bytes().replace(b"\x08\x00", b"\x63\x00"))
    with pytest.raises(DataError, match="cannot be read as a workbook"):
        bound(path)
    write_xls(tmp_path / "book.xls", {(1, 1): 1})
    (tmp_path / "book.xls").write_bytes((tmp_path / "book.xls").read_bytes()[:60])
    with pytest.raises(DataError, match=r"book\.xls cannot be read as a workbook"):
        bound(tmp_path / "book.xls")
