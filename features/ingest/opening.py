"""Units opened for reading: a file, the result of a database's query, or of a query to files."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from core.sql import identifier
from features.ingest.databases import copy_result, result_columns
from features.ingest.formats import format_of
from features.ingest.queries import check_join, query_of
from features.ingest.scans import (
    Original,
    ParquetScan,
    Rejected,
    Scan,
    as_json,
    open_file,
    readable,
    relation_columns,
)
from features.ingest.text import read_head
from features.ingest.units import Source, Unit
from features.ingest.workbooks import Stretch


def columns_of(con: duckdb.DuckDBPyConnection, unit: Unit, folder: Path) -> dict[str, str]:
    """Return the columns of a unit, names and DuckDB types, before its rows are read; none where nothing is in it.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    if unit.item.database is not None:
        return dict.fromkeys(result_columns(unit.item), "VARCHAR")
    if unit.file is not None and unit.file.member is None and format_of(unit.file.name) == "text":
        head = read_head(unit.file.path, unit.item)
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
    if unit.file is not None:
        return open_file(con, unit.file, unit.item, folder)
    if unit.item.database is not None:
        return ParquetScan(con, copy_result(unit.item, folder / "result.parquet", since), unit.name, [Stretch(0, 1)])
    return _QueryScan(con, unit, folder)


class _QueryScan:
    """The result of a query to files, kept while it is mapped, since it may come in another order the next time.

    Each source is read by its own scan into a table of its name, which the query finds.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, unit: Unit, folder: Path) -> None:
        remedy, item = "Correct `query`.", unit.item
        self._rejected: list[Rejected] = []
        self.unread: Sequence[str] = ()
        columns: dict[str, tuple[str, ...]] = {}
        try:
            for name, source in unit.sources.items():
                columns[name] = self._load(con, name, source, folder)
            with readable(unit.name, remedy):
                check_join(con, item, columns)
                con.execute(f"CREATE OR REPLACE TEMP TABLE _result AS FROM ({query_of(item)})")
        finally:
            for name in unit.sources:
                con.execute(f"DROP TABLE IF EXISTS temp.{identifier(name)}")
        self.relation = "_result"
        self.columns = relation_columns(con, "_result", unit.name, remedy)

    def _load(self, con: duckdb.DuckDBPyConnection, name: str, source: Source, folder: Path) -> tuple[str, ...]:
        """Read the files of a source into one table; returns its columns."""
        for place, file in enumerate(source.files):
            scan = open_file(con, file, source.item, folder)
            with readable(file.name, "Correct the file, or export it again.", scan):
                if place == 0:
                    con.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS FROM {scan.relation}")
                else:
                    self._widen(con, name, scan)
                    con.execute(f"INSERT INTO {identifier(name)} BY NAME FROM {scan.relation}")
            self.unread = (*self.unread, *scan.unread)
            for one in scan.rejected(con):
                where = " ".join(part for part in (file.name, one.original.place) if part)
                self._rejected.append(one._replace(original=one.original._replace(place=where)))
        return tuple(relation_columns(con, identifier(name), name, ""))

    def _widen(self, con: duckdb.DuckDBPyConnection, name: str, scan: Scan) -> None:
        """Add the columns that only later files of a source have."""
        there = {column.lower() for column in relation_columns(con, identifier(name), name, "")}
        for column, kind in scan.columns.items():
            if column.lower() not in there:
                con.execute(f"ALTER TABLE {identifier(name)} ADD COLUMN {identifier(column)} {kind}")

    def rejected(self, con: duckdb.DuckDBPyConnection) -> list[Rejected]:  # noqa: ARG002
        """Return the rows that the reader of a source could not take apart."""
        return self._rejected

    def originals(self, con: duckdb.DuckDBPyConnection, rows: Iterator[int], read: int) -> Iterator[Original]:  # noqa: ARG002
        """Read the rows again, some at once; they are counted from 1 in the result."""
        for row, text in as_json(con, "_result", "rowid", self.columns, rows):
            yield Original(row + 1, text)
