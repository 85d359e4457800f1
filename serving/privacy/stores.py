"""Every store of personal data, in the order in which an erasure goes through them. Adding a store is one line here.

These hold nothing about a customer and are no entries: `keys.json` and `rates.bin` (callers), `data/metrics` (counts by
route, key and outcome), `data/tuning` (parameters and their scores), `registry.db` and `data/feast` (definitions),
`erased.json` (hashes of erased ids), locks and stamps. Logs go to standard error and name no customer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.settings import Settings, StoreSettings
from features import erase
from serving.offers.experiment import Impressions
from serving.privacy.lists import erase_check_page, erase_lists


class OpenStore(Protocol):
    """A store that the API holds open."""

    def erase(self, customer: str, /) -> int:
        """Remove a customer; returns how many entries there were."""
        ...


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One customer to erase, and the stores that the API holds open."""

    settings: Settings
    customer_id: str
    events: OpenStore
    online: OpenStore
    scores: OpenStore
    audit: OpenStore


@dataclass(frozen=True)
class PersonalStore:
    """A store of personal data.

    Attributes
    ----------
    name
        As the receipt names it.
    erase
        Removes the customer and returns how many rows, events, entries, lines or files held them; None where Encore
        cannot.
    remains
        What it still holds afterwards, and until when; None where nothing does.
    """

    name: str
    erase: Callable[[Erasure], int] | None
    remains: str | None = None


STORES: list[PersonalStore] = [
    PersonalStore("event log", lambda one: one.events.erase(one.customer_id)),
    PersonalStore("online store", lambda one: one.online.erase(one.customer_id)),
    PersonalStore("score table", lambda one: one.scores.erase(one.customer_id)),
    PersonalStore("contract tables", lambda one: erase.erase_contract_rows(one.settings, one.customer_id)),
    PersonalStore("segments", lambda one: erase.erase_segment_rows(one.settings, one.customer_id)),
    PersonalStore(
        "quarantine",
        lambda one: erase.erase_quarantined_text(one.settings, one.customer_id),
        "Quarantined lines are blanked where the id is in them as it is in the contract tables; lines that write it "
        "another way stay until the export is corrected.",
    ),
    PersonalStore("materialized rows", lambda one: erase.erase_materialized_rows(one.settings, one.customer_id)),
    PersonalStore("features", lambda one: erase.erase_feature_rows(one.settings, one.customer_id)),
    PersonalStore("unfinished files", lambda one: erase.erase_unfinished_files(one.settings, one.customer_id)),
    PersonalStore(
        "exported lists",
        lambda one: erase_lists(one.settings, one.customer_id),
        "Lists that `encore score` wrote to other folders than stores.data are yours to remove.",
    ),
    PersonalStore("data report", lambda one: erase_check_page(one.settings[StoreSettings])),
    PersonalStore("impressions", lambda one: Impressions(one.settings[StoreSettings]).erase(one.customer_id)),
    PersonalStore("audit log", lambda one: one.audit.erase(one.customer_id)),
    PersonalStore(
        "models",
        None,
        "Trained models hold the customer among the numbers they learned, without a name, until the next training run.",
    ),
    PersonalStore("exports", None, "Your exports: remove the customer there. What they still hold is not read again."),
    PersonalStore("backups", None, "Backups, and data reports written to other files, are yours to remove."),
]
