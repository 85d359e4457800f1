"""Features of some customers, computed from their materialised rows and their events since.

The expressions are those of training, compiled and planned once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from core.settings import Settings, StoreSettings
from core.sql import timestamp
from features.contract.erased import Erased
from features.contract.events.interactions import RETURN
from features.contract.tables import EVENT_TABLES, FEATURE_TABLES, TableName
from features.engine.duckdb import Sources, connect
from features.engine.inputs import view_tables
from features.engine.vectors import NOT_FEATURES, services_of, vector_view
from features.engine.write import as_feature_rows, folded, ordered
from features.live.known import TABLES, KnownRows, live_name
from features.live.log import EventLog
from features.live.rows import tables_of, with_events
from features.settings import CustomerSettings, TimeSettings
from features.spans.base import Base, Inputs
from features.spans.snapshots import Snapshots, current_snapshot
from features.store.materialized import Online, rows_directory
from features.views import customer_views_of
from features.views.view import FeatureView

#: The features of each customer, by the names of the features.
_Rows = dict[str, tuple[Any, ...]]
_TABLES: tuple[TableName, ...] = (*TABLES, "products")
#: What the planner concludes from the rows that a table has at the time, such as that no value is null.
_OF_THE_ROWS = "statistics_propagation"


class CustomerFeatures:
    """Computes the vectors of some customers."""

    def __init__(self, settings: Settings, online: Online) -> None:
        self._since = online.events
        self._stores = settings[StoreSettings]
        self._known = KnownRows(rows_directory(self._stores, online.fingerprint))
        self._services = {vector_view(one): customer_views_of(one) for one in services_of(settings)}
        views = list({view.name: view for views in self._services.values() for view in views}.values())
        empty = self._known.of([], tables_of([]))
        # hardly any customer returns goods, and to match returns costs a quarter of the time
        self._plans = {
            returns: PlannedViews(settings, views, online.kinds, empty, returns=returns) for returns in (False, True)
        }

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of each view's features."""
        return self._plans[False].features

    def vectors(self, log: EventLog, customers: Sequence[str], moment: datetime) -> dict[str, dict[str, str]]:
        """Return the vector of each customer, as `features.engine.vectors.vector_query` does, by name of its view."""
        known = self._known.of(self._not_erased(customers), self._live_rows(log, customers))
        kinds = [known[name]["kind"] for name in ("interactions", live_name("interactions"))]
        plan = self._plans[any(pc.index(column, RETURN.name).as_py() >= 0 for column in kinds)]
        found = plan.rows(known, moment)
        vectors: dict[str, dict[str, str]] = {}
        for vector, views in self._services.items():
            names = [name for view in views for name in plan.features[view.name]]
            # a customer without a row in a view gets nulls, which replace the features of before
            parts = [(found[view.name], (None,) * len(plan.features[view.name])) for view in views]
            vectors[vector] = {
                customer: orjson.dumps(dict(zip(names, _joined(customer, parts), strict=True))).decode()
                for customer in customers
            }
        return vectors

    def _live_rows(self, log: EventLog, customers: Sequence[str]) -> dict[TableName, pa.Table]:
        """Return the rows of events that the materialised rows do not have, and all orders of events.

        An event may replace an order of an earlier event.
        """
        events = log.of(customers)
        since = [one for one in events if one.seq > self._since]
        tables = tables_of(since)
        if len(since) < len(events):
            tables["transactions"] = tables_of(events)["transactions"]
        return tables

    def _not_erased(self, customers: Sequence[str]) -> list[str]:
        """Return the customers whose materialised rows count; those of an open erasure are passed over."""
        erased = set(Erased(self._stores).open_among(customers))
        return [one for one in customers if one not in erased]


