"""Small words of SQL that several modules share."""

from pathlib import Path

import duckdb


def quoted(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def relation(*files: Path) -> str:
    """Write Parquet files as an SQL relation; what a file lacks is null in its rows."""
    return f"read_parquet([{', '.join(quoted(str(file)) for file in files)}], union_by_name = true)"


def copy(query: str, target: Path, group: int = 122_880) -> str:
    """Write the statement that puts a query's rows into a Parquet file, so many in a group that is read as one."""
    return f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, ROW_GROUP_SIZE {group})"


def identifier(name: str) -> str:
    """Write a name as an SQL identifier, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return the one number that a query answers."""
    return int(con.execute(query).fetchall()[0][0])


def first_line(error: Exception) -> str:
    """Return what an engine says first; the rest is advice on SQL."""
    return str(error).strip().splitlines()[0]
