"""Logged events as rows of the contract tables, beside what the exports say of the same."""

from collections.abc import Iterable

import pyarrow as pa

from features.contract.tables import CONTRACT, TableName
from features.live.log import Logged

#: Columns by which an event and an exported row are told to be about the same. The export is right then.
SAME: dict[TableName, tuple[str, ...]] = {
    "transactions": ("customer_id", "order_id"),
    "interactions": ("customer_id", "kind", "event_timestamp"),
    "subscriptions": ("customer_id", "start_timestamp"),
}
_ARROW = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
}


def tables_of(events: Iterable[Logged]) -> dict[TableName, pa.Table]:
    """Return the contract tables of some events, each with all its columns; empty where there is nothing."""
    rows: dict[TableName, list[dict[str, object]]] = {name: [] for name in SAME}
    for logged in events:
        table, found = logged.event.rows(logged.happened, logged.received)
        rows[table] += found
    return {name: pa.Table.from_pylist(found, schema=_schema(name)) for name, found in rows.items()}


def with_events(exported: str, live: str, table: TableName) -> str:
    """Return a query for exported rows and those of events that the exports do not have.

    Parameters
    ----------
    exported, live
        Relations with the table's columns.
    """
    return (
        f"SELECT * FROM {exported} UNION ALL BY NAME "
        f"SELECT live.* FROM {live} AS live ANTI JOIN {exported} AS known USING ({', '.join(SAME[table])})"
    )


def _schema(table: TableName) -> pa.Schema:
    return pa.schema([pa.field(column.name, _ARROW[column.type]) for column in CONTRACT[table].columns])
