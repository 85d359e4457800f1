"""Erasures as they are kept: a file each, with the receipt, and with the customer's id as long as it is needed."""

import hashlib
import re
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal

import structlog
from pydantic import BaseModel, Field, ValidationError

from core.errors import DataError
from core.files import write_file
from core.locks import locked
from core.settings import StoreSettings
from serving.privacy.stores import STORES

_ID = re.compile(r"[0-9a-f]{32}")
_log = structlog.get_logger(__name__)


class Removed(BaseModel):
    """What was removed from one place."""

    place: str = Field(examples=["event log"])
    count: int = Field(description="Rows, events, entries, lines or files", examples=[12])


class Receipt(BaseModel):
    """What was removed where, and what remains."""

    erasure_id: str = Field(description="Asks for this receipt again")
    status: Literal["running", "done"] = Field(
        description="`running`: no answer is made of anything about the customer any more; files that hold the "
        "customer among others are still to be rewritten"
    )
    waits_for: str | None = Field(None, description="What keeps it from being done, where anything does")
    began_at: datetime
    erased_at: datetime | None = Field(None, description="When it was done")
    removed: list[Removed] = Field(default_factory=list)
    remains: list[str] = Field(description="What still holds something of the customer, and until when")


class UnknownErasureError(DataError):
    """No erasure has this id."""

    def __init__(self, erasure_id: str) -> None:
        super().__init__(f"No erasure {erasure_id!r} is known.", "Take `erasure_id` of the answer to the deletion.")


class Record(BaseModel):
    """An erasure.

    Attributes
    ----------
    customer_id
        None once it is done.
    step
        The last one that is done: it has begun, no answer is made of the customer, all files are rewritten.
    """

    customer_id: str | None
    step: Literal["begun", "withdrawn", "rewritten"] = "begun"
    receipt: Receipt

    def add(self, place: str, count: int) -> None:
        """Add to the receipt what was removed from a store."""
        counts = {one.place: one.count for one in self.receipt.removed}
        counts[place] = counts.get(place, 0) + count
        order = [one.name for one in STORES if one.name in counts]
        self.receipt.removed = [Removed(place=name, count=counts[name]) for name in order]


class Records:
    """The erasures of a data folder."""

    def __init__(self, stores: StoreSettings) -> None:
        self._directory = (stores.data / "erasures").resolve()

    def held(self, erasure_id: str) -> AbstractContextManager[None]:
        """Keep other threads and processes from changing an erasure."""
        return locked(self._directory / f"{erasure_id}.lock")

    def read(self, erasure_id: str) -> Record | None:
        """Return an erasure; None where there is none with this id, or its file is broken, which is logged."""
        if not _ID.fullmatch(erasure_id):
            return None
        try:
            return Record.model_validate_json((self._directory / f"{erasure_id}.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            _log.error("erasure_not_read", erasure=erasure_id)
            return None

    def write(self, record: Record) -> None:
        """Keep an erasure as it is now."""
        content = record.model_dump_json(indent=1).encode()
        write_file(self._directory / f"{record.receipt.erasure_id}.json", content, 0o600)

    def begun(self) -> list[Record]:
        """Return the erasures that are not done, those that began first before others."""
        ids = [file.stem for file in self._directory.glob("*.json")]
        begun = [record for one in ids if (record := self.read(one)) is not None and record.customer_id is not None]
        return sorted(begun, key=lambda record: record.receipt.began_at)


def erasure_id_of(customer_id: str) -> str:
    """Return the id of a customer's erasure, a hash, so that to erase the customer again finds it."""
    return hashlib.sha256(customer_id.encode()).hexdigest()[:32]
