"""The contract tables as the engine that runs feature expressions sees them."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir

from features.config import Settings, StoreSettings, TableName
from features.contract import table_path
from features.errors import StateError


@dataclass(frozen=True)
class Sources:
    """The contract tables that features are made from, as Ibis tables."""

    transactions: ir.Table
    products: ir.Table
    customers: ir.Table
    interactions: ir.Table
    subscriptions: ir.Table


def connect(settings: Settings) -> ibis.BaseBackend:
    """Open the engine that runs feature expressions: DuckDB in memory, spilling beside the state."""
    spill = settings.stores.data / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    # Ibis 12 calls a DuckDB method by the name it had before DuckDB 1.5
    warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
    con = ibis.duckdb.connect(
        memory_limit=settings.stores.memory_limit,
        temp_directory=str(spill),
        threads=settings.threads,
    )
    con.raw_sql("SET TimeZone = 'UTC'")
    con.raw_sql("SET preserve_insertion_order = false")
    return con


def read_sources(con: ibis.BaseBackend, stores: StoreSettings) -> Sources:
    """Open the contract tables.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    contract_file(stores, "transactions")
    return Sources(
        **{
            name: con.read_parquet(table_path(stores, name), table_name=name)
            for name in ("transactions", "products", "customers", "interactions", "subscriptions")
        }
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
        raise StateError(f"Expected contract tables in {path.parent}, found none.", "Run `encore ingest` first.")
    return path
