"""The used range of a sheet, and how much of it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError

#: Places of all used ranges of a workbook up to which nobody asks how many of them hold a value.
SPARSE_PLACES = 10_000_000
#: Places of all used ranges of a workbook.
MOST_PLACES = 50_000_000
#: Beyond `SPARSE_PLACES`, one place in this number must hold a value.
_PLACES_PER_CELL = 4


@dataclass
class UsedRange:
    """The places of a sheet from A1 to its last row and last column with a value.

    Attributes
    ----------
    cells
        With a value; at least this number of places is read.
    lowest, widest
        A cell in the last row and one in the last column, (row, column) from 1; (0, 0) in an empty sheet.
    folded
        Rows and columns of a copy without those that hold nothing, if it is the copy that is read.
    """

    sheet: str
    cells: int = 0
    lowest: tuple[int, int] = (0, 0)
    widest: tuple[int, int] = (0, 0)
    folded: tuple[int, int] | None = None

    @property
    def places(self) -> int:
        """Rows times columns that are read."""
        rows, columns = self.folded or (self.lowest[0], self.widest[1])
        return rows * columns

    @property
    def sparse(self) -> bool:
        """Whether most of its places hold no value."""
        return self.places > _PLACES_PER_CELL * self.cells

    def reach(self, row: int, column: int) -> None:
        """Extend the range to a cell; does not count it."""
        if row > self.lowest[0]:
            self.lowest = row, column
        if column > self.widest[1]:
            self.widest = row, column


def fits(ranges: Sequence[UsedRange]) -> bool:
    """Return whether the sheets of a workbook can be read as they are."""
    places, cells = sum(one.places for one in ranges), sum(one.cells for one in ranges)
    return places <= SPARSE_PLACES or places <= min(MOST_PLACES, _PLACES_PER_CELL * cells)


def check_ranges(path: Path, ranges: Sequence[UsedRange]) -> None:
    """Refuse a workbook that would need much more memory than its values.

    Raises
    ------
    DataError
        With the sheet whose used range is largest, and its last cell.
    """
    if fits(ranges):
        return
    worst = max(ranges, key=lambda one: one.places)
    ends = dict.fromkeys((cell_name(*worst.lowest), cell_name(*worst.widest)))
    raise DataError(
        f"{path.name}: sheet {worst.sheet!r} has {worst.cells:,} cells with a value in a used range of "
        f"{worst.lowest[0]:,} rows and {worst.widest[1]:,} columns, which ends at {' and '.join(ends)}.",
        f"Clear the cells that are far from the rows, or export the sheet as CSV. A workbook may use {MOST_PLACES:,} "
        f"places; beyond {SPARSE_PLACES:,}, one in {_PLACES_PER_CELL} must hold a value.",
    )


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell by its row and column, from 1: (3, 28) is AB3."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"
