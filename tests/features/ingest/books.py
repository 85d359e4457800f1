"""Workbooks written byte by byte, with cells at any place: {(row, column) from 1: a number}."""

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from features.ingest.used.ranges import cell_name

Cells = Mapping[tuple[int, int], float]

_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def write_xlsx(path: Path, cells: Cells) -> None:
    """Write an .xlsx file of one sheet, Orders."""
    values = "".join(f'<c r="{cell_name(*place)}"><v>{value}</v></c>' for place, value in cells.items())
    write_sheet(path, f'<worksheet xmlns="{_MAIN}"><sheetData><row>{values}</row></sheetData></worksheet>')


def write_sheet(path: Path, xml: str) -> None:
    """Write an .xlsx file by the XML of its sheet Orders."""
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relations("xl/workbook.xml", "officeDocument"),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Orders" sheetId="1" r:id="one"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations("worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": xml,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)


def write_xlsb(path: Path, cells: Cells) -> None:
    """Write an .xlsb file of one sheet, Orders."""
    sheet = _record(0x81) + _record(0x93) + _record(0x94, bytes(16)) + _record(0x91)
    for (row, column), value in cells.items():
        sheet += _record(0x00, struct.pack("<I", row - 1) + bytes(13))
        sheet += _record(0x05, struct.pack("<IId", column - 1, 0, value))
    entry = struct.pack("<II", 0, 1) + _wide("one") + _wide("Orders")
    book = _record(0x83) + _record(0x8F) + _record(0x9C, entry) + _record(0x90) + _record(0x84)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.bin", book)
        file.writestr("xl/_rels/workbook.bin.rels", _relations("worksheets/sheet1.bin"))
        file.writestr("xl/worksheets/sheet1.bin", sheet + _record(0x92) + _record(0x82))


def write_ods(path: Path, cells: Cells) -> None:
    """Write an .ods file of one sheet, Orders; its cells are in ascending rows, one in each."""
    rows, before = "", 0
    for (row, column), value in cells.items():
        gap = f'<table:table-row table:number-rows-repeated="{row - before - 1}"><table:table-cell/></table:table-row>'
        blank = f'<table:table-cell table:number-columns-repeated="{column - 1}"/>' if column > 1 else ""
        cell = f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        rows += (gap if row > before + 1 else "") + f"<table:table-row>{blank}{cell}</table:table-row>"
        before = row
    spaces = " ".join(f'xmlns:{name}="{_NAMES}:{name}:1.0"' for name in ("office", "table", "text"))
    body = f'<office:body><office:spreadsheet><table:table table:name="Orders">{rows}</table:table>'
    end = "</office:spreadsheet></office:body></office:document-content>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        file.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{_NAMES}:manifest:1.0"/>')
        file.writestr("content.xml", f"<office:document-content {spaces}>{body}{end}")


def write_xls(path: Path, cells: Cells) -> None:
    """Write an .xls file of one sheet, Orders."""
    start = _biff(0x809, struct.pack("<HH12x", 0x600, 5)) + _biff(0x42, struct.pack("<H", 1200))
    place = len(start) + 4 + 14 + 4
    start += _biff(0x85, struct.pack("<IHBB", place, 0, 6, 0) + b"Orders") + _biff(0x0A)
    sheet = _biff(0x809, struct.pack("<HH12x", 0x600, 0x10)) + _biff(0x200, bytes(14))
    for (row, column), value in cells.items():
        sheet += _biff(0x203, struct.pack("<HHHd", row - 1, column - 1, 0, value))
    path.write_bytes(_compound(start + sheet + _biff(0x0A)))


WRITERS: dict[str, Callable[[Path, Cells], None]] = {
    "xlsx": write_xlsx,
    "xlsm": write_xlsx,
    "xlsb": write_xlsb,
    "ods": write_ods,
    "xls": write_xls,
}


def _relations(target: str, kind: str = "worksheet") -> str:
    relation = f'<Relationship Id="one" Type="{_OFFICE}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_RELATIONS}">{relation}</Relationships>'


def _record(kind: int, content: bytes = b"") -> bytes:
    """Return a record of an .xlsb part; none here is longer than 127 bytes."""
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(content)]) + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _biff(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _compound(stream: bytes) -> bytes:
    """Return a compound file with a stream Workbook, which is in short sectors if it is short."""
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    short = len(stream) < 4096
    sectors = -(-len(stream) // 512)
    short_sectors = -(-len(stream) // 64)
    # the table, the directory, the table of short sectors, and the stream, of which the root has the short sectors
    chains = [table, end, end, *(number + 1 for number in range(3, 2 + sectors)), end]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 2 if short else end, int(short), end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    directory = _entry("Root Entry", 5, 3 if short else end, short_sectors * 64 if short else 0, child=1)
    directory += _entry("Workbook", 2, 0 if short else 3, len(stream)) + bytes(256)
    shorts = [*range(1, short_sectors), end] if short else []
    tables = [struct.pack("<128I", *numbers, *[free] * (128 - len(numbers))) for numbers in (chains, shorts)]
    return header + tables[0] + directory + tables[1] + stream.ljust(512 * sectors, b"\0")


def _entry(name: str, kind: int, start: int, size: int, child: int = 0xFFFFFFFF) -> bytes:
    free = 0xFFFFFFFF
    text = (name + "\0").encode("utf-16-le")
    entry = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + struct.pack("<III", free, free, child)
    return (entry + bytes(36) + struct.pack("<IQ", start, size)).ljust(128, b"\0")
