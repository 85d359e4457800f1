"""What the online store holds, and the contract rows that it was filled from."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import StateError
from core.files import replacing
from core.locks import locked
from core.settings import Settings, StoreSettings
from core.sql import copy, engine, relation
from core.stamps import read_stamp
from features.contract.erased import Erased, is_open
from features.contract.tables import CUSTOMER_TABLES, FEATURE_TABLES, table_path
from features.engine.build import feature_definition

#: Rows that a reader skips or reads as one.
GROUP = 8_192


@dataclass(frozen=True)
class Online:
    """What the online store holds.

    Attributes
    ----------
    fingerprint
        Of the materialisation.
    as_of
        The moment its rows are for.
    sells
        Whether the data have order lines.
    kinds
        Of interactions in the contract tables.
    events
        Place of the last event that was in them.
    definition
        How its features were computed, as `features.engine.build.feature_definition` names it.
    last_event
        The moment of the newest event that they were made of; None if another version of Encore did not write it.
    """

    fingerprint: str
    as_of: datetime
    sells: bool
    kinds: frozenset[str]
    events: int
    definition: str
    last_event: datetime | None = None

    def is_outdated(self, settings: Settings) -> bool:
        """Return whether this process would compute other features of the same rows."""
        return self.definition != feature_definition(settings)

    def data_age(self, moment: datetime) -> timedelta | None:
        """Return the time from the newest event to a moment; None if it is not known."""
        return None if self.last_event is None else max(moment - self.last_event, timedelta())


class OutdatedFeaturesError(StateError):
    """Features that would be computed now do not fit to those of the online store, nor to the models."""

    def __init__(self) -> None:
        super().__init__(
            "The features of the online store were computed by other code or settings than those of this process, so "
            "that events wait.",
            "Run `encore features build`, `encore features apply` and `encore features materialize`, train the models, "
            "and restart the API if it has run since before the upgrade or the change of settings.",
        )


def read_online(stores: StoreSettings) -> Online:
    """Return what the last materialisation left.

    Raises
    ------
    StateError
        If there was none, or one by another version of Encore.
    """
    stamp = read_stamp(materialized_directory(stores))
    remedy = "Run `encore features build`, `encore features apply` and `encore features materialize`."
    if not stamp:
        raise StateError("Expected an online store, found none.", remedy)
    try:
        kinds = frozenset(stamp["kinds"])
        as_of = datetime.fromisoformat(stamp["as_of"])
        # versions before did not name it, so that it is another one
        definition = stamp.get("definition", "")
        last = datetime.fromisoformat(stamp["last_event"]) if "last_event" in stamp else None
        return Online(stamp["fingerprint"], as_of, stamp["sells"], kinds, stamp["events"], definition, last)
    except KeyError as error:
        raise StateError("The online store was filled by another version of Encore.", remedy) from error


def materialized_directory(stores: StoreSettings) -> Path:
    """Return the folder whose stamp says what the online store holds."""
    return stores.data / "online"


def rows_directory(stores: StoreSettings, online: str) -> Path:
    """Return the folder of the contract tables, ordered by customer, that a materialisation was computed from."""
    return materialized_directory(stores) / f"rows-{online}"


def write_rows(settings: Settings, online: str) -> None:
    """Copy the contract tables, ordered by customer; copies of materialisations before the last are removed."""
    stores = settings[StoreSettings]
    folder = rows_directory(stores, online)
    last = read_stamp(materialized_directory(stores)).get("fingerprint", "")
    hashes = Erased(stores).open()
    with replacing(folder) as aside, engine(settings) as con:
        for table in FEATURE_TABLES:
            order = " ORDER BY customer_id" if table in CUSTOMER_TABLES else ""
            source = table_path(stores, table)
            others = f" WHERE NOT ({is_open('customer_id', hashes)})" if table in CUSTOMER_TABLES else ""
            con.execute(copy(f"SELECT * FROM {relation(source)}{others}{order}", aside / source.name, GROUP))
    for other in folder.parent.glob("rows-*"):
        if other not in {folder, rows_directory(stores, last)}:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def updating(stores: StoreSettings) -> Iterator[None]:
    """Wait until no other thread or process changes rows of the online store."""
    with locked(stores.data / "events.lock"):
        yield
