"""Rows that are equal to others."""

from collections.abc import Sequence

import duckdb

from core.sql import count, identifier


def line_counts(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> int:
    """Return how many rows are equal to another one in some columns, beyond the first of each."""
    return count(con, f"SELECT count(*) - count(DISTINCT {_number_of(columns)}) FROM {table}")


def copies_apart(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], order: str | None) -> int:
    """Return how many equal rows are not neighbours among the lines of one order in one file.

    Two equal lines within an order are most often two sales; a copy elsewhere is the same line exported again.
    """
    lines = f"count(*) OVER (PARTITION BY {identifier(order)})" if order is not None else "2"
    rows = f"SELECT {_number_of(columns)} AS h, rowid AS place, _file AS file, {lines} AS lines FROM {table}"
    return count(
        con,
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n, max(place) - min(place) AS span, "
        f"count(DISTINCT file) AS files, max(lines) AS lines FROM ({rows}) GROUP BY h) "
        "WHERE n > 1 AND (files > 1 OR span >= lines)",
    )


def _number_of(columns: Sequence[str]) -> str:
    """Return a number for the values of a row; that two different rows have the same one is very unlikely."""
    return f"hash({', '.join(f'known({identifier(name)})' for name in columns)})"
