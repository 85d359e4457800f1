"""Searching customers by what is on file about them: the attributes of the table of customers."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StoreError
from core.settings import Settings, StoreSettings
from core.sql import engine, identifier, relation
from features.contract.tables import table_path

_REMEDY = "Try again; if it stays, ingest the data once more."


def attributes(settings: Settings) -> Sequence[str]:
    """Return the names of the attributes that are texts, in the order of the table; none where there is no table.

    Raises
    ------
    StoreError
        If the table cannot be read.
    """
    path = table_path(settings[StoreSettings], "customers")
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        return []
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"The table of customers cannot be read: {error}.", _REMEDY) from error
    return [one.name for one in schema if pa.types.is_string(one.type) and one.name != "customer_id"]


def having(settings: Settings, text: str, among: Sequence[str]) -> Sequence[str]:
    """Return the customers who have a text in an attribute, in capital letters or not; there may be erased ones.

    The table is read at each call: of 100,000 customers with ten attributes that takes less time than a page may.

    Parameters
    ----------
    among
        The attributes to look at, of those that `attributes` returns.

    Raises
    ------
    StoreError
        If the table cannot be read.
    """
    if not among:
        return []
    people = relation(table_path(settings[StoreSettings], "customers"))
    found = " OR ".join(f"contains(lower({identifier(name)}), lower($text))" for name in among)
    try:
        with engine(settings) as con:
            rows = con.execute(f"SELECT customer_id FROM {people} WHERE {found}", {"text": text}).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"The table of customers cannot be read: {error}.", _REMEDY) from error
    return [row[0] for row in rows]
