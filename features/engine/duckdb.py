"""The contract tables as the engine that runs feature expressions sees them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir

from core.errors import StateError
from core.settings import Settings, StoreSettings
from core.sql import engine, open_duckdb, relation
from features.contract.tables import CONTRACT, FEATURE_TABLES, TableName, table_path

_SALES: list[tuple[TableName, str]] = [("transactions", "event_timestamp")]
_OTHER_EVENTS: list[tuple[TableName, str]] = [
    ("subscriptions", "start_timestamp"),
    ("interactions", "event_timestamp"),
]


@dataclass(frozen=True)
class Sources:
    """The contract tables that features and labels are made from, as Ibis tables.

    Attributes
    ----------
    labels
        The business's own labels; None where features alone are made. No view reads them.
    """

    transactions: ir.Table
    products: ir.Table
    customers: ir.Table
    interactions: ir.Table
    subscriptions: ir.Table
    labels: ir.Table | None = None


def connect(settings: Settings) -> ibis.BaseBackend:
    """Open the engine that runs feature expressions: DuckDB in memory."""
    # Ibis 12 calls a DuckDB method by the name it had before DuckDB 1.5
    warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
    # to merge selections takes a sixth of the time to compile, and DuckDB does it too
    ibis.options.sql.fuse_selects = False
    con = ibis.duckdb.from_connection(open_duckdb(settings))
    con.raw_sql("SET TimeZone = 'UTC'")
    con.raw_sql("SET preserve_insertion_order = false")
    # twenty times as fast as a cast, which asks a library of time zones about each moment
    con.raw_sql("CREATE TEMP MACRO to_timestamp_ntz(moment) AS make_timestamp(epoch_us(moment))")
    return con


def read_sources(con: ibis.BaseBackend, stores: StoreSettings) -> Sources:
    """Open the contract tables.

    Raises
    ------
    StateError
        If nothing was ingested yet, or by a version of Encore whose tables have other columns.
    """
    tables = {
        name: con.read_parquet(contract_file(stores, name), table_name=name) for name in (*FEATURE_TABLES, "labels")
    }
    for name, table in tables.items():
        check_columns(name, table.columns)
    return Sources(**tables)


def check_columns(name: TableName, columns: Sequence[str]) -> None:
    """Refuse a contract table of a version of Encore whose tables have other columns.

    Raises
    ------
    StateError
        If a column is not there.
    """
    lacking = [column.name for column in CONTRACT[name].columns if column.name not in columns]
    if lacking:
        raise StateError(
            f"{name}: expected the column {lacking[0]!r} in a table that another version of Encore wrote.",
            "Run `encore ingest` again.",
        )


def contract_file(stores: StoreSettings, name: TableName) -> Path:
    """Return the file of a contract table.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    path = table_path(stores, name)
    if not path.is_file():
        raise StateError(f"Expected the contract table {path} and found none.", "Run `encore ingest` first.")
    return path


def find_events(settings: Settings) -> tuple[datetime, datetime, bool] | None:
    """Return the moments of the first and the last event, and whether events are order lines; None without events.

    Where there are no order lines, events are starts of contracts and interactions.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    stores = settings[StoreSettings]
    with engine(settings) as con:
        for parts in (_SALES, _OTHER_EVENTS):
            moments = " UNION ALL ".join(
                f"SELECT min({name}) AS first, max({name}) AS last FROM {relation(contract_file(stores, table))}"
                for table, name in parts
            )
            query = f"SELECT epoch_us(min(first)), epoch_us(max(last)) FROM ({moments})"
            first, last = con.execute(query).fetchall()[0]
            if first is not None:
                moments_found = [datetime.fromtimestamp(moment / 1e6, tz=UTC) for moment in (first, last)]
                return moments_found[0], moments_found[1], parts is _SALES
    return None
