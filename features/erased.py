"""Customers who asked to be forgotten: what exports still say of them is not taken in again."""

import hashlib
import json
from datetime import datetime
from pathlib import Path

import duckdb

from features.config import StoreSettings, TableName
from features.contract import CONTRACT, contract_directory, table_path
from features.ingest.segments import segments_directory
from features.live.known import TABLES, materialized_directory
from features.sql import quoted, relation
from features.state import fingerprint, read_stamp, write_file, write_stamp


class Erased:
    """Hashes of erased customers' ids, with the moment; who they were cannot be read from it."""

    def __init__(self, stores: StoreSettings) -> None:
        self.path = stores.data / "erased.json"

    def read(self) -> dict[str, str]:
        """Return the moment of erasure by SHA-256 of the id."""
        try:
            found: dict[str, str] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return found

    def add(self, customer_id: str, moment: datetime) -> None:
        """Add a customer; what happens to them from the moment on is taken in again."""
        digest = hashlib.sha256(customer_id.encode()).hexdigest()
        write_file(self.path, json.dumps(self.read() | {digest: moment.isoformat()}, indent=1).encode())

    def version(self) -> str:
        """Return what changes when somebody is added."""
        return fingerprint(self.read())

    def without(self, table: TableName, source: str) -> str:
        """Return a relation for the rows of a contract table that may be taken in.

        Of erased customers those are that happened since; what stands for a customer as such is not.
        """
        erased = self.read()
        if not erased or table not in TABLES:
            return source
        happened = None if table == "customers" else CONTRACT[table].happened
        rows = ", ".join(f"({quoted(digest)}, TIMESTAMPTZ {quoted(moment)})" for digest, moment in erased.items())
        condition = f" AND {happened} < moment" if happened else ""
        return (
            f"(SELECT * FROM {source} AS taken WHERE NOT EXISTS "
            f"(SELECT 1 FROM (VALUES {rows}) AS gone (digest, moment) "
            f"WHERE digest = sha256(taken.customer_id){condition}))"
        )


def erase_files(stores: StoreSettings, customer_id: str) -> dict[str, int]:
    """Remove a customer's rows from what was ingested, and from what was computed of it. Returns rows by place.

    Each file is written aside and renamed. Features and models count as made from other data afterwards.
    """
    data = stores.data
    tables = [table_path(stores, name) for name in TABLES]
    segments = sorted(segments_directory(stores).glob("*.parquet"))
    known = sorted(materialized_directory(stores).glob("known-*/*.parquet"))
    features = sorted((data / "features").glob("*.parquet"))
    removed = {}
    with duckdb.connect() as con:
        for place, files in (
            ("contract tables", tables),
            ("segments", segments),
            ("histories beside the online store", known),
            ("features", features),
        ):
            removed[place] = sum(_without(con, file, customer_id) for file in files if file.is_file())
    if removed["contract tables"]:
        directory = contract_directory(stores)
        stamp = read_stamp(directory)
        write_stamp(directory, stamp | {"fingerprint": fingerprint(stamp["fingerprint"], Erased(stores).version())})
    return removed


def _without(con: duckdb.DuckDBPyConnection, file: Path, customer_id: str) -> int:
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {relation(file)}").fetchall()]
    if "customer_id" not in columns:
        return 0
    (rows,) = con.execute(f"SELECT count(*) FROM {relation(file)} WHERE customer_id = ?", [customer_id]).fetchall()[0]
    if rows:
        aside = file.with_name(f".{file.name}")
        con.execute(
            f"COPY (SELECT * FROM {relation(file)} WHERE customer_id <> {quoted(customer_id)}) "
            f"TO {quoted(str(aside))} (FORMAT parquet, ROW_GROUP_SIZE 20480)"
        )
        aside.replace(file)
    return int(rows)
