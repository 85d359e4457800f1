"""Vectors of some customers by the engine of the build, from the rows and the events that online features are made of.

It shares the views and the rule about events with `features.live.computation`, and nothing else: rows are read from
whole files, the engine joins rows and events, and all moments are computed together, as in a build.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import orjson
import pyarrow as pa

from core.files import claimed
from core.progress import Report, silent
from core.settings import Settings, StoreSettings
from core.sql import relation, spill_directory
from features.contract.tables import CUSTOMER_TABLES, EVENT_ID, EVENT_TABLES, FEATURE_TABLES, TableName
from features.engine.compute import DuckDBComputation
from features.engine.duckdb import Sources, connect
from features.engine.inputs import size_table
from features.engine.vectors import services_of, vector_query, vector_views
from features.engine.write import files_of
from features.live.known import live_name
from features.live.log import Logged
from features.live.rows import tables_of, with_events
from features.store.materialized import Online, rows_directory
from features.views import customer_views_of

#: The features of a customer, by the name of the view of vectors.
Vectors = dict[str, dict[str, Any]]


def replayed(
    settings: Settings,
    online: Online,
    events: Sequence[Logged],
    wanted: Mapping[datetime, Sequence[str]],
    report: Report = silent,
) -> dict[str, Vectors]:
    """Return the vectors of customers; a customer whom no view has a row of has none.

    Parameters
    ----------
    online
        The materialisation whose contract rows are read.
    events
        All events of these customers, in the order of the log.
    wanted
        The customers, by the moment to compute their vectors for; each customer once.
    """
    con = connect(settings)
    customers = sorted(one for asked in wanted.values() for one in asked)
    sources = _sources(con, rows_directory(settings[StoreSettings], online.fingerprint), customers, events, online)
    sizes = con.create_table("all_sizes", size_table(con.to_pandas(sources.products)), temp=True)
    views = {view: sorted(wanted) for service in services_of(settings) for view in customer_views_of(service)}
    found: dict[str, Vectors] = {}
    with claimed(spill_directory(settings[StoreSettings]) / "replay") as folder:
        DuckDBComputation(con, settings, online.kinds, folder, views).run(sources, sizes, report)
        for moment, asked in wanted.items():
            for vector, names in vector_views(settings).items():
                rows = {view: f"SELECT * FROM {relation(*files_of(folder, view, moment))}" for view in names}
                query = f"SELECT customer_id, vector FROM ({vector_query(con.con, rows)})"
                for customer, text in con.con.execute(query).fetchall():
                    if customer in asked:
                        found.setdefault(customer, {})[vector] = orjson.loads(text)
    return found


def _sources(
    con: ibis.BaseBackend, folder: Path, customers: Sequence[str], events: Sequence[Logged], online: Online
) -> Sources:
    """Make the contract tables of some customers, with their events."""
    live = tables_of(event for event in events if event.seq > online.events)
    # a later event may replace an order of one that is in the rows, so that orders of events come from the log
    live["transactions"] = tables_of(events)["transactions"]
    con.con.register("asked", pa.table({"customer_id": pa.array(customers, pa.string())}))
    tables = {name: _table(con, folder / f"{name}.parquet", name, live) for name in FEATURE_TABLES}
    return Sources(**tables)


def _table(con: ibis.BaseBackend, file: Path, name: TableName, live: Mapping[TableName, pa.Table]) -> ir.Table:
    if name not in CUSTOMER_TABLES:
        return con.read_parquet(file, table_name=name)
    query = f"SELECT * FROM {relation(file)} WHERE customer_id IN (SELECT customer_id FROM asked)"
    if name in EVENT_TABLES:
        exported = f"exported_{name}"
        of_exports = f" AND {EVENT_ID.name} IS NULL" if name == "transactions" else ""
        con.raw_sql(f"CREATE TEMP TABLE {exported} AS {query}{of_exports}")
        con.con.register(live_name(name), live[name])
        query = with_events(exported, live_name(name), name)
    con.raw_sql(f"CREATE TEMP TABLE {name} AS {query}")
    return con.table(name)
