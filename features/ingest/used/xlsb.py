"""Used ranges of .xlsb files, whose parts are records: a type, a length, and that number of bytes."""

from collections.abc import Iterator

from features.ingest.used.archive import Archive
from features.ingest.used.ranges import UsedRange

BOOK = "xl/workbook.bin"
_ROW, _FIRST_CELL, _LAST_CELL = 0x00, 0x02, 0x0B
_SHEET = 0x9C


def xlsb_ranges(archive: Archive) -> Iterator[UsedRange]:
    """Yield the used range of each sheet."""
    targets = archive.targets(BOOK)
    for kind, record in _records(b"".join(archive.pieces(BOOK))):
        if kind != _SHEET:
            continue
        reference, rest = _text(record[8:])
        if reference in targets:
            yield _range(_text(rest)[0], b"".join(archive.pieces(targets[reference])))


def _range(name: str, part: bytes) -> UsedRange:
    used, row = UsedRange(name), 0
    for kind, record in _records(part):
        if kind == _ROW:
            row = _number(record)
        elif _FIRST_CELL <= kind <= _LAST_CELL:
            used.cells += 1
            used.reach(row + 1, _number(record) + 1)
    return used


def _records(part: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(part):
        kind, place = part[place], place + 1
        if kind & 0x80:
            kind, place = kind & 0x7F | part[place] << 7, place + 1
        length, shift = 0, 0
        while True:
            byte, place = part[place], place + 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift == 28:
                break
        yield kind, part[place : place + length]
        place += length


def _number(record: bytes) -> int:
    return int.from_bytes(record[:4], "little")


def _text(record: bytes) -> tuple[str, bytes]:
    """Return the text that a record begins with, and the rest."""
    end = 4 + 2 * _number(record)
    return record[4:end].decode("utf-16-le", errors="replace"), record[end:]
