"""The right to be forgotten: everything that is stored about a customer, removed, with a receipt.

What answers are made of is removed at once. The rest, which are files of all customers, is removed in the background
when no job uses them; a receipt says how far that is. An erasure that has begun is kept in a file, so that it is
completed even if the process ends.
"""

import threading
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from core.errors import EncoreError, StoreError, without_folders
from core.jobs import job
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.contract.ids import canonical_id
from features.store.materialized import updating
from serving.access.audit import AuditLog
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.store import CampaignStore
from serving.privacy.receipts import Receipt, Record, Records, UnknownErasureError, erasure_id_of
from serving.privacy.stores import STORES, Erasure, is_known
from serving.scoring.reloader import ModelReloader, NotReadyError
from serving.scoring.service import ScoringService, UnknownCustomerError
from serving.segments.store import SegmentStore

#: Seconds between two looks for erasures that another process has begun, or that could not be completed.
_LOOK = 5.0
#: Seconds that a stop waits for a step; one that waits for a job ends with the process.
_PATIENCE = 5.0
_log = structlog.get_logger(__name__)


class Erasures:
    """Erases customers from every store of `serving.privacy.stores.STORES`. Safe for threads and processes.

    Locks are taken in this order: jobs, an erasure, updates of features.

    Parameters
    ----------
    clock
        The wall clock.
    """

    def __init__(
        self,
        settings: Settings,
        reloader: ModelReloader,
        service: ScoringService,
        audit: AuditLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._stores = settings[StoreSettings]
        self._records = Records(self._stores)
        self._reloader, self._service, self._audit = reloader, service, audit
        self._segments = SegmentStore(self._stores)
        self._campaigns = CampaignStore(CampaignDatabase(self._stores))
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
            If a store does not answer. An erasure that has begun by then is completed when it answers.
        """
        erasure_id = erasure_id_of(customer_id)
        record = self._records.read(erasure_id)
        if (record is None or record.customer_id is None) and not is_known(self._erasure(customer_id)):
            if record is not None:
                return record.receipt
            raise self._unknown(customer_id)
        with self._records.held(erasure_id):
            record = self._records.read(erasure_id)
            if record is None or record.customer_id is None:
                record = self._new(customer_id)
                self._records.write(record)  # from here on it will be done, whatever happens to this process
            try:
                self._withdraw(record)
            except EncoreError as error:
                raise StoreError(
                    f"The erasure has begun and is not done: {error.problem}", "It continues when the store answers."
                ) from error
            finally:
                self._wake.set()
        return record.receipt

    def receipt(self, erasure_id: str) -> Receipt:
        """Return how far an erasure is.

        Raises
        ------
        UnknownErasureError
            If there is none with this id.
        """
        record = self._records.read(erasure_id)
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
            self._thread.join(_PATIENCE)

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                for record in self._records.begun():
                    self._complete(record.receipt.erasure_id)
            except Exception as error:  # the next look may find what is lacking now
                _log.exception("erasures_not_read", exc_info=error)
            self._wake.wait(_LOOK)

    def _complete(self, erasure_id: str) -> None:
        """Complete an erasure, or note what keeps it from being completed."""
        try:
            with self._records.held(erasure_id):
                record = self._records.read(erasure_id)
                if record is None or record.customer_id is None:
                    return
                self._withdraw(record)

            def waiting(others: str) -> None:
                self._note(erasure_id, f"The data folder is in use by {others}.")

            with job(self._stores, "an erasure", alone=True, waiting=waiting) as unfinished:
                self._rewrite(erasure_id, unfinished)
            if not self._stop.is_set():
                self._reloader.update_features()  # with the events of a customer who has come back since
                self._finish(erasure_id)
        except Exception as error:
            _log.exception("not_erased", exc_info=error, erasure=erasure_id)
            self._note(erasure_id, _reason(error))

    def _withdraw(self, record: Record) -> None:
        """Remove what answers are made of, if that is not done: from every store that answers.

        Raises
        ------
        EncoreError
            If a store does not.
        """
        if record.step != "begun":
            return
        customer = str(record.customer_id)
        erasure, errors = self._erasure(customer), []
        # first, so that nothing of the customer is taken in or computed again
        Erased(self._stores).add(customer, record.receipt.began_at)
        with updating(self._stores):
            for store in STORES:
                if store.complete is not None and store.erase is not None:
                    try:
                        record.add(store.name, store.erase(erasure))
                        self._records.write(record)
                    except EncoreError as error:
                        errors.append(error)
        record.step = "begun" if errors else "withdrawn"
        record.receipt.waits_for = without_folders(errors[0].problem) if errors else None
        self._records.write(record)
        if errors:
            raise errors[0]

    def _rewrite(self, erasure_id: str, unfinished: int) -> None:
        """Remove the customer from the files of all customers; nothing else may use them."""
        with self._records.held(erasure_id):
            record = self._records.read(erasure_id)
            if record is None or record.customer_id is None or record.step == "rewritten":
                return  # another process has done it meanwhile
            erasure = replace(self._erasure(record.customer_id), unfinished=unfinished)
            for store in STORES:
                removing = store.complete or store.erase
                if self._stop.is_set():
                    return
                if removing is not None:
                    record.add(store.name, removing(erasure))
                    self._records.write(record)
            Erased(self._stores).close(record.customer_id)
            record.step = "rewritten"
            self._records.write(record)

    def _finish(self, erasure_id: str) -> None:
        """Write the receipt; without the lock of jobs, as a server may take its time."""
        with self._records.held(erasure_id):
            record = self._records.read(erasure_id)
            if record is None or record.customer_id is None or record.step != "rewritten":
                return
            erasure = self._erasure(record.customer_id)
            record.receipt.remains = [left for one in STORES if (left := one.left(erasure)) is not None]
            record.customer_id = None
            record.receipt.status, record.receipt.waits_for = "done", None
            record.receipt.erased_at = self._clock()
            self._records.write(record)

    def _note(self, erasure_id: str, waits_for: str) -> None:
        """Write into the receipt what keeps an erasure from being done."""
        with self._records.held(erasure_id):
            record = self._records.read(erasure_id)
            if record is not None and record.customer_id is not None:
                record.receipt.waits_for = without_folders(waits_for)
                self._records.write(record)

    def _new(self, customer_id: str) -> Record:
        receipt = Receipt(
            erasure_id=erasure_id_of(customer_id),
            status="running",
            began_at=self._clock(),
            remains=[one.remains for one in STORES if isinstance(one.remains, str)],
        )
        return Record(customer_id=customer_id, receipt=receipt)

    def _erasure(self, customer_id: str) -> Erasure:
        return Erasure(
            settings=self._settings,
            customer_id=customer_id,
            events=self._reloader.intake.log,
            online=self._reloader.store.online,
            scores=self._service.table,
            segments=self._segments,
            campaigns=self._campaigns,
            answers=self._service.answers,
            audit=self._audit,
        )

    def _unknown(self, customer_id: str) -> UnknownCustomerError:
        similar = [one for one in _similar(customer_id) if is_known(self._erasure(one))]
        meant = f"Did you mean {similar[0]!r}? " if similar else ""
        return UnknownCustomerError(customer_id, f"Nothing was erased. {meant}Check the id.")


def _reason(error: Exception) -> str:
    """Say what keeps an erasure from being done; the text of an unknown error may name the customer."""
    if isinstance(error, NotReadyError):
        return str(error)
    return error.problem if isinstance(error, EncoreError) else type(error).__name__


def _similar(customer_id: str) -> list[str]:
    """Return other ways to write an id, the nearest first: without what an address adds, or in other letters."""
    plain = unicodedata.normalize("NFKC", customer_id)
    forms = [
        *(customer_id.strip("/"), customer_id.split("/", maxsplit=1)[0], customer_id.strip(".,;:/\"'()[]{}<> ")),
        *(plain, plain.upper(), plain.lower(), plain.lstrip("0")),
    ]
    return [form for form in dict.fromkeys(map(canonical_id, forms)) if form and form != customer_id]
