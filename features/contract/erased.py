"""Customers who asked to be forgotten: their rows in exports are not taken in again."""

import hashlib
import json
from datetime import datetime

from core.files import write_file
from core.settings import StoreSettings
from core.sql import quoted
from core.stamps import fingerprint
from features.contract.tables import CONTRACT, TableName


class Erased:
    """Hashes of erased customers' ids, with the moment; who they were cannot be read from it."""

    def __init__(self, stores: StoreSettings) -> None:
        self.path = stores.data / "erased.json"

    def read(self) -> dict[str, str]:
        """Return the moment of erasure by SHA-256 of the id."""
        try:
            moments: dict[str, str] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return moments

    def add(self, customer_id: str, moment: datetime) -> None:
        """Add a customer; their events from the moment on are taken in again."""
        digest = hashlib.sha256(customer_id.encode()).hexdigest()
        write_file(self.path, json.dumps(self.read() | {digest: moment.isoformat()}, indent=1).encode())

    def version(self) -> str:
        """Return a text that changes when a customer is added."""
        return fingerprint(self.read())

    def without(self, table: TableName, source: str) -> str:
        """Return a relation for the rows of a contract table that may be taken in; see `without_rows`."""
        erased = self.read()
        if not erased:
            return source
        rows = ", ".join(f"({quoted(digest)}, TIMESTAMPTZ {quoted(moment)})" for digest, moment in erased.items())
        return without_rows(table, source, f"(VALUES {rows})")


def without_rows(table: TableName, source: str, erased: str) -> str:
    """Return a relation for the rows of a contract table that are not those of an erased customer.

    Rows of events after the erasure stay, but for tables whose rows have no moments.

    Parameters
    ----------
    table
        One whose rows belong to a customer.
    erased
        A relation whose two columns are the SHA-256 of an id, and the moment of the erasure.
    """
    happened = None if CONTRACT[table].created is None else CONTRACT[table].happened
    condition = f" AND {happened} < moment" if happened else ""
    return (
        f"(SELECT * FROM {source} AS taken WHERE NOT EXISTS "
        f"(SELECT 1 FROM {erased} AS gone (digest, moment) WHERE digest = sha256(taken.customer_id){condition}))"
    )
