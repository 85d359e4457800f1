"""The right to be forgotten: everything that is stored about a customer, removed, with a receipt.

What answers are made of is removed at once. The rest, which are files of all customers, is removed in the background
when no job uses them; a receipt says how far that is. An erasure that has begun is kept in a file, so that it is
completed even if the process ends.
"""

import hashlib
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, Field

from core.errors import DataError, EncoreError, without_folders
from core.files import write_file
from core.jobs import job
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.contract.ids import canonical_id
from features.store.materialized import updating
from serving.access.audit import AuditLog
from serving.privacy.stores import STORES, Erasure, PersonalStore, is_known
from serving.scoring.reloader import ModelReloader, NotReadyError
from serving.scoring.score_table import ScoreTable
from serving.scoring.service import UnknownCustomerError

#: Seconds between two looks for erasures that another process has begun, and for the end of a job.
_LOOK, _SOON = 5.0, 0.2
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
    erased_at: datetime | None = Field(description="When it was done")
    removed: list[Removed]
    remains: list[str] = Field(description="What still holds something of the customer, and until when")


class UnknownErasureError(DataError):
    """No erasure has this id."""

    def __init__(self, erasure_id: str) -> None:
        super().__init__(f"No erasure {erasure_id!r} is known.", "Take `erasure_id` of the answer to the deletion.")


class _Record(BaseModel):
    """An erasure as its file holds it; the customer's id is in it as long as it is needed."""

    customer_id: str | None
    receipt: Receipt


