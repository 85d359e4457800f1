"""Logged events as rows of the contract tables, next to the exported rows of the same things."""

from collections.abc import Iterable

import pyarrow as pa

from features.contract.arrow import arrow_schema
from features.contract.events import kind_of
from features.contract.periods import with_changes
from features.contract.tables import CONTRACT, EVENT_TABLES, TableName
from features.live.log import Logged


def tables_of(events: Iterable[Logged]) -> dict[TableName, pa.Table]:
    """Return the contract tables of some events, each with all its columns; empty where there is nothing."""
    rows: dict[TableName, list[dict[str, object]]] = {name: [] for name in EVENT_TABLES}
    for logged in events:
        kind = kind_of(logged.event)
        rows[kind.table] += kind.rows(logged.event, logged.happened, logged.received)
    return {name: pa.Table.from_pylist(entries, schema=arrow_schema(name)) for name, entries in rows.items()}


def with_events(exported: str, live: str, table: TableName) -> str:
    """Return a query for exported rows and those of events that the exports do not have.

    An event about a contract that is there changes it.

    Parameters
    ----------
    exported, live
        Relations with the table's columns.
    """
    if table == "subscriptions":
        return with_changes(exported, live)
    same = ", ".join(CONTRACT[table].same_event)
    return (
        f"SELECT * FROM {exported} UNION ALL BY NAME "
        f"SELECT live.* FROM {live} AS live ANTI JOIN {exported} AS known USING ({same})"
    )
