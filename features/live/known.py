"""What was known of each customer when the online store was filled, where it is found quickly."""

import shutil
from pathlib import Path

import duckdb

from features.config import Settings, StoreSettings, TableName
from features.contract import table_path
from features.sql import quoted, relation
from features.state import read_stamp, replacing

TABLES: tuple[TableName, ...] = ("transactions", "interactions", "subscriptions", "customers")
#: Rows that a reader skips or reads as one.
_GROUP = 20_480


def materialized_directory(stores: StoreSettings) -> Path:
    """Return the folder whose stamp says what the online store holds."""
    return stores.data / "online"


def known_directory(stores: StoreSettings, online: str) -> Path:
    """Return the folder of the contract tables, ordered by customer, that a materialisation was made from."""
    return materialized_directory(stores) / f"known-{online}"


def write_known(settings: Settings, online: str) -> None:
    """Copy the contract tables, ordered by customer; copies of materialisations before the last are removed."""
    stores = settings.stores
    folder = known_directory(stores, online)
    last = read_stamp(materialized_directory(stores)).get("fingerprint", "")
    with replacing(folder) as aside, duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{stores.memory_limit}'")
        con.execute(f"SET temp_directory = {quoted(str(stores.data / 'spill'))}")
        con.execute(f"SET threads = {settings.threads}")
        for table in (*TABLES, "products"):
            order = "customer_id" if table in TABLES else "product_id"
            con.execute(
                f"COPY (SELECT * FROM {relation(table_path(stores, table))} ORDER BY {order}) "
                f"TO {quoted(str(aside / table_path(stores, table).name))} (FORMAT parquet, ROW_GROUP_SIZE {_GROUP})"
            )
    for other in folder.parent.glob("known-*"):
        if other not in {folder, known_directory(stores, last)}:
            shutil.rmtree(other, ignore_errors=True)
