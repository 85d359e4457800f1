"""Sheets of workbooks, copied as texts."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from core.errors import DataError
from core.progress import batches
from features.ingest.databases import write_texts
from features.ingest.settings import FileSettings
from features.ingest.text import numbered
from features.ingest.used.bounded import bound

_AT_ONCE = 50_000


class Stretch(NamedTuple):
    """Rows of a copy that come from one place: the first of them from 0, the line it had there, and the sheet."""

    row: int
    line: int
    sheet: str | None = None


class Sheet(NamedTuple):
    """A sheet of a workbook, and why it is not read; None where it is.

    `rows` are those of the sheet from its first one, the header and what is above it too; `lines` are their numbers in
    the sheet, from 1, where rows without a value are left out.
    """

    name: str
    rows: Sequence[Sequence[Any]]
    unread: str | None
    lines: Sequence[int]


class Copied(NamedTuple):
    """Where the rows of each sheet begin in a copy, and the sheets that are not in it, with the reason."""

    stretches: list[Stretch]
    unread: list[str]


def copy_sheets(path: Path, item: FileSettings, target: Path) -> Copied:
    """Write the sheets that are read to a Parquet file whose columns are all texts.

    Numbers without a fraction are written as whole ones, dates as ISO 8601, so that mappings are those of a CSV file.

    Raises
    ------
    DataError
        If the file is no workbook, has no such sheet, or no header in `header_line`.
    """
    sheets = sheets_of(path, item)
    read = [sheet for sheet in sheets if sheet.unread is None]
    if not read:
        raise DataError(
            f"{path.name}: expected a header in row {item.header_line}, found a shorter sheet.",
            "Correct `header_line`.",
        )
    header = _header(read[0].rows, item)
    stretches: list[Stretch] = []
    body: list[list[Any]] = []
    for sheet in read:
        next_line = 0
        # the reader leaves out last rows whose cells turn out to be blank
        for line, row in islice(zip(sheet.lines, sheet.rows, strict=False), item.header_line, None):
            values = [None if value == "" else value for value in row[: len(header)]]
            if all(value is None for value in values):  # a blank line is no row, as in a text file
                continue
            if line != next_line:
                stretches.append(Stretch(len(body), line, sheet.name if len(read) > 1 else None))
            body.append(values)
            next_line = line + 1
    write_texts(target, numbered([str(name) for name in header]), batches(body, _AT_ONCE))
    unread = [f"{path.name}: sheet {sheet.name!r} ({sheet.unread})" for sheet in sheets if sheet.unread is not None]
    return Copied(stretches, unread)


def sheets_of(path: Path, item: FileSettings) -> list[Sheet]:
    """Return the sheets of a workbook, and which of them are read.

    Those are the sheets that `sheet` names; without it the first visible one with something in it, and every other
    visible one with the same header.

    Raises
    ------
    DataError
        If the file is no workbook, has no such sheet, or would need much more memory than its values.
    """
    try:
        copy, lines = bound(path)
        book = CalamineWorkbook.from_path(path) if copy is None else CalamineWorkbook.from_filelike(copy)
        names = book.sheet_names
        hidden = {sheet.name for sheet in book.sheets_metadata if sheet.visible != SheetVisibleEnum.Visible}
        rows = {name: _rows(book.get_sheet_by_name(name)) for name in names}
    except (CalamineError, OSError) as error:
        raise DataError(f"{path.name} cannot be read as a workbook: {error}.", "Save it again as .xlsx.") from error
    if item.sheet is not None:
        asked = (item.sheet,) if isinstance(item.sheet, str) else item.sheet
        wanted = [name for name in names if any(name == one or fnmatchcase(name, one) for one in asked)]
        if not wanted:
            raise DataError(
                f"{path.name}: expected a sheet {', '.join(map(repr, asked))}, found {', '.join(names)}.",
                "Correct `sheet`.",
            )
        unread = {name: None if name in wanted else "not named by `sheet`" for name in names}
    else:
        first = next((name for name in names if name not in hidden and len(rows[name]) >= item.header_line), None)
        header = _header(rows[first], item) if first is not None else []
        unread = {name: _unread(rows[name], item, header, hidden=name in hidden) for name in names}
    return [Sheet(name, rows[name], unread[name], lines.get(name, range(1, len(rows[name]) + 1))) for name in names]


def _unread(rows: Sequence[Sequence[Any]], item: FileSettings, header: Sequence[Any], *, hidden: bool) -> str | None:
    if hidden:
        return "hidden"
    if len(rows) < item.header_line:
        return "empty"
    return None if _header(rows, item) == header else "has other columns"


def _rows(sheet: CalamineSheet) -> list[list[Any]]:
    return sheet.to_python(skip_empty_area=False)


def _header(rows: Sequence[Sequence[Any]], item: FileSettings) -> list[Any]:
    header = list(rows[item.header_line - 1])
    while header and header[-1] == "":
        header.pop()
    return header
