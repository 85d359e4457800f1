"""DuckDB within its limits, and small words of SQL that several modules share."""

import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from core.files import claim, remove_unfinished, replacing_file
from core.settings import Settings, StoreSettings

#: Rows of a row group, DuckDB's own number.
GROUP = 122_880


@contextmanager
def engine(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB for the block; see `open_duckdb`."""
    with open_duckdb(settings) as con:
        yield con


def open_duckdb(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with the memory limit, which spills to disk below the data.

    Each connection spills to a folder of its own: DuckDB gives its temporary files the same names in every process, so
    that two of them in one folder would overwrite each other's. The folder is removed when the connection is.
    """
    stores = settings[StoreSettings]
    remove_unfinished(spill_directory(stores))
    folder, lock = claim(spill_directory(stores) / "spill")
    con = duckdb.connect()
    weakref.finalize(con, _remove_spill, folder, lock)
    con.execute(f"SET memory_limit = {quoted(stores.memory_limit)}")
    con.execute(f"SET temp_directory = {quoted(str(folder))}")
    con.execute(f"SET threads = {settings.threads}")
    return con


def spill_directory(stores: StoreSettings) -> Path:
    """Return the folder of temporary files."""
    return stores.data / "spill"


def spill_folder(con: duckdb.DuckDBPyConnection) -> Path:
    """Return the folder of a connection's temporary files."""
    return Path(con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])


def _remove_spill(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def quoted(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def relation(*files: Path) -> str:
    """Write Parquet files as an SQL relation; a column that a file lacks is null in its rows."""
    return f"read_parquet([{', '.join(quoted(str(file)) for file in files)}], union_by_name = true)"


def timestamp(moment: datetime) -> str:
    """Write a moment as an SQL literal, in UTC without a time zone."""
    return f"TIMESTAMP {quoted(f'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}')}"


def copy(query: str, target: Path, group: int = GROUP) -> str:
    """Write the statement that puts a query's rows into a Parquet file, with a number of rows in each row group."""
    return f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, ROW_GROUP_SIZE {group})"


def write_table(con: duckdb.DuckDBPyConnection, query: str, target: Path, group: int = GROUP) -> None:
    """Put a query's rows into a Parquet file, which they may come from, as a whole."""
    with replacing_file(target) as new:
        con.execute(copy(query, new, group))


def identifier(name: str) -> str:
    """Write a name as an SQL identifier, whatever characters are in it."""
    return '"' + name.replace('"', '""') + '"'


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return the one number that a query answers."""
    return int(con.execute(query).fetchall()[0][0])


def first_line(error: Exception) -> str:
    """Return what an engine says first; the rest is advice on SQL."""
    return str(error).strip().splitlines()[0]
