"""Exports that belong together: the customer whom several files share, orders and their lines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from core.sql import count, identifier
from features.ingest.settings import FileSettings, InputSettings, SourceSettings
from features.ingest.suggest.exports import Export
from features.ingest.suggest.match import assign, likeness, words_of
from features.ingest.suggest.profile import Profile, profile_columns
from features.ingest.suggest.seen import SALES, Seen

#: This share of one column's values must be in another one that it refers to.
_REFERS = 0.9
#: Words that names of ids end with.
_ID_WORDS = {"id", "no", "nr", "number", "num", "key", "code", "ref", "uuid", "guid", "email", "account", "编号", "号"}
#: Words of SQL that files are called.
_RESERVED = {"order", "select", "from", "where", "group", "table", "values", "some", "all", "user", "end", "case"}
#: How often what is said of an order may be missing in it.
_SPARSE = 0.98


def name_customers(con: duckdb.DuckDBPyConnection, seen: Sequence[Seen]) -> list[Seen]:
    """Find the customer where no name shows it.

    That is the id which several exports share, unique in one and repeated in others; where there is one export only,
    the first id that is no order, product or line, and the export asks whether it is.
    """
    named = []
    for one in seen:
        if "customer_id" in assign(one.profiles, ("customer_id", "order_id", "product_id", "line_id")):
            named.append(one)
            continue
        shared = [
            name for name in _ids(one) if any(_shares(con, one, name, other) for other in seen if other is not one)
        ]
        alone = [name for name in _ids(one) if words_of(name)[-1] in _ID_WORDS]
        found = next(iter(shared), None) or next(iter(alone), None)
        note = () if found is None else (f"Is {found} the customer? No column is called so.",)
        named.append(replace(one, customer=found, notes=note))
    return named


def _ids(seen: Seen) -> Iterator[str]:
    """Yield the columns that could name customers."""
    others = ("order_id", "product_id", "line_id", "contract_id", "store_id", "campaign_id", "currency", "status")
    taken = {profile.name for profile in assign(seen.profiles, others).values()}
    for name, profile in seen.profiles.items():
        is_text = not profile.is_moment and not profile.is_time and (not profile.is_number or profile.whole > 0.99)
        if name not in taken and is_text and profile.filled > 0.5 and profile.distinct >= 10:
            yield name


def _shares(con: duckdb.DuckDBPyConnection, seen: Seen, name: str, other: Seen) -> bool:
    same = [column for column in other.profiles if words_of(column) == words_of(name)]
    return bool(same) and _share_in(con, (seen, name), (other, same[0])) > 0.5


def _share_in(con: duckdb.DuckDBPyConnection, one: tuple[Seen, str], other: tuple[Seen, str]) -> float:
    """Return the share of a column's values that are in another one."""
    (left, a), (right, b) = one, other
    x = f"canonical({identifier(a)})"
    values = f"SELECT DISTINCT {x} AS x FROM {left.export.table} WHERE {x} IS NOT NULL"
    others = f"SELECT canonical({identifier(b)}) FROM {right.export.table}"
    found = con.execute(f"SELECT avg((x IN ({others}))::INT) FROM ({values} LIMIT 100000)").fetchall()[0][0]
    return float(found or 0)


@dataclass(frozen=True)
class _Join:
    """A row of `other` for each row of what is joined so far, by columns of the same values."""

    other: Seen
    own: str
    key: str


def with_orders(
    con: duckdb.DuckDBPyConnection, seen: Seen, others: Sequence[Seen], table: str
) -> tuple[Seen, list[Seen]]:
    """Join order lines with the exports that say whose they are and when.

    Parameters
    ----------
    table
        A name for the table of the joined rows.

    Returns
    -------
    The joined export, and what was joined to it; the export as it is where it needs nothing, or nothing fits.
    """
    joins: list[_Join] = []
    if not {"product_id", "name"} & seen.roles(SALES).keys():
        # payments and headers of orders are no lines, whatever is joined to them
        return seen, []
    for wanted in ("event_timestamp", "customer_id"):
        if wanted not in _together(seen, joins):
            path = _path(con, seen, joins, [other for other in others if other is not seen], wanted)
            if path is None:
                return seen, []
            joins += path
    if further := _person_behind(con, seen, joins, others):
        joins.append(further)
    if not joins:
        return seen, []
    return _joined(con, seen, joins, table), [join.other for join in joins]


def _together(seen: Seen, joins: Sequence[_Join]) -> dict[str, Profile]:
    found = seen.roles(SALES)
    for join in joins:
        found = join.other.roles(SALES) | found
    return found


def _path(
    con: duckdb.DuckDBPyConnection, seen: Seen, joins: Sequence[_Join], others: Sequence[Seen], wanted: str
) -> list[_Join] | None:
    """Return the joins that lead to an export with a role: one, or two one after the other."""
    used = [join.other for join in joins]
    first = [join for start in (seen, *used) for join in _steps(con, start, [o for o in others if o not in used])]
    for join in first:
        if wanted in join.other.roles(SALES):
            return [join]
    for join in first:
        for after in _steps(con, join.other, [o for o in others if o is not join.other and o not in used]):
            if wanted in after.other.roles(SALES):
                return [join, after]
    return None


