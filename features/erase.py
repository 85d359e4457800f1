"""A customer's rows removed from the files of the feature store, one function for each place.

Each file is replaced as a whole. Nothing else may write these files meanwhile; see `core.jobs`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

from core.settings import Settings, StoreSettings, workspace_folders
from core.sql import count, engine, quoted, relation, write_table
from core.stamps import fingerprint, read_stamp, write_stamp
from features.contract.assigned import assigned_directory
from features.contract.erased import Erased
from features.contract.tables import CUSTOMER_TABLES, contract_directory, table_path
from features.engine.build import features_directory
from features.ingest.quarantine import quarantine_path
from features.ingest.segments import segments_directory
from features.store.materialized import GROUP, materialized_directory

#: What takes the place of a quarantined line that names an erased customer.
REDACTED = "(erased)"


def erase_contract_rows(settings: Settings, customer_id: str) -> int:
    """Remove rows of the contract tables; features and models count as made from other data afterwards."""
    stores = settings[StoreSettings]
    files = [table_path(stores, name) for name in CUSTOMER_TABLES]
    directory = contract_directory(stores)
    with engine(settings) as con:
        if any(_rows(con, file, customer_id) for file in files if file.is_file()):
            # before the rows are gone, so that an interruption leaves no model that counts as made from what is there
            stamp = read_stamp(directory)
            changed = fingerprint(stamp["fingerprint"], Erased(stores).version())
            write_stamp(directory, stamp | {"fingerprint": changed})
    return erase_rows(settings, files, customer_id)


def erase_segment_rows(settings: Settings, customer_id: str) -> int:
    """Remove rows that were read from exports and kept."""
    return erase_rows(settings, segments_directory(settings[StoreSettings]).glob("*.parquet"), customer_id)


def erase_feature_rows(settings: Settings, customer_id: str) -> int:
    """Remove rows of all feature views, those of workspaces too, which run as jobs of the folder that they share."""
    stores = settings[StoreSettings]
    folders = [stores.data, *workspace_folders(stores)]
    files = [
        file
        for folder in folders
        for file in features_directory(stores.model_copy(update={"data": folder})).rglob("*.parquet")
    ]
    return erase_rows(settings, files, customer_id)


def erase_materialized_rows(settings: Settings, customer_id: str) -> int:
    """Remove the contract rows that the online store was filled from."""
    return erase_rows(settings, materialized_directory(settings[StoreSettings]).glob("*/*.parquet"), customer_id)


def is_stored(settings: Settings, customer_id: str) -> bool:
    """Return whether exports or campaigns have rows of a customer, or lines that were quarantined name them."""
    stores = settings[StoreSettings]
    files = [table_path(stores, name) for name in CUSTOMER_TABLES]
    files += [*segments_directory(stores).glob("*.parquet"), *assigned_directory(stores).glob("*.parquet")]
    named = f"contains(lower(text), {quoted(customer_id.lower())}) AND {_named(customer_id)}"
    with engine(settings) as con:
        if any(_rows(con, file, customer_id) for file in files if file.is_file()):
            return True
        lines = quarantine_path(stores)
        return lines.is_file() and count(con, f"SELECT count(*) FROM {relation(lines)} WHERE {named}") > 0


def erase_quarantined_text(settings: Settings, customer_id: str) -> int:
    """Blank the quarantined lines that name a customer; the lines stay countable, with their file and rule.

    A line names a customer if the id is in it as a whole, in upper or lower case. Returns how many lines did.
    """
    stores = settings[StoreSettings]
    files = [quarantine_path(stores), *segments_directory(stores).glob("*-quarantine.parquet")]
    named = _named(customer_id)
    lines: dict[Path, int] = {}
    with engine(settings) as con:
        for file in (file for file in files if file.is_file()):
            lines[file] = count(con, f"SELECT count(*) FROM {relation(file)} WHERE {named}")
            if lines[file]:
                text = f"CASE WHEN {named} THEN {quoted(REDACTED)} ELSE text END AS text"
                write_table(con, f"SELECT * REPLACE ({text}) FROM {relation(file)}", file, GROUP)
    # the table is the segments' lines once more
    return max(lines.get(files[0], 0), sum(lines.get(file, 0) for file in files[1:]))


def erase_rows(settings: Settings, files: Iterable[Path], customer_id: str) -> int:
    """Remove a customer's rows from Parquet files; those without a column `customer_id` stay as they are.

    Returns
    -------
    The number of rows.
    """
    removed = 0
    with engine(settings) as con:
        for file in sorted(file for file in files if file.is_file()):
            rows = _rows(con, file, customer_id)
            if rows:
                others = f"SELECT * FROM {relation(file)} WHERE customer_id <> {quoted(customer_id)}"
                write_table(con, others, file, GROUP)
                removed += rows
    return removed


def _named(customer_id: str) -> str:
    """Return the condition that a line, in the column `text`, has an id in it as a whole."""
    # part of a number or a date is no id: 12 is neither in 12.50 nor in 2018-01-12
    before, after = r"(^|[^\pL\pN_.:\-]|(^|[^\pL\pN])[.:\-])", r"($|[^\pL\pN_.:\-]|[.:\-]($|[^\pL\pN]))"
    return f"regexp_matches(text, {quoted(f'(?i){before}{re.escape(customer_id)}{after}')})"


def _rows(con: duckdb.DuckDBPyConnection, file: Path, customer_id: str) -> int:
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {relation(file)}").fetchall()]
    if "customer_id" not in columns:
        return 0
    return count(con, f"SELECT count(*) FROM {relation(file)} WHERE customer_id = {quoted(customer_id)}")
