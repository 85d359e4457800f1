"""A unit as DuckDB reads it, row by row in the source's order, and the way back from a row to its original."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import duckdb

from core.errors import DataError
from core.sql import first_line, identifier, quoted
from features.ingest.formats import every_ending, extract, format_of
from features.ingest.objects import copy_objects
from features.ingest.settings import FileSettings
from features.ingest.text import (
    TextFile,
    guess_encoding,
    lines_at,
    open_text,
    other_line_end,
    physical_lines,
    read_head,
    records,
)
from features.ingest.units import SourceFile
from features.ingest.workbooks import Stretch, copy_sheets

_AT_ONCE = 10_000
#: What DuckDB's CSV reader calls a row it cannot take, and what we call it.
_REJECTED = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "broken quotes",
    "INVALID ENCODING": "broken encoding",
    "LINE SIZE OVER MAXIMUM": "too long a line",
}


class Original(NamedTuple):
    """The line of a row in its source, from 1, and its text; and the sheet, or the file of a query, where it stands."""

    line: int | None
    text: str
    place: str | None = None


class Rejected(NamedTuple):
    """A row that the reader could not take apart."""

    rule: str
    original: Original


class Scan(Protocol):
    """What is read of a unit.

    Attributes
    ----------
    relation
        What to write after FROM. Its rows come in the source's order.
    columns
        Names and DuckDB types.
    unread
        Parts that are not read, each with the reason.
    """

    relation: str
    columns: dict[str, str]
    unread: Sequence[str]

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:
        """Return what the reader left out, after the relation was read."""
        ...

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:
        """Yield the originals of some rows, by ascending numbers from 0, of the `read` rows of the relation."""
        ...


def open_file(con: duckdb.DuckDBPyConnection, file: SourceFile, item: FileSettings, folder: Path) -> Scan:
    """Open a file by its format.

    Parameters
    ----------
    folder
        For a member of an archive, and for copies of what DuckDB cannot read as it is.

    Raises
    ------
    DataError
        If it cannot be read, or has an ending that is not known.
    """
    path = file.path if file.member is None else extract(file.path, file.member, folder)
    kind = format_of(path.name)
    if kind == "text":
        return _TextScan(file.name, open_text(path, item, folder)) if read_head(path, item) else NoScan()
    if kind == "parquet":
        return ParquetScan(con, path, file.name, [Stretch(0, 1)])
    copy = folder / "copy.parquet"
    if kind == "workbook":
        copied = copy_sheets(path, item, copy)
        return ParquetScan(con, copy, file.name, copied.stretches, unread=copied.unread)
    if kind == "json":
        rejected = [Rejected("no JSON object", Original(line, text)) for line, text in copy_objects(path, copy)]
        return ParquetScan(con, copy, file.name, [Stretch(0, 1)], rejected)
    raise DataError(
        f"{file.name}: expected a file ending in one of {every_ending()}.",
        "Rename it, or export it in one of these formats.",
    )


class NoScan:
    """A file with nothing in it, not even a header."""

    relation = "(SELECT 1 WHERE false)"

    def __init__(self) -> None:
        self.columns: dict[str, str] = {}
        self.unread: Sequence[str] = ()

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:  # noqa: ARG002
        """Reject nothing."""
        return []

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()


class _TextScan:
    """A CSV file. All columns are texts; the mapping gives them their types."""

    def __init__(self, name: str, text: TextFile) -> None:
        self._name, self._text = name, text
        self.columns = dict.fromkeys(text.head.names, "VARCHAR")
        self.unread: Sequence[str] = ()
        types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in text.head.names)
        self.relation = (
            f"read_csv({quoted(str(text.file))}, auto_detect = false, delim = {quoted(text.head.delimiter)}, "
            f"quote = {quoted(text.quote)}, escape = {quoted(text.quote)}, header = true, "
            f"skip = {text.header_line - 1}, columns = {{{types}}}, store_rejects = true)"
        )
        self._lines: list[int] = []

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:
        """Ask DuckDB, which keeps them by the byte where they begin; and forget them there."""
        lines = con.execute(
            "SELECT line_byte_position - 1, min(error_type::VARCHAR), min(csv_line) FROM reject_errors "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        con.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        if not self._text.head.said and any(kind == "INVALID ENCODING" for _, kind, _ in lines):
            likely = guess_encoding(self._text.file)
            raise DataError(
                f"{self._name}: expected UTF-8, found other bytes, which look like {likely}.",
                f'Say which encoding it is: encoding = "{likely}" in its [[data.inputs]]. With encoding = "utf-8" '
                "broken lines are rejected.",
            )
        # DuckDB takes the second half of a line's end to the next one
        lines = [(position + str(text).startswith("\n"), kind, text) for position, kind, text in lines]
        self._lines = lines_at(self._text.file, [position for position, _, _ in lines])
        return [
            Rejected(_REJECTED.get(kind, str(kind).lower()), Original(line, str(text).strip("\r\n")))
            for line, (_, kind, text) in zip(self._lines, lines, strict=True)
        ]

    def mixed_lines(self) -> str | None:
        """Name the first line that ends in another way than the first one; None without any."""
        mixed = other_line_end(self._text)
        if mixed is None:
            return None
        line, found, expected = mixed
        return f"line {line:,} ends with {found}, the lines above it with {expected}."

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Read the file along with the rows that are asked for."""
        below = physical_lines(self._text.file) - self._text.header_line
        lines = records(self._text, one_line=below == read + len(self._lines))
        rejected = set(self._lines)
        wanted, at = next(rows, None), -1
        for line, text in lines:
            if wanted is None:
                return
            if line in rejected:
                continue
            at += 1
            if at == wanted:
                yield Original(line, text.decode(errors="replace").rstrip("\r\n"))
                wanted = next(rows, None)
        while wanted is not None:  # where the file is taken apart otherwise than DuckDB has done
            yield Original(None, "")
            wanted = next(rows, None)