def _steps(con: duckdb.DuckDBPyConnection, start: Seen, others: Sequence[Seen]) -> Iterator[_Join]:
    """Yield the exports of which each row of an export names one."""
    for other in others:
        for key, profile in other.profiles.items():
            if profile.is_unique and not profile.is_moment:
                own = next((name for name in start.profiles if words_of(name) == words_of(key)), None)
                if own is None:
                    roles, theirs = start.roles(("order_id", "customer_id")), other.roles(("order_id", "customer_id"))
                    role = next((r for r, p in theirs.items() if p.name == key and r in roles), None)
                    own = roles[role].name if role is not None else None
                if own is not None and _share_in(con, (start, own), (other, key)) >= _REFERS:
                    yield _Join(other, own, key)


def _person_behind(
    con: duckdb.DuckDBPyConnection, seen: Seen, joins: Sequence[_Join], others: Sequence[Seen]
) -> _Join | None:
    """Return the export that leads from an id of the customer that differs with each order to one that is repeated."""
    parts = [seen, *(join.other for join in joins)]
    for part in parts:
        roles = part.roles(("customer_id", "order_id"))
        own, order = roles.get("customer_id"), roles.get("order_id")
        if own is None or order is None or own.distinct < 0.98 * order.distinct:
            continue
        for join in _steps(con, part, [o for o in others if o not in parts]):
            people = [n for n, p in join.other.profiles.items() if likeness(n, "customer_id") and not p.is_unique]
            if join.own == own.name and people:
                return replace(join, other=replace(join.other, customer=people[0]))
    return None


def _joined(con: duckdb.DuckDBPyConnection, seen: Seen, joins: Sequence[_Join], table: str) -> Seen:
    """Write the query that joins exports, and its rows to a table."""
    parts = [seen, *(join.other for join in joins)]
    names = _names([part.export for part in parts])
    taken = {name.lower() for name in seen.profiles}
    columns = [f"{names[0]}.*"]
    customer = seen.customer
    for join, name in zip(joins, names[1:], strict=True):
        own = {profile.name for profile in join.other.roles(SALES).values()}
        steps_on = {after.own for after in joins}
        for column in join.other.profiles:
            if column == join.key or column not in own | steps_on:
                continue
            called = column if column.lower() not in taken else f"{name}_{column}"
            taken.add(called.lower())
            columns.append(f"{name}.{identifier(column)}" + (f" AS {identifier(called)}" if called != column else ""))
            customer = called if column == join.other.customer else customer
    where = {id(part): name for part, name in zip([seen.export, *(j.other.export for j in joins)], names, strict=True)}
    steps = []
    for join, name in zip(joins, names[1:], strict=True):
        start = next(part for part in parts if join.own in part.profiles and part.export is not join.other.export)
        left = f"{where[id(start.export)]}.{identifier(join.own)}"
        steps.append(f"LEFT JOIN {name} ON {left} = {name}.{identifier(join.key)}")
    query = f"SELECT {', '.join(columns)} FROM {names[0]} {' '.join(steps)}"
    sources = {name: source_of(part.export) for name, part in zip(names, parts, strict=True)}
    return _asked(
        con, seen, query, sources, dict(zip(names, (part.export.table for part in parts), strict=True)), table, customer
    )


def _asked(
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
    if seen.export.sources:
        start = f"({seen.export.item.query})"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * REPLACE ({filled}) FROM {seen.export.table}")
        export = replace(
            seen.export,
            item=InputSettings(table="transactions", query=f"SELECT * REPLACE ({filled}) FROM {start}"),
            table=table,
        )
        return replace(seen, export=export, profiles=profile_columns(con, table, list(seen.profiles)))
    (name,) = _names([seen.export])
    query = f"SELECT * REPLACE ({filled}) FROM {name}"
    return _asked(con, seen, query, {name: source_of(seen.export)}, {name: seen.export.table}, table, seen.customer)


def with_shares(con: duckdb.DuckDBPyConnection, seen: Seen, order: str, amount: str, share: str, table: str) -> Seen:
    """Add the share of an order's amount that each of its lines has: all have the same."""
    order, value = identifier(order), f"number({identifier(amount)})"
    column = f"max({value}) OVER (PARTITION BY {order}) / count(*) OVER (PARTITION BY {order}) AS {share}"
    (name,) = _names([seen.export])
    if seen.export.sources:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, {column} FROM {seen.export.table}")
        item = InputSettings(table="transactions", query=f"SELECT *, {column} FROM ({seen.export.item.query})")
        profiles = profile_columns(con, table, [*seen.profiles, share])
        return replace(seen, export=replace(seen.export, item=item, table=table), profiles=profiles)
    query = f"SELECT *, {column} FROM {name}"
    return _asked(con, seen, query, {name: source_of(seen.export)}, {name: seen.export.table}, table, seen.customer)


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


def _names(exports: Sequence[Export]) -> list[str]:
    """Return names that a query can write without quotes, one for each export."""
    names: list[str] = []
    for export in exports:
        stem = Path(str(export.item.path)).name.split(".")[0]
        name = re.sub(r"[^a-z0-9]+", "_", stem.lower().replace("*", "")).strip("_") or "export"
        name = name if name[0].isalpha() else f"export_{name}"
        name = (
            f"{name}_rows"
            if name in {"order", "select", "from", "where", "group", "table", "values", "some", "one"}
            else name
        )
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names


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