class Erasures:
    """Erases customers from every store of `serving.privacy.stores.STORES`. Safe for threads and processes.

    Parameters
    ----------
    clock
        The wall clock.
    """

    def __init__(
        self,
        settings: Settings,
        reloader: ModelReloader,
        table: ScoreTable,
        audit: AuditLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._stores = settings[StoreSettings]
        self._directory = (self._stores.data / "erasures").resolve()
        self._reloader, self._table, self._audit = reloader, table, audit
        self._clock = clock
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, customer_id: str) -> Receipt:
        """Remove what answers about a customer are made of, and see to the rest.

        Once more answers the same.

        Raises
        ------
        UnknownCustomerError
            If nothing is stored about the customer, now or before an erasure; names an id like it that is known.
        StoreError
            If the stores cannot be asked; nothing was begun then.
        """
        erasure = self._erasure(customer_id)
        erasure_id = hashlib.sha256(customer_id.encode()).hexdigest()[:32]
        before = self._read(self._file(erasure_id))
        if before is not None and before.customer_id is not None:
            return before.receipt
        if not is_known(erasure):
            if before is not None:
                return before.receipt
            raise self._unknown(customer_id)
        now = self._clock()
        receipt = Receipt(
            erasure_id=erasure_id,
            status="running",
            began_at=now,
            erased_at=None,
            removed=[],
            remains=[one.remains for one in STORES if isinstance(one.remains, str)],
        )
        record = _Record(customer_id=customer_id, receipt=receipt)
        self._write(record)  # from here on it will be done, whatever happens to this process
        try:
            # first, so that nothing of the customer is taken in or computed again
            Erased(self._stores).add(customer_id, now)
            with updating(self._stores):
                for store in (one for one in STORES if one.complete is not None):
                    self._count(record, store, store.erase, erasure)
        except EncoreError as error:
            receipt.waits_for = without_folders(error.problem)
        self._write(record)
        self._wake.set()
        return receipt

    def receipt(self, erasure_id: str) -> Receipt:
        """Return how far an erasure is.

        Raises
        ------
        UnknownErasureError
            If there is none with this id.
        """
        record = self._read(self._file(erasure_id)) if erasure_id.isalnum() else None
        if record is None:
            raise UnknownErasureError(erasure_id)
        return record.receipt

    def start(self) -> None:
        """Complete erasures in a thread, those of a process that has ended too."""
        self._thread = threading.Thread(target=self._watch, name="encore-erase", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Complete the step that is being done, and no further one."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def complete(self) -> None:
        """Complete all erasures that have begun, as far as no job uses the files."""
        for record in self._begun():
            try:
                with job(self._stores, "an erasure", alone=True) as unfinished:
                    done = self._complete(record, unfinished)
                if done is not None:
                    self._reloader.intake.catch_up()  # with the events of a customer who has come back since
                    self._finish(done)
            except (EncoreError, NotReadyError) as error:
                problem = error.problem if isinstance(error, EncoreError) else str(error)
                record.receipt.waits_for = without_folders(problem)
                self._write(record)

    def _complete(self, begun: _Record, unfinished: int) -> _Record | None:
        """Remove the customer from all stores; None where the process ends, or another one has done it meanwhile."""
        record = self._read(self._file(begun.receipt.erasure_id))
        if record is None or record.customer_id is None:
            return None
        erasure = replace(self._erasure(record.customer_id), unfinished=unfinished)
        # all of them, since a job may have written again what was removed when this began
        for store in STORES:
            if self._stop.is_set():
                return None
            self._count(record, store, (store.complete or store.erase), erasure)
            self._write(record)
        return record

    def _finish(self, record: _Record) -> None:
        """Write the receipt; without the lock of jobs, as a server may take its time."""
        erasure = self._erasure(str(record.customer_id))
        record.receipt.remains = [left for one in STORES if (left := one.left(erasure)) is not None]
        record.customer_id = None
        record.receipt.status, record.receipt.waits_for = "done", None
        record.receipt.erased_at = self._clock()
        self._write(record)

    @staticmethod
    def _count(
        record: _Record, store: PersonalStore, removing: Callable[[Erasure], int] | None, erasure: Erasure
    ) -> None:
        """Remove a customer from a store, and add to the receipt what was removed."""
        if removing is None:
            return
        counts = {one.place: one.count for one in record.receipt.removed}
        counts[store.name] = counts.get(store.name, 0) + removing(erasure)
        order = [one.name for one in STORES if one.name in counts]
        record.receipt.removed = [Removed(place=place, count=counts[place]) for place in order]

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.complete()
                self._wake.wait(_SOON if self._begun() else _LOOK)
            except Exception as error:  # the next look may find what is lacking now
                _log.exception("not_erased", exc_info=error)
                self._stop.wait(_LOOK)
            self._wake.clear()

    def _erasure(self, customer_id: str) -> Erasure:
        return Erasure(
            settings=self._settings,
            customer_id=customer_id,
            events=self._reloader.intake.log,
            online=self._reloader.store.online,
            scores=self._table,
            audit=self._audit,
        )

    def _unknown(self, customer_id: str) -> UnknownCustomerError:
        similar = [one for one in _similar(customer_id) if is_known(self._erasure(one))]
        meant = f"Did you mean {similar[0]!r}? " if similar else ""
        return UnknownCustomerError(customer_id, f"Nothing was erased. {meant}Check the id.")

    def _file(self, erasure_id: str) -> Path:
        return self._directory / f"{erasure_id}.json"

    def _read(self, file: Path) -> _Record | None:
        try:
            return _Record.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None

    def _write(self, record: _Record) -> None:
        write_file(self._file(record.receipt.erasure_id), record.model_dump_json(indent=1).encode(), 0o600)

    def _begun(self) -> list[_Record]:
        """Return the erasures that are not done, those that began first before others."""
        records = [record for file in self._directory.glob("*.json") if (record := self._read(file)) is not None]
        begun = [record for record in records if record.customer_id is not None]
        return sorted(begun, key=lambda record: record.receipt.began_at)


def _similar(customer_id: str) -> list[str]:
    """Return other ways to write an id, the nearest first: without what an address adds, or in other letters."""
    plain = unicodedata.normalize("NFKC", customer_id)
    forms = [
        *(customer_id.strip("/"), customer_id.split("/", maxsplit=1)[0], customer_id.strip(".,;:/\"'()[]{}<> ")),
        *(plain, plain.upper(), plain.lower(), plain.lstrip("0")),
    ]
    return [form for form in dict.fromkeys(map(canonical_id, forms)) if form and form != customer_id]