class ParquetScan:
    """A Parquet file, or what was copied to one. An original is the row as JSON."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        file: Path,
        name: str,
        stretches: Sequence[Stretch],
        rejected: Sequence[Rejected] = (),
        unread: Sequence[str] = (),
    ) -> None:
        self.relation = f"read_parquet({quoted(str(file))})"
        self.columns = relation_columns(con, self.relation, name, "Correct the file, or export it again.")
        self._numbered = f"read_parquet({quoted(str(file))}, file_row_number = true)"
        self._stretches, self._rejected, self.unread = stretches, list(rejected), unread

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:  # noqa: ARG002
        """Return what could not be copied."""
        return self._rejected

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Read the rows again, some at once."""
        starts = [stretch.row for stretch in self._stretches]
        for row, text in as_json(con, self._numbered, "file_row_number", self.columns, rows):
            stretch = self._stretches[bisect_right(starts, row) - 1]
            yield Original(row - stretch.row + stretch.line, text, stretch.sheet)


def as_json(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    number: str,
    columns: Iterable[str],
    rows: Iterator[int],
) -> Iterator[tuple[int, str]]:
    """Yield rows by ascending numbers from 0, as JSON."""
    fields = ", ".join(f"{identifier(name)} := {identifier(name)}" for name in columns)
    while wanted := list(islice(rows, _AT_ONCE)):
        originals = f"SELECT {number}, to_json(struct_pack({fields})) FROM {relation}"
        query = f"{originals} WHERE {number} IN (SELECT unnest(?)) ORDER BY 1"
        yield from ((int(row), str(text)) for row, text in con.execute(query, [wanted]).fetchall())


def relation_columns(con: duckdb.DuckDBPyConnection, relation: str, name: str, remedy: str) -> dict[str, str]:
    """Return names and DuckDB types of the columns of a relation."""
    with readable(name, remedy):
        rows = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


@contextmanager
def readable(name: str, remedy: str, scan: Scan | None = None) -> Iterator[None]:
    """Make DuckDB's errors ones of the data, which name the file or the query; of a text file the line, if known."""
    try:
        yield
    except duckdb.Error as error:
        # of mixed line ends the engine says that its parser is in an invalid state
        mixed = scan.mixed_lines() if isinstance(scan, _TextScan) else None
        raise DataError(f"{name} cannot be read: {mixed or first_line(error)}", remedy) from error
