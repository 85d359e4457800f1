"""Customers who asked to be forgotten: their rows in exports are not taken in again."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from core.files import write_file
from core.locks import locked
from core.settings import StoreSettings
from core.sql import quoted
from core.stamps import fingerprint
from features.contract.tables import CONTRACT, TableName

#: The key of the hashes of open erasures.
_OPEN = "open"


class Erased:
    """Hashes of erased customers' ids, with the moment; who they were cannot be read from it.

    An erasure is open as long as files may still have rows of the customer.
    """

    def __init__(self, stores: StoreSettings) -> None:
        self.path = stores.data / "erased.json"

    def read(self) -> dict[str, str]:
        """Return the moment of erasure by SHA-256 of the id."""
        moments = self._content()
        moments.pop(_OPEN, None)
        return moments

    def open(self) -> frozenset[str]:
        """Return the hashes of open erasures."""
        return frozenset(self._content().get(_OPEN, []))

    def open_among(self, customers: Iterable[str]) -> list[str]:
        """Return those of some customers whose erasure is open."""
        hashes = self.open()
        return [one for one in customers if _digest(one) in hashes] if hashes else []

    @staticmethod
    def added_among(customers: Iterable[str], before: dict[str, str], now: dict[str, str]) -> set[str]:
        """Return those of some customers who were erased between two calls of `read`, whose results are given."""
        added = {digest for digest, moment in now.items() if before.get(digest) != moment}
        return {one for one in customers if _digest(one) in added} if added else set()

    def add(self, customer_id: str, moment: datetime) -> None:
        """Add a customer, whose erasure is open; their events from the moment on are taken in again."""
        digest = _digest(customer_id)
        with self._changing() as content:
            content[digest] = moment.isoformat()
            content[_OPEN] = sorted({*content.get(_OPEN, []), digest})

    def close(self, customer_id: str) -> None:
        """Note that no file has rows of a customer any more from before the erasure."""
        with self._changing() as content:
            content[_OPEN] = sorted({*content.get(_OPEN, [])} - {_digest(customer_id)})

    def version(self) -> str:
        """Return a text that changes when a customer is added."""
        return fingerprint(self.read())

    def without(self, table: TableName, source: str) -> str:
        """Return a relation for the rows of a contract table that may be taken in from exports.

        For erased customers these are the rows of later events; their rows in tables without moments are left out.

        Parameters
        ----------
        table
            One whose rows belong to a customer.
        """
        erased = self.read()
        if not erased:
            return source
        happened = CONTRACT[table].happened
        rows = ", ".join(f"({quoted(digest)}, TIMESTAMPTZ {quoted(moment)})" for digest, moment in erased.items())
        condition = f" AND {happened} < moment" if happened else ""
        return (
            f"(SELECT * FROM {source} AS taken WHERE NOT EXISTS "
            f"(SELECT 1 FROM (VALUES {rows}) AS gone (digest, moment) "
            f"WHERE digest = sha256(taken.customer_id){condition}))"
        )

    def _content(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return content

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with locked(self.path.with_suffix(".lock")):
            content = self._content()
            yield content
            write_file(self.path, json.dumps(content, indent=1).encode())


def is_open(column: str, hashes: Iterable[str]) -> str:
    """Return the SQL condition that a customer's erasure is open; false where there is none."""
    listed = ", ".join(quoted(digest) for digest in hashes)
    return f"sha256({column}) IN ({listed})" if listed else "false"


def _digest(customer_id: str) -> str:
    return hashlib.sha256(customer_id.encode()).hexdigest()
