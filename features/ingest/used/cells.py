"""Cells of a sheet of an .xlsx file, found in its XML whatever way it is written."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from xml.parsers import expat

_ROWS, _COLUMNS = 1 << 20, 1 << 14
_REFERENCE = re.compile(r"([A-Za-z]{1,9})(\d+)")


def places_of(pieces: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the places of the cells of a sheet that have a value, (row, column) from 1.

    Raises
    ------
    expat.ExpatError, ValueError
        If it is no XML, or a cell is in no place of a sheet.
    """
    found = _Found()
    parser = expat.ParserCreate()
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    for piece in pieces:
        parser.Parse(piece)
        yield from found.places
        found.places.clear()
    parser.Parse(b"", True)  # raises where the end is missing


@cache
def column_number(letters: str) -> int:
    """Return the number of a column from 1 by its letters: AB is 28."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


class _Found:
    """The places met so far. A row or a cell without a reference follows the one before it."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int]] = []
        self._row, self._column = 1, 1
        self._place = (1, 1)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            self._row, self._column = int(attributes.get("r", self._row)), 1
        elif name == "c":
            reference = _REFERENCE.match(attributes.get("r", ""))
            row, column = (int(reference[2]), column_number(reference[1])) if reference else (self._row, self._column)
            if row > _ROWS or column > _COLUMNS:
                raise ValueError(f"a sheet has no cell {attributes.get('r')}")
            self._place = row, column
            self._column = column + 1
        elif name in {"v", "is"}:
            self.places.append(self._place)

    def end(self, name: str) -> None:
        if name.rpartition(":")[2] == "row":
            self._row += 1
