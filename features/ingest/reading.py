"""One unit at a time: map it, keep what satisfies the contract, quarantine the rest with its line and its text."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice, tee
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.sql import copy, count, identifier
from features.contract.tables import Table
from features.ingest.mapping import AHEAD, CURRENCY, RETURNED, RULE, Mapping
from features.ingest.merge import ROW, WRITTEN
from features.ingest.quarantine import QUARANTINE
from features.ingest.scans import Rejected, Scan, readable
from features.ingest.segments import Segment, Totals
from features.ingest.units import Unit

_AT_ONCE = 10_000


def read_unit(
    con: duckdb.DuckDBPyConnection,
    unit: Unit,
    table: Table,
    scan: Scan,
    mapping: Mapping,
    segment: Segment,
    folder: Path,
) -> Segment:
    """Read a unit and write its files to a folder.

    Returns
    -------
    `segment` with its files and totals.

    Raises
    ------
    DataError
        If the source cannot be read through.
    """
    with readable(unit.name, "Correct the file, or export it again.", scan):
        con.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {mapping.over(scan.relation)}")
        unreadable = scan.rejected(con)
    mapped = count(con, "SELECT count(*) FROM mapped")
    broken = {
        str(rule): int(rows)
        for rule, rows in con.execute(f"SELECT {RULE}, count(*) FROM mapped GROUP BY ALL ORDER BY ALL").fetchall()
        if rule is not None
    }
    rejected = {rule: rows for rule, rows in broken.items() if rule not in unit.item.rules}
    for one in unreadable:
        rejected[one.rule] = rejected.get(one.rule, 0) + 1
    returned = count(con, f"SELECT count(*) FROM mapped WHERE {RULE} IS NULL AND {RETURNED}")
    totals = Totals(
        read=mapped + len(unreadable),
        kept=mapped - sum(broken.values()) - returned,
        returned=returned,
        skipped={rule: rows for rule, rows in broken.items() if rule in unit.item.rules},
        rejected=rejected,
        split=_split(con, unit, table, broken),
    )
    rows, returns, quarantine = (folder / f"{segment.key}{end}.parquet" for end in ("", "-returns", "-quarantine"))
    done = replace(
        segment,
        columns=tuple(scan.columns),
        totals=totals,
        rows=_write(con, mapping, table, rows, returned=False) if totals.kept else None,
        returns=_write(con, mapping, table, returns, returned=True) if returned else None,
        quarantine=_quarantine(con, unit, scan, unreadable, mapped, quarantine) if totals.quarantined else None,
        currencies=_currencies(con) if mapping.has_currency else {},
        unread=tuple(scan.unread),
        until=_until(con, table, mapping),
        newest=_newest(con, unit, scan),
    )
    con.execute("DROP TABLE mapped")
    return done


def _split(con: duckdb.DuckDBPyConnection, unit: Unit, table: Table, broken: dict[str, int]) -> dict[str, int]:
    """Count the orders of which a rule of the configuration skips some lines, and keeps others."""
    skipping = sorted(unit.item.rules & broken.keys())
    if table.name != "transactions" or not skipping:
        return {}
    skipped = f"SELECT {RULE} AS rule, order_id FROM mapped WHERE list_contains(?, {RULE})"
    # the skipped rows are few, and looked for among the others
    shared = f"SELECT DISTINCT order_id FROM mapped WHERE {RULE} IS NULL AND order_id IN (SELECT order_id FROM skipped)"
    query = (
        f"WITH skipped AS MATERIALIZED ({skipped}), shared AS ({shared}) SELECT rule, count(DISTINCT order_id) "
        "FROM skipped JOIN shared USING (order_id) GROUP BY ALL ORDER BY ALL"
    )
    return {str(rule): int(orders) for rule, orders in con.execute(query, [skipping]).fetchall()}


def _write(con: duckdb.DuckDBPyConnection, mapping: Mapping, table: Table, target: Path, *, returned: bool) -> str:
    """Write rows that satisfy the contract, with what decides which of two rows of a key stays."""
    columns = ", ".join(mapping.columns)
    if table.key:
        columns += f", {mapping.written} AS {WRITTEN}, rowid AS {ROW}"
    else:
        # a file with all columns of the table is the table, where it is the only one
        columns += "".join(f", NULL::{column.type} AS {column.name}" for column in table.columns if column.derived)
    condition = f"{RULE} IS NULL AND {RETURNED} = {str(returned).lower()}"
    # the order of rows is in `_row` where it matters, and costs time to keep
    con.execute("SET preserve_insertion_order = false")
    con.execute(copy(f"SELECT {columns} FROM mapped WHERE {condition}", target))
    con.execute("SET preserve_insertion_order = true")
    return target.name


def _quarantine(
    con: duckdb.DuckDBPyConnection, unit: Unit, scan: Scan, unreadable: list[Rejected], read: int, target: Path
) -> str:
    """Write the quarantined rows, part by part, with their place and their text."""
    rows, rules = tee(_quarantined(con))
    originals = scan.originals(con, (row for row, _ in rows), read)
    others = (Rejected(rule, original) for (_, rule), original in zip(rules, originals, strict=True))
    with pq.ParquetWriter(target, QUARANTINE) as writer:
        for part in _parts(chain(unreadable, others)):
            columns = {
                "input": [unit.item.origin] * len(part),
                "file": [_place(unit.name, one.original.place) for one in part],
                "line": [one.original.line for one in part],
                "rule": [one.rule for one in part],
                "configured": [one.rule in unit.item.rules for one in part],
                "text": [one.original.text for one in part],
            }
            writer.write_table(pa.table(columns, schema=QUARANTINE))
    return target.name


def _place(name: str, within: str | None) -> str:
    """Say where a row stands: in a file, in a sheet of it, in a file of a query."""
    return name if within is None else f"{name} [{within}]"


def _quarantined(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    """Yield the rows that break a rule, by number and rule, in their order."""
    last = -1
    query = f"SELECT rowid, {RULE} FROM mapped WHERE {RULE} IS NOT NULL AND rowid > ? ORDER BY rowid LIMIT {_AT_ONCE}"
    while rows := con.execute(query, [last]).fetchall():
        yield from rows
        last = rows[-1][0]


def _parts(rows: Iterable[Rejected]) -> Iterator[list[Rejected]]:
    rest = iter(rows)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


def _currencies(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the rows that satisfy the contract by their currency, where it is known."""
    query = f"SELECT {CURRENCY}, count(*) FROM mapped WHERE {RULE} IS NULL AND {CURRENCY} IS NOT NULL GROUP BY ALL"
    return {str(name): int(rows) for name, rows in con.execute(f"{query} ORDER BY ALL").fetchall()}


def _until(con: duckdb.DuckDBPyConnection, table: Table, mapping: Mapping) -> str | None:
    """Return when the first row from the future is in the past."""
    if table.created is None:
        return None
    # the start of a contract may lie in the future
    happened = [table.happened] if table.happened == "event_timestamp" else []
    moment = f"greatest({', '.join([*happened, mapping.written])})"
    query = f"SELECT epoch(min({moment})) FROM mapped WHERE starts_with({RULE}, 'future ')"
    seconds = con.execute(query).fetchall()[0][0]
    return None if seconds is None else (datetime.fromtimestamp(seconds, UTC) - AHEAD).isoformat()


def _newest(con: duckdb.DuckDBPyConnection, unit: Unit, scan: Scan) -> str | None:
    if unit.item.incremental_column is None:
        return None
    column = identifier(unit.item.incremental_column)
    # whole numbers are compared as such; moments come as ISO 8601, which sorts as a text
    query = f"SELECT coalesce(max(TRY_CAST({column} AS HUGEINT))::VARCHAR, max({column})) FROM {scan.relation}"
    newest = con.execute(query).fetchall()[0][0]
    return None if newest is None else str(newest)
