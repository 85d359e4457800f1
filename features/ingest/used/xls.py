"""Used ranges of .xls files: records of a stream, in a compound file that is a small file system of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import error, iter_unpack, unpack_from

from core.errors import DataError
from features.ingest.used.ranges import UsedRange

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_STREAMS = ("Workbook", "Book")
_BOUND_SHEET, _SEVERAL = 0x85, 0xBD
#: Records of cells with a value: formula, several numbers, rich text, label of the table of texts, number, label,
#: truth or error, number in short.
_CELLS = {0x06, _SEVERAL, 0xD6, 0xFD, 0x203, 0x204, 0x205, 0x27E}
_ENTRY = 128


def xls_ranges(path: Path) -> Iterator[UsedRange]:
    """Yield the used range of each sheet.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    try:
        yield from _ranges(_stream(path.read_bytes()))
    except (error, IndexError, ValueError) as reason:
        raise DataError(f"{path.name} cannot be read as a workbook: {reason}.", "Save it again as .xlsx.") from reason


def _ranges(stream: bytes) -> Iterator[UsedRange]:
    sheets: dict[int, UsedRange] = {}
    used, place = UsedRange(""), 0
    while place + 4 <= len(stream):
        used = sheets.get(place, used)
        kind, length = unpack_from("<HH", stream, place)
        place += 4
        if kind == _BOUND_SHEET:
            (start,) = unpack_from("<I", stream, place)
            sheets[start] = UsedRange(_name(stream[place + 6 : place + length]))
        elif kind in _CELLS:
            row, column = unpack_from("<HH", stream, place)
            last = unpack_from("<H", stream, place + length - 2)[0] if kind == _SEVERAL else column
            used.cells += last - column + 1
            used.reach(row + 1, last + 1)
        place += length
    yield from sheets.values()


def _name(record: bytes) -> str:
    """Return the name of a sheet: its length, how it is written, and the text."""
    wide = record[1] & 1
    return record[2:].decode("utf-16-le" if wide else "latin-1", errors="replace")


def _stream(file: bytes) -> bytes:
    """Return the stream of the workbook: sectors of the file, or short sectors of another stream, in a chain."""
    sector, short = (1 << shift for shift in unpack_from("<HH", file, 30))
    directory, cutoff, shorts, more = (unpack_from("<I", file, place)[0] for place in (48, 56, 60, 68))
    content = file[sector:]
    # the table of the chains is in sectors too: the header names 109 of them, a chain of its own the others
    tables = list(_numbers(file[76:512]))
    while more < len(content) // sector and len(tables) < len(content) // sector + 109:
        *numbers, more = _numbers(content[more * sector : (more + 1) * sector])
        tables += numbers
    chains = list(_numbers(b"".join(content[table * sector : (table + 1) * sector] for table in tables)))
    entries = _chained(content, directory, chains, sector)
    streams = {}
    for place in range(0, len(entries) - _ENTRY + 1, _ENTRY):
        (length,) = unpack_from("<H", entries, place + 64)
        name = entries[place : place + max(length, 2) - 2].decode("utf-16-le", errors="replace")
        streams[name] = unpack_from("<II", entries, place + 116)
    start, size = next((streams[name] for name in _STREAMS if name in streams), (0, 0))
    if size >= cutoff:
        return _chained(content, start, chains, sector)[:size]
    short_chains = list(_numbers(_chained(content, shorts, chains, sector)))
    root = unpack_from("<I", entries, 116)[0]
    return _chained(_chained(content, root, chains, sector), start, short_chains, short)[:size]


def _chained(content: bytes, start: int, chains: Sequence[int], size: int) -> bytes:
    """Return the sectors of a chain, which may not be longer than there are sectors."""
    sectors: list[bytes] = []
    number = start
    while number < len(chains) and len(sectors) < len(chains):
        sectors.append(content[number * size : (number + 1) * size])
        number = chains[number]
    return b"".join(sectors)


def _numbers(content: bytes) -> Iterator[int]:
    for (number,) in iter_unpack("<I", content[: len(content) // 4 * 4]):
        yield number
