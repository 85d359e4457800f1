"""A unit as DuckDB reads it, row by row in the source's order, and the way back from a row to its original."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import duckdb

from core.errors import DataError
from core.sql import first_line, identifier, quoted
from features.ingest.databases import copy_result, result_columns
from features.ingest.text import TextFile, guess_encoding, lines_at, open_text, physical_lines, read_head, records
from features.ingest.units import Unit
from features.ingest.workbooks import copy_sheet

#: Endings of files that are read as CSV.
TEXTS = (".csv", ".tsv", ".txt", ".gz")
PARQUET = (".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
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
    """The line of a row in its source, from 1, and its text."""

    line: int | None
    text: str


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
    """

    relation: str
    columns: dict[str, str]

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:
        """Return what the reader left out, after the relation was read."""
        ...

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:
        """Yield the originals of some rows, by ascending numbers from 0, of the `read` rows of the relation."""
        ...


def columns_of(con: duckdb.DuckDBPyConnection, unit: Unit, folder: Path) -> dict[str, str]:
    """Return the columns of a unit, names and DuckDB types, before its rows are read; none where nothing is in it.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    item = unit.item
    if item.database is not None:
        return dict.fromkeys(result_columns(item), "VARCHAR")
    if unit.path is None:
        return _columns(con, f"({item.query})", item.origin, "Correct `query`.")
    if unit.path.name.endswith(TEXTS):
        head = read_head(unit.path, item)
        return dict.fromkeys(head.names, "VARCHAR") if head else {}
    with opened(con, unit, folder) as scan:
        return scan.columns


@contextmanager
def opened(con: duckdb.DuckDBPyConnection, unit: Unit, folder: Path, since: str | None = None) -> Iterator[Scan]:
    """Open a unit that has columns.

    Parameters
    ----------
    folder
        For copies of what DuckDB cannot read as it is; removed afterwards.
    since
        The last value of the input's `incremental_column` that was read before.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield _open(con, unit, folder, since)
    finally:
        shutil.rmtree(folder)


def _open(con: duckdb.DuckDBPyConnection, unit: Unit, folder: Path, since: str | None) -> Scan:
    item, path = unit.item, unit.path
    if path is None and item.database is None:
        return _QueryScan(con, item.origin, str(item.query))
    if path is None:
        return _ParquetScan(con, copy_result(item, folder / "result.parquet", since), unit.name, 1)
    if path.name.endswith(PARQUET):
        return _ParquetScan(con, path, unit.name, 1)
    if path.name.endswith(WORKBOOKS):
        return _ParquetScan(con, copy_sheet(path, item, folder / "sheet.parquet"), unit.name, item.header_line + 1)
    if not path.name.endswith(TEXTS):
        raise DataError(
            f"{unit.name}: expected a file ending in one of {', '.join((*TEXTS, *PARQUET, *WORKBOOKS))}.",
            "Rename it, or export it in one of these formats.",
        )
    return _TextScan(unit, open_text(path, item, folder))


class _TextScan:
    """A CSV file. All columns are texts; the mapping gives them their types."""

    def __init__(self, unit: Unit, text: TextFile) -> None:
        self._unit, self._text = unit, text
        self.columns = dict.fromkeys(text.head.names, "VARCHAR")
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
                f"{self._unit.name}: expected UTF-8, found other bytes, which look like {likely}.",
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


class _ParquetScan:
    """A Parquet file, or what was copied to one. An original is the row as JSON."""

    def __init__(self, con: duckdb.DuckDBPyConnection, file: Path, name: str, first: int) -> None:
        self.relation = f"read_parquet({quoted(str(file))})"
        self.columns = _columns(con, self.relation, name, "Correct the file, or export it again.")
        self._numbered = f"read_parquet({quoted(str(file))}, file_row_number = true)"
        self._first = first

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:  # noqa: ARG002
        """Reject nothing: the file has columns already."""
        return []

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Read the rows again, some at once."""
        yield from _as_json(con, self._numbered, "file_row_number", self.columns, rows, self._first)


class _QueryScan:
    """The result of a DuckDB query, kept while it is mapped, since it may come in another order the next time."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
        remedy = "Correct `query`."
        with _readable(name, remedy):
            con.execute(f"CREATE OR REPLACE TEMP TABLE result AS FROM ({query})")
        self.relation = "result"
        self.columns = _columns(con, "result", name, remedy)

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:  # noqa: ARG002
        """Reject nothing: the result has columns already."""
        return []

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Read the rows again, some at once."""
        yield from _as_json(con, "result", "rowid", self.columns, rows, 1)


def _as_json(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    number: str,
    columns: Iterable[str],
    rows: Iterator[int],
    first: int,
) -> Iterator[Original]:
    fields = ", ".join(f"{identifier(name)} := {identifier(name)}" for name in columns)
    while wanted := list(islice(rows, _AT_ONCE)):
        originals = f"SELECT {number}, to_json(struct_pack({fields})) FROM {relation}"
        query = f"{originals} WHERE {number} IN (SELECT unnest(?)) ORDER BY 1"
        yield from (Original(row + first, str(text)) for row, text in con.execute(query, [wanted]).fetchall())


def _columns(con: duckdb.DuckDBPyConnection, relation: str, name: str, remedy: str) -> dict[str, str]:
    with _readable(name, remedy):
        rows = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


@contextmanager
def _readable(name: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise DataError(f"{name} cannot be read: {first_line(error)}", remedy) from error
