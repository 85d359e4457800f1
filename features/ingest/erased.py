"""Customers who asked to be forgotten: what exports still say of them is not taken in again."""

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

        Parameters
        ----------
        table
            One whose rows are of a customer.
        """
        erased = self.read()
        if not erased:
            return source
        happened = None if table == "customers" else CONTRACT[table].happened
        rows = ", ".join(f"({quoted(digest)}, TIMESTAMPTZ {quoted(moment)})" for digest, moment in erased.items())
        condition = f" AND {happened} < moment" if happened else ""
        return (
            f"(SELECT * FROM {source} AS taken WHERE NOT EXISTS "
            f"(SELECT 1 FROM (VALUES {rows}) AS gone (digest, moment) "
            f"WHERE digest = sha256(taken.customer_id){condition}))"
        )
