"""Features of some customers, computed from their materialised rows and their events since.

The expressions are those of training.
"""

from datetime import UTC, datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from core.settings import Settings, StoreSettings
from core.sql import quoted, relation
from features.contract.erased import Erased
from features.contract.events.interactions import RETURN
from features.contract.tables import CONTRACT, CUSTOMER_TABLES, EVENT_ID, EVENT_TABLES
from features.engine.duckdb import Sources, connect
from features.engine.inputs import size_table, view_tables
from features.engine.vectors import services_of, vector_query, vector_views
from features.engine.write import as_arrays, as_feature_rows
from features.live.log import EventLog
from features.live.rows import tables_of, with_events
from features.settings import CustomerSettings, TimeSettings
from features.spans.base import Base, Inputs
from features.spans.snapshots import Snapshots
from features.store.materialized import Online, rows_directory
from features.views import customer_views_of
from features.views.view import FeatureView


@ibis.udf.scalar.builtin(signature=(("string",), "timestamp"))  # type: ignore[untyped-decorator]
def getvariable(variable: str) -> None:
    """Return the value of a variable of DuckDB, such as the moment that features are for."""


class CustomerFeatures:
    """Computes all views of some customers, by queries that are compiled once.

    Each step makes a table: the requested customers, their rows and events, the products they bought, the views, and
    the vectors of the views. Each run makes all of them again.
    """

    def __init__(self, settings: Settings, online: Online) -> None:
        self._since = online.events
        self._stores = settings[StoreSettings]
        self._backend = connect(settings.replaced(threads=1))
        self._con = self._backend.con
        self._steps: list[str] = []
        folder = rows_directory(self._stores, online.fingerprint)
        # rows that an earlier version has materialised do not say which of them events have reported
        lines = relation(folder / "transactions.parquet")
        self._orders_whole = EVENT_ID.name in {row[0] for row in self._con.execute(f"DESCRIBE FROM {lines}").fetchall()}
        self._add_customer_rows(folder)
        self._views = self._add_views(settings, online.kinds)

    def rows(self, log: EventLog, customers: list[str], moment: datetime) -> dict[str, pd.DataFrame]:
        """Return one row per customer for every view of customers, and for every vector."""
        con = self._con
        con.execute(f"SET VARIABLE moment = TIMESTAMP {quoted(f'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}')}")
        requested = pa.table({"customer_id": customers, "moment": [moment] * len(customers)})
        given = {"requested": requested, "erased": self._erased_among(customers), **self._live_rows(log, customers)}
        for table, rows in given.items():
            con.register("given", rows)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {table} LIMIT 0")
            con.execute(f"INSERT INTO {table} BY NAME FROM given")
        for step in self._steps:
            con.execute(step)
        return {view: con.execute(f"FROM {view}").df() for view in self._views}

    def _live_rows(self, log: EventLog, customers: list[str]) -> dict[str, pa.Table]:
        """Return the rows of events that the materialised rows do not have."""
        events = log.of(customers, 0 if self._orders_whole else self._since)
        tables = tables_of(one for one in events if one.seq > self._since)
        if self._orders_whole:
            tables["transactions"] = tables_of(events)["transactions"]
        return {_live(table): rows for table, rows in tables.items()}

    def _erased_among(self, customers: list[str]) -> pa.Table:
        return pa.table({"customer_id": pa.array(Erased(self._stores).open_among(customers), pa.string())})

    def _add_customer_rows(self, folder: Path) -> None:
        """Add the materialised rows of the requested customers, and those of their events since.

        An event may replace an order of an earlier event, so that orders are taken from all events and from exports.
        The materialised rows of a customer whose erasure is open are passed over.
        """
        self._con.execute("SET VARIABLE moment = TIMESTAMP '1970-01-01'")
        self._con.execute("CREATE TEMP TABLE requested (customer_id VARCHAR, moment TIMESTAMPTZ)")
        self._con.execute("CREATE TEMP TABLE erased (customer_id VARCHAR)")
        self._add("snapshots", "SELECT 0 AS position, getvariable('moment') AS snapshot")
        for table in CUSTOMER_TABLES:
            if table == "labels":  # no feature is made of them
                continue
            rows = relation(folder / f"{table}.parquet")
            of_exports = self._orders_whole and table == "transactions"
            exported = f" WHERE {EVENT_ID.name} IS NULL" if of_exports else ""
            query = (
                f"(SELECT * FROM (FROM {rows} SEMI JOIN requested USING (customer_id)) "
                f"ANTI JOIN erased USING (customer_id){exported})"
            )
            if table in EVENT_TABLES:
                columns = ", ".join(f"{column.name} {column.type}" for column in CONTRACT[table].columns)
                self._con.execute(f"CREATE TEMP TABLE {_live(table)} ({columns})")
                query = f"({with_events(query, _live(table), table)})"
            self._add(table, f"FROM {query}")
        # they bought few of the products, and every view of products would read all of them
        products = self._backend.read_parquet(folder / "products.parquet")
        catalogue = self._backend.create_table("catalogue", products, temp=True)
        self._backend.create_table("all_sizes", size_table(self._backend.to_pandas(catalogue)), temp=True)
        for part, whole in (("products", "catalogue"), ("sizes", "all_sizes")):
            self._add(part, f"SELECT * FROM {whole} SEMI JOIN transactions USING (product_id)")

    def _add_views(self, settings: Settings, kinds: frozenset[str]) -> list[str]:
        backend = self._backend
        sources = Sources(**{name: backend.table(name) for name in CONTRACT if name != "labels"})
        snapshots = Snapshots.at(getvariable("moment"), backend.table("snapshots"))
        # the first return of all may be an event
        base = Base(
            view_tables(sources, backend.table("sizes")),
            snapshots,
            kinds | {RETURN.name},
            settings[TimeSettings].history_days,
            self._keep,
        )
        inputs = Inputs(base, snapshots, settings[CustomerSettings].kept)
        used = {view.name: view for service in services_of(settings) for view in customer_views_of(service)}
        stamps = "event_timestamp, created_timestamp"
        for name, view in used.items():
            # a customer without a row in a view gets a row of nulls, which replaces the features of before
            self._add(
                name,
                f"SELECT requested.customer_id, found.* EXCLUDE (customer_id, {stamps}), moment AS event_timestamp, "
                f"moment AS created_timestamp FROM requested "
                f"LEFT JOIN ({self._rows_of(view, inputs)}) AS found USING (customer_id)",
            )
        vectors = vector_views(settings)
        for vector, parts in vectors.items():
            self._add(vector, vector_query(self._con, {view: f"SELECT * FROM {view}" for view in parts}))
        return [*used, *vectors]

    def _rows_of(self, view: FeatureView, inputs: Inputs) -> str:
        rows = as_arrays(as_feature_rows(view, inputs), view)
        return str(self._backend.compile(rows))

    def _keep(self, name: str, expression: ir.Table) -> ir.Table:
        self._add(f"base_{name}", str(self._backend.compile(expression)))
        # with the types of the expression: DuckDB makes small numbers of small literals
        return ibis.table(expression.schema(), name=f"base_{name}")

    def _add(self, table: str, query: str) -> None:
        """Make a table of a query; each run makes it again, as deleted rows would keep their memory."""
        step = f"CREATE OR REPLACE TEMP TABLE {table} AS {query}"
        self._con.execute(step)
        self._steps.append(step)


def _live(table: str) -> str:
    return f"{table}_live"
