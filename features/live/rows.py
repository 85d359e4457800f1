"""Logged events as rows of the contract tables, next to the exported rows of the same things."""

from collections.abc import Iterable

import pyarrow as pa

from features.contract.arrow import arrow_schema
from features.contract.events import kind_of
from features.contract.events.kind import Row
from features.contract.events.orders import order_of, replaces
from features.contract.ids import is_placeholder
from features.contract.periods import with_changes
from features.contract.tables import CONTRACT, EVENT_ID, EVENT_TABLES, REPLACED, TableName
from features.live.log import Logged


def tables_of(events: Iterable[Logged]) -> dict[TableName, pa.Table]:
    """Return the contract tables of some events, each with all its columns; empty where there is nothing.

    Of the events of one order the first counts, until one that states that it replaces it; the lines of before have
    the moment from which they count no more. Events of customers without an id, which older logs have, are left out.

    Parameters
    ----------
    events
        In the order of the log. Those of one order all together, or none of them.
    """
    rows: dict[TableName, list[Row]] = {name: [] for name in EVENT_TABLES}
    orders: dict[tuple[str, str], list[Row]] = {}
    for logged in events:
        event = logged.event
        kind = kind_of(event)
        if is_placeholder(event.customer_id):
            continue
        made = kind.rows(event, logged.happened, logged.received)
        order = order_of(event)
        if order is not None:
            before = orders.get((event.customer_id, order))
            if before is not None and not replaces(event):
                continue
            for line in before or ():
                line[REPLACED.name] = logged.received
            made = [{**line, EVENT_ID.name: event.event_id} for line in made]
            orders[event.customer_id, order] = made
        rows[kind.table] += made
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
