"""A customer's rows removed from all files that hold them."""

from pathlib import Path

import duckdb

from core.settings import Settings, StoreSettings
from core.sql import copy, count, engine, quoted, relation
from core.state import fingerprint, read_stamp, write_stamp
from features.contract.tables import CUSTOMER_TABLES, contract_directory, table_path
from features.engine.build import features_directory
from features.ingest.erased import Erased
from features.ingest.segments import segments_directory
from features.store.materialized import GROUP, materialized_directory


def forget(settings: Settings, customer_id: str) -> dict[str, int]:
    """Remove a customer's rows from what was ingested, and from what was computed of it. Returns rows by place.

    Each file is written aside and renamed. Features and models count as made from other data afterwards.
    """
    stores = settings[StoreSettings]
    places = {
        "contract tables": [table_path(stores, name) for name in CUSTOMER_TABLES],
        "segments": sorted(segments_directory(stores).glob("*.parquet")),
        "histories beside the online store": sorted(materialized_directory(stores).glob("known-*/*.parquet")),
        "features": sorted(features_directory(stores).glob("*.parquet")),
    }
    rows: dict[str, int] = {}
    with engine(settings) as con:
        for place, files in places.items():
            found = {file: _rows(con, file, customer_id) for file in files if file.is_file()}
            rows[place] = sum(found.values())
            # before the rows are gone, so that whoever is interrupted here leaves no model that counts as made of them
            if place == "contract tables" and rows[place]:
                directory = contract_directory(stores)
                stamp = read_stamp(directory)
                told = fingerprint(stamp["fingerprint"], Erased(stores).version())
                write_stamp(directory, stamp | {"fingerprint": told})
            for file in [file for file, count in found.items() if count]:
                aside = file.with_name(f".{file.name}")
                kept = f"SELECT * FROM {relation(file)} WHERE customer_id <> {quoted(customer_id)}"
                con.execute(copy(kept, aside, GROUP))
                aside.replace(file)
    return rows


def _rows(con: duckdb.DuckDBPyConnection, file: Path, customer_id: str) -> int:
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {relation(file)}").fetchall()]
    if "customer_id" not in columns:
        return 0
    return count(con, f"SELECT count(*) FROM {relation(file)} WHERE customer_id = {quoted(customer_id)}")
