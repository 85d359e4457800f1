"""Exports that belong together: the customer whom several files share, orders and their lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from core.sql import identifier
from features.ingest.suggest.customers import share_in
from features.ingest.suggest.derived import asked, names_of, source_of
from features.ingest.suggest.match import likeness
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.seen import SALES, Seen
from features.ingest.suggest.words import words_of

#: This share of one column's values must be in another one that it refers to.
_REFERS = 0.9


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
                if own is not None and share_in(con, (start, own), (other, key)) >= _REFERS:
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
    names = names_of(con, [part.export for part in parts])
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
    return asked(
        con, seen, query, sources, dict(zip(names, (part.export.table for part in parts), strict=True)), table, customer
    )
