"""The right to be forgotten: everything that is stored about a customer, removed, with a receipt."""

from datetime import datetime

from pydantic import BaseModel, Field

from core.locks import undisturbed
from core.settings import Settings, StoreSettings
from features.ingest.erased import Erased
from features.live.updater import updating
from serving.access.audit import AuditLog
from serving.privacy.stores import STORES, Erasure
from serving.scoring.reloader import ModelReloader
from serving.scoring.score_table import ScoreTable


class Removed(BaseModel):
    """What was removed from one place."""

    place: str = Field(examples=["event log"])
    count: int = Field(description="Rows, events, entries, lines or files", examples=[12])


class Receipt(BaseModel):
    """What was removed where, and what remains."""

    erased_at: datetime
    removed: list[Removed]
    remains: list[str] = Field(description="What still holds something of the customer, and until when")


def erase(
    settings: Settings, reloader: ModelReloader, table: ScoreTable, audit: AuditLog, customer_id: str, now: datetime
) -> Receipt:
    """Remove a customer from every store of `serving.privacy.stores.STORES`.

    Raises
    ------
    StoreError
        If a job over all customers runs, or a store does not answer. What was removed before stays removed; ask again.
    """
    stores = settings[StoreSettings]
    with undisturbed(stores), updating(stores):  # so that nothing of the customer is computed or written meanwhile
        erasure = Erasure(
            settings=settings,
            customer_id=customer_id,
            events=reloader.intake.log,
            online=reloader.store.online,
            scores=table,
            audit=audit,
        )
        # first, so that the next ingestion leaves them out even if this is interrupted
        Erased(stores).add(customer_id, now)
        removed = [Removed(place=one.name, count=one.erase(erasure)) for one in STORES if one.erase is not None]
    return Receipt(erased_at=now, removed=removed, remains=[one.remains for one in STORES if one.remains is not None])