class PlannedViews:
    """The expressions of views, planned once for rows that come later: planning takes most of the time for few rows.

    Each run is a transaction: it fills the tables, executes the plans, and is rolled back with all that it has written.

    Attributes
    ----------
    features
        The names of each view's features.

    Parameters
    ----------
    kinds
        Of interactions in the data of the materialisation; views of others have no rows.
    empty
        The tables that rows come in, without rows.
    returns
        Whether the rows may have returns.
    """

    def __init__(
        self,
        settings: Settings,
        views: Sequence[FeatureView],
        kinds: frozenset[str],
        empty: Mapping[str, pa.Table],
        *,
        returns: bool,
    ) -> None:
        self._backend = connect(settings.replaced(threads=1))
        self._con = self._backend.con
        self._con.execute(f"SET disabled_optimizers = '{_OF_THE_ROWS}'")
        self._views = {view.name: view for view in views}
        self._queries: dict[str, str] = {}
        self._given = {name: _Given(rows) for name, rows in empty.items()}
        for name, given in self._given.items():
            self._con.register(f"given_{name}", given)
        for name in _TABLES:
            self._con.execute(f"CREATE TABLE {name} AS FROM given_{name} WITH NO DATA")
        self._con.execute("CREATE VIEW sizes AS SELECT product_id, type, unit, contents FROM products")
        self._con.execute("CREATE TABLE snapshots (position BIGINT, snapshot TIMESTAMP)")
        # neither a literal nor a variable: a plan would be made again for each moment
        self._con.execute(f"CREATE MACRO {current_snapshot.__name__}() AS (SELECT snapshot FROM snapshots)")
        inputs = self._inputs(settings, (Base if returns else _WithoutReturns), kinds)
        self.features = {view.name: self._add_view(view, inputs, known=view.has_kinds(kinds)) for view in views}
        # planned when all tables are there, since a plan is made again after any is added
        for name in _TABLES:
            self._con.execute(f"PREPARE fill_{name} AS INSERT INTO {name} FROM given_{name}")
        for name in EVENT_TABLES:
            merged = with_events(f"given_{name}", f"given_{live_name(name)}", name)
            self._con.execute(f"PREPARE merge_{name} AS INSERT INTO {name} BY NAME {merged}")
        for name, query in self._queries.items():
            self._con.execute(f"PREPARE plan_{name} AS {query}")

    def rows(self, tables: Mapping[str, pa.Table], moment: datetime) -> dict[str, _Rows]:
        """Return the features of each view by customer, of those that it has a row of."""
        con = self._con
        con.execute("BEGIN")
        try:
            con.execute(f"INSERT INTO snapshots VALUES (0, {timestamp(moment)})")
            filled = {name for name in _TABLES if self._fill(name, tables)}
            found: dict[str, _Rows] = {view: {} for view in self.features}
            silent = [view.name for view in self._views.values() if filled.isdisjoint(view.tables)]
            for name in self._queries:
                if name in silent:
                    continue
                result = con.execute(f"EXECUTE plan_{name}")
                if name in found:
                    rows = folded(result.to_arrow_table(), self._views[name], {})
                    found[name] = _by_customer(rows, self.features[name])
            return found
        finally:
            con.execute("ROLLBACK")
            for given in self._given.values():
                given.rows = given.rows.schema.empty_table()

    def _fill(self, name: TableName, tables: Mapping[str, pa.Table]) -> bool:
        """Fill a table with the rows of exports and events; returns whether there are any."""
        self._given[name].rows = tables[name]
        if name in EVENT_TABLES and tables[live_name(name)].num_rows:
            self._given[live_name(name)].rows = tables[live_name(name)]
            self._con.execute(f"EXECUTE merge_{name}")
        elif tables[name].num_rows:
            self._con.execute(f"EXECUTE fill_{name}")
        else:
            return False
        return True

    def _inputs(self, settings: Settings, kind: type[Base], kinds: frozenset[str]) -> Inputs:
        table = self._backend.table
        sources = Sources(**{name: table(name) for name in FEATURE_TABLES})
        snapshots = Snapshots.of_current(table("snapshots"))
        tables = view_tables(sources, table("sizes"))
        # the first return of all may be an event
        base = kind(tables, snapshots, kinds | {RETURN.name}, settings[TimeSettings].history_days, self._keep)
        return Inputs(base, snapshots, settings[CustomerSettings].kept)

    def _add_view(self, view: FeatureView, inputs: Inputs, *, known: bool) -> list[str]:
        """Plan a view, if it has any rows; returns the names of its features."""
        rows = as_feature_rows(view, inputs)
        if known:
            self._queries[view.name] = str(self._backend.compile(ordered(rows, view) if view.folded_by else rows))
        return [name for name in rows.columns if name not in NOT_FEATURES]

    def _keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Make a table of an expression, which its plan fills."""
        table, query = f"base_{name}", str(self._backend.compile(expression))
        self._con.execute(f"CREATE TABLE {table} AS {query} WITH NO DATA")
        self._queries[table] = f"INSERT INTO {table} {query}"
        # with the types of the expression: DuckDB makes small numbers of small literals
        return ibis.table(expression.schema(), name=table)


class _Given:
    """Rows that an engine reads each time from where they are then."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class _WithoutReturns(Base):
    """The base tables of customers who returned nothing."""

    @property
    def returns(self) -> None:
        return None


def _joined(customer: str, parts: Iterable[tuple[_Rows, tuple[Any, ...]]]) -> Iterable[Any]:
    for rows, missing in parts:
        yield from rows.get(customer, missing)


def _by_customer(rows: pa.Table, features: Sequence[str]) -> _Rows:
    values = zip(*(_values(rows[name].combine_chunks()) for name in features), strict=True)
    return dict(zip(rows["customer_id"].to_pylist(), values, strict=True))


def _values(column: pa.Array) -> list[Any]:
    """Return values as they are in a vector: moments as seconds since 1970; JSON makes null of no finite number."""
    if pa.types.is_timestamp(column.type):
        return [None if one is None else one / 1e6 for one in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_decimal(column.type):  # DuckDB's sum of whole numbers
        column = column.cast(pa.int64())
    if not pa.types.is_list(column.type):
        return list(column.to_pylist())
    values, edges = column.values.to_numpy(zero_copy_only=False).tolist(), column.offsets.to_pylist()
    return [values[start:stop] for start, stop in pairwise(edges)]
