"""The right to be forgotten: everything that is stored about a customer, removed, with a receipt."""

from datetime import datetime

from pydantic import BaseModel, Field

from core.jobs import undisturbed
from core.settings import Settings, StoreSettings
from features.erase import forget
from features.ingest.erased import Erased
from features.live.updater import following
from serving.access.audit import AuditLog
from serving.offers.experiment import Impressions
from serving.scoring.reloader import ModelReloader
from serving.scoring.score_table import ScoreTable


class Removed(BaseModel):
    """What was removed from one place."""

    place: str = Field(examples=["event log"])
    count: int = Field(description="Rows, events, entries or lines", examples=[12])


class Receipt(BaseModel):
    """What was removed where, and what remains."""

    erased_at: datetime
    removed: list[Removed]
    remains: list[str] = Field(description="What still holds something of the customer, and until when")


_REMAINS = [
    "Trained models hold the customer among the numbers they learned, without a name, until the next training run.",
    "Your exports: remove the customer there. What they still say is not taken in again.",
    "Lines of exports that could not be used lie in the quarantine as they were, until the export is mended.",
    "Files written by `encore score`, and backups, are yours to remove.",
]


def erase(
    settings: Settings, reloader: ModelReloader, table: ScoreTable, audit: AuditLog, customer_id: str, now: datetime
) -> Receipt:
    """Remove a customer from every store.

    Raises
    ------
    StoreError
        If a job over all customers runs, or the online store or a log does not answer; ask again then, what is gone is
        gone.
    """
    stores = settings[StoreSettings]
    with undisturbed(stores), following(stores):  # nobody computes anything of them meanwhile
        Erased(stores).add(customer_id, now)
        removed = {"event log": reloader.intake.log.erase(customer_id)}
        removed["online store"] = reloader.store.online.erase(customer_id)
        removed["score table"] = table.erase(customer_id)
        removed |= forget(settings, customer_id)
    removed["impressions"] = Impressions(stores).erase(customer_id)
    removed["audit log"] = audit.erase(customer_id)
    return Receipt(
        erased_at=now, removed=[Removed(place=name, count=count) for name, count in removed.items()], remains=_REMAINS
    )
