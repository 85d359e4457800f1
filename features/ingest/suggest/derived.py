"""Exports that a query makes of others: of joined ones, or with what other lines of an order say."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from core.sql import identifier
from features.ingest.settings import FileSettings, InputSettings, SourceSettings
from features.ingest.suggest.exports import Export
from features.ingest.suggest.profile import profile_columns
from features.ingest.suggest.seen import SALES, Seen

#: How often what is said of an order may be missing in it.
_SPARSE = 0.98


def asked(
    con: duckdb.DuckDBPyConnection,
    seen: Seen,
    query: str,
    sources: dict[str, SourceSettings],
    tables: dict[str, str],
    table: str,
    customer: str | None,
) -> Seen:
    """Run a query over exports by the names of its sources, and look at what it finds."""
    for name, rows in tables.items():
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * EXCLUDE (_file) FROM {rows}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, 0 AS _file FROM ({query})")
    for name in tables:
        con.execute(f"DROP VIEW {name}")
    columns = [str(row[0]) for row in con.execute(f"DESCRIBE {table}").fetchall() if row[0] != "_file"]
    item = InputSettings(table="transactions", query=query)
    export = Export(item, seen.export.files, tuple(columns), table, sources)
    return Seen(export, profile_columns(con, table, columns), customer, seen.notes)


def filled_down(con: duckdb.DuckDBPyConnection, seen: Seen, table: str) -> Seen:
    """Give every line of an order what only its first line says.

    Returns
    -------
    The export with a query that does so; the export as it is where every line says all.
    """
    roles = seen.roles(SALES)
    order = roles.get("order_id")
    if order is None or order.is_unique or seen.export.item.database is not None:
        return seen
    sparse = [
        roles[role]
        for role in ("customer_id", "event_timestamp", "time_of_day", "status", "cancelled_at", "currency", "channel")
        if role in roles and roles[role].filled < 1 and _is_sparse(con, seen, order.name, roles[role].name)
    ]
    if not sparse:
        return seen
    whole = f"OVER (PARTITION BY {identifier(order.name)})"
    columns = [identifier(profile.name) for profile in sparse]
    filled = ", ".join(f"max(nullif(trim({column}), '')) {whole} AS {column}" for column in columns)
    return _computed(con, seen, f"* REPLACE ({filled})", table)


def with_shares(con: duckdb.DuckDBPyConnection, seen: Seen, order: str, amount: str, share: str, table: str) -> Seen:
    """Add the share of an order's amount that each of its lines has: all have the same."""
    order, value = identifier(order), f"number({identifier(amount)})"
    column = f"max({value}) OVER (PARTITION BY {order}) / count(*) OVER (PARTITION BY {order}) AS {share}"
    return _computed(con, seen, f"*, {column}", table)


def _computed(con: duckdb.DuckDBPyConnection, seen: Seen, columns: str, table: str) -> Seen:
    """Select other columns of an export: around its query where it has one."""
    if not seen.export.sources:
        (name,) = names_of(con, [seen.export])
        query, sources = f"SELECT {columns} FROM {name}", {name: source_of(seen.export)}
        return asked(con, seen, query, sources, {name: seen.export.table}, table, seen.customer)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM {seen.export.table}")
    item = InputSettings(table="transactions", query=f"SELECT {columns} FROM ({seen.export.item.query})")
    found = [str(row[0]) for row in con.execute(f"DESCRIBE {table}").fetchall() if row[0] != "_file"]
    return replace(
        seen, export=replace(seen.export, item=item, table=table), profiles=profile_columns(con, table, found)
    )


def _is_sparse(con: duckdb.DuckDBPyConnection, seen: Seen, order: str, name: str) -> bool:
    """Return whether a column has a value on one line of an order, and none on its other lines."""
    x = f"known({identifier(name)})"
    lines = (
        f"SELECT count(*) AS n, count({x}) AS said FROM {seen.export.table} GROUP BY {identifier(order)} HAVING n > 1"
    )
    several, one = con.execute(
        f"SELECT count(*) FILTER (said > 0), count(*) FILTER (said = 1) FROM ({lines})"
    ).fetchall()[0]
    return bool(several) and one >= _SPARSE * several


def source_of(export: Export) -> SourceSettings:
    """Return how a query's source is read."""
    options = {name: getattr(export.item, name) for name in FileSettings.model_fields}
    return SourceSettings(path=str(export.item.path), **options)


def names_of(con: duckdb.DuckDBPyConnection, exports: Sequence[Export]) -> list[str]:
    """Return names that a query can write without quotes, one for each export."""
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    reserved = {str(row[0]) for row in con.execute(query).fetchall()}
    names: list[str] = []
    for export in exports:
        stem = Path(str(export.item.path)).name.split(".")[0]
        name = re.sub(r"[^a-z0-9]+", "_", stem.lower().replace("*", "")).strip("_") or "export"
        name = name if name[0].isalpha() else f"export_{name}"
        name = f"{name}_rows" if name in reserved else name
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names
