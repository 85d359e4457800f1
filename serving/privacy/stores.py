"""Every store of personal data, in the order in which an erasure goes through them. Adding a store is one line here.

Features are those of workspaces too, which hold nothing else about a customer.

These hold nothing about a customer and are no entries: `keys.json` and `rates.bin` (callers), `data/metrics` (counts by
route, key and outcome), `data/tuning` (parameters and their scores), `monitor.json`, `monitored.json`, `monitor.html`,
`checked.json` and `alerts.json` (figures of all customers), `data/history/*/*.json` (totals of the score table),
`promotions.db` and `data/refresh` (decisions on versions), `registry.db` and `data/feast` (definitions), `erased.json`
(hashes of erased ids), `data/erasures` (receipts, each with the id until it is done), `data/jobs`, locks and stamps.
Logs go to standard error and name no customer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from core.settings import Settings, StoreSettings
from features import erase
from features.contract.assigned import erase_assignments
from features.engine.vectors import services_of
from features.live.log import EventLog
from features.store.materialized import updating
from features.store.online import OnlineStore
from serving.access.audit import AuditLog
from serving.campaigns.store import CampaignStore
from serving.decisions.records import DecisionRecords
from serving.offers.experiment import Impressions
from serving.privacy.lists import erase_campaign_files, erase_check_page, erase_lists
from serving.scoring.score_history import ScoreHistory
from serving.scoring.score_table import ScoreTable
from serving.segments.store import SegmentStore
from training.monitoring.answers import AnswerLog


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One customer to erase, and the stores that the API holds open.

    Attributes
    ----------
    unfinished
        How many files of killed jobs were removed, of all customers.
    """

    settings: Settings
    customer_id: str
    unfinished: int = 0
    events: EventLog
    online: OnlineStore
    scores: ScoreTable
    segments: SegmentStore
    campaigns: CampaignStore
    answers: AnswerLog
    audit: AuditLog


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
        What it still holds once all is done, and until when, or a function that sees to it and returns that; None where
        nothing does.
    complete
        What is done later where answers are made of the store: then `erase` runs before the erasure is acknowledged,
        and takes milliseconds. Returns what `erase` does. None where `erase` itself runs later.
    """

    name: str
    erase: Callable[[Erasure], int] | None
    remains: Callable[[Erasure], str | None] | str | None = None
    complete: Callable[[Erasure], int] | None = None

    def left(self, erasure: Erasure) -> str | None:
        """Return what it still holds of a customer who was erased."""
        return self.remains(erasure) if callable(self.remains) else self.remains


#: The receipt's line where Redis did not write its files again.
REDIS_FILES = (
    "Redis' files on disk hold the customer until Redis has written them again: the append-only file, snapshots, and "
    "those of replicas. Run BGREWRITEAOF and BGSAVE on each server."
)


def is_known(one: Erasure) -> bool:
    """Return whether anything was stored about a customer by the exports, by events, or to answer."""
    return (
        one.events.holds(one.customer_id)
        or one.scores.holds(one.customer_id)
        or one.answers.holds(one.customer_id)
        or one.segments.segments_of(one.customer_id) != []
        or DecisionRecords(one.settings[StoreSettings]).holds(one.customer_id)
        or ScoreHistory(one.settings).holds(one.customer_id)
        or one.campaigns.holds(one.customer_id)
        or any(
            one.online.rows(service, "customer_id", [one.customer_id]).event_timestamps != [None]
            for service in services_of(one.settings)
        )
        or erase.is_stored(one.settings, one.customer_id)
    )


def _overwrite_events(one: Erasure) -> int:
    one.events.purge(one.customer_id)
    return 0


def _remove_rows_of_jobs(one: Erasure) -> int:
    """Remove what a materialisation has written since, and keep what events since then say."""
    with updating(one.settings[StoreSettings]):
        removed = one.online.erase(one.customer_id)
        one.online.purge(one.customer_id)
        one.events.apply_again(one.customer_id)
    return removed


def _remove_scores_of_jobs(one: Erasure) -> int:
    removed = one.scores.erase(one.customer_id)
    one.scores.purge(one.customer_id)
    return removed


def _remove_answers_of_jobs(one: Erasure) -> int:
    removed = one.answers.erase(one.customer_id)
    one.answers.purge(one.customer_id)
    return removed


def _remove_members_of_jobs(one: Erasure) -> int:
    removed = one.segments.erase(one.customer_id)
    one.segments.purge(one.customer_id)
    return removed


def _remove_assignments_of_jobs(one: Erasure) -> int:
    removed = one.campaigns.erase(one.customer_id)
    one.campaigns.purge(one.customer_id)
    return removed


STORES: list[PersonalStore] = [
    PersonalStore("event log", lambda one: one.events.erase(one.customer_id), complete=_overwrite_events),
    PersonalStore("score table", lambda one: one.scores.erase(one.customer_id), complete=_remove_scores_of_jobs),
    PersonalStore(
        "customer segments", lambda one: one.segments.erase(one.customer_id), complete=_remove_members_of_jobs
    ),
    PersonalStore("campaigns", lambda one: one.campaigns.erase(one.customer_id), complete=_remove_assignments_of_jobs),
    PersonalStore("answer log", lambda one: one.answers.erase(one.customer_id), complete=_remove_answers_of_jobs),
    PersonalStore(
        "online store",
        lambda one: one.online.erase(one.customer_id),
        lambda one: None if one.online.rewrite_files() else REDIS_FILES,
        _remove_rows_of_jobs,
    ),
    PersonalStore(
        "assignments to campaigns", lambda one: erase_assignments(one.settings[StoreSettings], one.customer_id)
    ),
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
    PersonalStore("unfinished files", lambda one: one.unfinished),
    PersonalStore(
        "exported lists",
        lambda one: erase_lists(one.settings, one.customer_id),
        "Lists that `encore score` wrote to other folders than stores.data are yours to remove.",
    ),
    PersonalStore(
        "exports of campaigns",
        lambda one: erase_campaign_files(one.settings[StoreSettings], one.customer_id),
        "Contacts that were exported are with the channels that got them: remove the customer there.",
    ),
    PersonalStore("data report", lambda one: erase_check_page(one.settings[StoreSettings])),
    PersonalStore("score history", lambda one: ScoreHistory(one.settings).erase(one.customer_id)),
    PersonalStore("impressions", lambda one: Impressions(one.settings[StoreSettings]).erase(one.customer_id)),
    PersonalStore("decisions", lambda one: DecisionRecords(one.settings[StoreSettings]).erase(one.customer_id)),
    PersonalStore("audit log", lambda one: one.audit.erase(one.customer_id)),
    PersonalStore(
        "models",
        None,
        "Trained models hold the customer among the numbers they learned, without a name, until the next training run.",
    ),
    PersonalStore("exports", None, "Your exports: remove the customer there. What they still hold is not read again."),
    PersonalStore("backups", None, "Backups, and data reports written to other files, are yours to remove."),
]
