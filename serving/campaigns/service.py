"""Campaigns as the API, the commands and pages use them: planned, started once, exported, stopped, reported."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from core.errors import ConfigError, StoreError
from core.files import write_file as write_whole
from core.settings import Settings, StoreSettings
from core.webhook import Webhook
from serving.campaigns.allocation import Allocation, Candidates
from serving.campaigns.candidates import Deciding
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.definition import Campaign
from serving.campaigns.export import Choosing, allowed, check_open, csv_of, exports_directory, file_name, reach
from serving.campaigns.kept import (
    CampaignStateError,
    Claim,
    Contact,
    Due,
    Export,
    Kept,
    Target,
    listed,
    shown,
    started_before,
)
from serving.campaigns.last_reports import LastReports
from serving.campaigns.planning import Planning, check_to_come
from serving.campaigns.progress import ArmProgress, progress_of
from serving.campaigns.report import (
    Asked,
    CampaignReport,
    ImportedCampaign,
    assigned_of,
    beside_of,
    imported,
    imported_campaigns,
    report_of,
)
from serving.campaigns.responses import by_arm, read_responses
from serving.campaigns.start import Known, assignments_of, write_file, write_files
from serving.campaigns.store import CampaignStore
from serving.campaigns.webhook import deliver
from serving.decisions.definitions import Action
from serving.decisions.records import DecisionRecords
from serving.segments.population import Population
from serving.segments.service import Segments, Source
from serving.settings import DecisionSettings
from training.effects.outcomes import Assigned
from training.effects.report import Beside
from training.next_product.offers.rules import Kind

#: How often customers are read again because one was erased, or another campaign started, meanwhile.
_ATTEMPTS = 3
#: The column of the score table that has the main reason.
_REASON = "reason_1"
#: Chooses products of a kind for customers; returns them by customer.
Offering = Callable[[Kind, Sequence[str]], Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes
    ----------
    export
        None where nobody could be contacted.
    withheld
        By reason, customers who wait and may not be contacted now; they may be later.
    left
        Customers of the channel who still wait, those who are withheld among them.
    """

    export: Export | None
    withheld: Mapping[str, int]
    left: int


class Campaigns:
    """The campaigns of a deployment. Safe for threads and processes.

    Parameters
    ----------
    offering
        Chooses the products of actions whose offer is a kind.
    """

    def __init__(
        self,
        settings: Settings,
        segments: Segments,
        decider: Deciding,
        database: CampaignDatabase | None = None,
        offering: Offering = lambda _, __: {},
    ) -> None:
        self._settings, self._stores = settings, settings[StoreSettings]
        self._segments, self.decider, self._offering = segments, decider, offering
        database = database or CampaignDatabase(self._stores)
        self._records = DecisionRecords(self._stores)
        self.store = CampaignStore(database)
        self.claims = ClaimStore(database, self.store)
        self.reports = LastReports(database)
        self.planning = Planning(settings, segments, decider, self.store)
        self._database = database

    # -- plans

    def plan(self, campaign: Campaign, source: Source, *, save: bool) -> Kept:
        """Say what a campaign would do, and keep it unless it is only tried.

        Raises
        ------
        CampaignStateError
            If a campaign of this name was started, or the time of this one is over.
        DataError
            If it names a segment or an action that there is not, or its rule does not fit the columns.
        """
        now = source.as_of
        check_to_come(campaign, now)
        self.repair()
        decided = self.planning.decide(campaign, source)
        kept = Kept(campaign, self.planning.plan(campaign, decided, now)[0], now)
        if save:
            self.store.save(kept)
        return kept

    # -- start and stop

    def start(self, name: str, source: Source) -> Kept:
        """Freeze who is in a campaign with which arm, by what is known at this moment.

        Raises
        ------
        UnknownCampaignError
            If there is none of this name.
        CampaignStateError
            If it was started before, its time is not there or over, or nobody would be contacted.
        """
        self.repair()
        for _ in range(_ATTEMPTS):
            version = self.store.version()
            kept = self.store.one(name)
            _check_startable(kept, source.as_of)
            decided = self.planning.decide(kept.campaign, source)
            plan, candidates, allocation = self.planning.plan(kept.campaign, decided, source.as_of)
            if not len(allocation.rows):
                raise CampaignStateError(
                    f"Nobody may be contacted by the campaign {name!r} now.", "`encore campaign plan` says why."
                )
            actions = {action.name: action for action in decided.actions}
            known = Known(
                self._offers(candidates, allocation, actions), self._segments_of(source), _reasons(decided.population)
            )
            rows = assignments_of(candidates, allocation, actions, known)
            started = replace(kept, plan=plan, started=source.as_of, run=self._records.write(decided))
            if self.store.start(started, rows, version):
                write_file(self._stores, self.store, started)
                return started
        raise StoreError("Customers are being erased, or other campaigns started.", "Try again.")

    def _offers(self, candidates: Candidates, allocation: Allocation, actions: Mapping[str, Action]) -> dict[str, str]:
        """Return the products of customers whose action has a kind of offer."""
        found: dict[str, str] = {}
        for place, name in enumerate(candidates.actions):
            offer = actions[name].offer
            if offer is not None and offer.kind is not None:
                customers = [candidates.customers[row] for row in allocation.rows[allocation.arms == place]]
                chosen = self._offering(offer.kind, customers)
                found |= {customer: listed(products) for customer, products in chosen.items() if products}
        return found

    def _segments_of(self, source: Source) -> dict[str, str]:
        """Return the names of the segments that customers are in now."""
        found: dict[str, list[str]] = {}
        for name in self._segments.every(source):
            for customer in self._segments.store.members(name):
                found.setdefault(customer, []).append(name)
        return {customer: listed(names) for customer, names in found.items()}

    def stop(self, name: str, now: datetime) -> Kept:
        """Stop a campaign: nothing more is exported. Once more changes nothing.

        Raises
        ------
        UnknownCampaignError
            If there is none of this name.
        CampaignStateError
            If it has not started.
        """
        self.repair()
        if self.store.one(name).started is None:
            raise CampaignStateError(f"The campaign {name!r} has not started.", "There is nothing to stop.")
        return self.store.stop(name, now)

    def repair(self) -> None:
        """Complete a start that was interrupted between the store and the file."""
        write_files(self._stores, self.store)

    # -- exports

    def export(self, name: str, channel: str, target: Target, now: datetime) -> Exported:
        """Claim the contacts of a channel that may be made now; nobody is claimed twice.

        A webhook is not called: `deliver` does that.

        Raises
        ------
        UnknownCampaignError
            If there is none of this name.
        CampaignStateError
            If it does not run, or has no action on the channel.
        """
        self.repair()
        decisions = self.planning.decisions()
        planned = {one.channel for one in self.store.one(name).plan.actions}
        if channel not in planned:
            raise CampaignStateError(
                f"The campaign {name!r} has no action on the channel {channel!r}; it has {', '.join(sorted(planned))}.",
                "Correct the channel.",
            )
        if target == "webhook":
            self._webhook()
        asked = Claim(name, channel, target, now, now - reach(decisions.policy))
        choosing = Choosing(self._settings, decisions, asked)
        export = self.claims.claim(asked, choosing)
        return Exported(export, dict(choosing.withheld), choosing.left)

    def deliver(self, export: Export, now: datetime, *, again: bool) -> Export:
        """Post the batches of an export that the receiver has not acknowledged.

        Parameters
        ----------
        again
            Whether time has passed since they were claimed: then customers who may not be contacted any more are left
            out.

        Raises
        ------
        StoreError
            If a batch did not arrive.
        CampaignStateError
            If the campaign was stopped, or is over.
        """
        if again:
            check_open(self.store.one(export.campaign), now, now)
        still = self._still(now) if again else lambda _, contacts: contacts
        return deliver(self.claims, export, self._webhook(), now, still)

    def _still(self, now: datetime) -> Callable[[Export, Sequence[Contact]], Sequence[Contact]]:
        decisions = self.planning.decisions()

        def allow(export: Export, contacts: Sequence[Contact]) -> Sequence[Contact]:
            due = [Due(one.customer_id, one.action) for one in contacts]
            withheld: Counter[str] = Counter()
            # the contacts that are sent again are reserved themselves, and no reason against them
            found = set(allowed(self._settings, decisions, export.channel, due, (), now, withheld))
            return [one for one in contacts if one.customer_id in found]

        return allow

    def write_csv(self, export: Export) -> Path:
        """Write an export to its file below the data; once more writes the same."""
        path = exports_directory(self._stores) / file_name(export)
        write_whole(path, csv_of(export, self.claims.contacts(export.id)))
        return path

    # -- reports

    def report(self, name: str, asked: Asked, now: datetime) -> CampaignReport:
        """Measure what a campaign changed, count this as a look at it, and keep it as its last report.

        Raises
        ------
        UnknownCampaignError
            If there is none of this name.
        CampaignStateError
            If it has not started.
        """
        self.repair()
        kept = self.store.one(name)
        if kept.started is None:
            raise CampaignStateError(f"The campaign {name!r} has not started.", "There is nothing to report.")
        rows = self.store.assignments(name)
        return self._report(assigned_of(kept, rows), asked, beside_of(rows), now)

    def report_imported(self, name: str, asked: Asked, now: datetime) -> CampaignReport:
        """Measure what a campaign changed that somebody else ran; see `report`.

        Raises
        ------
        DataError
            If the contract table has no assignments of this name.
        """
        return self._report(imported(self._settings, name), asked, Beside(), now)

    def _report(self, assigned: Assigned, asked: Asked, groups: Beside, now: datetime) -> CampaignReport:
        name = str(assigned.campaigns[0])
        looks = self.store.looks(name)
        report = report_of(self._settings, assigned, asked, looks, groups, self.planning.file.current())
        # a report of everything that is to come cannot stop anything early
        if not report.effects.final:
            self.store.look(name)
        # what is shown without a look is the report that nobody asked for in another way
        if asked == Asked():
            self.reports.keep(name, now, report)
        return report

    def imported(self) -> list[ImportedCampaign]:
        """Return the campaigns that somebody else ran.

        Raises
        ------
        StateError
            If nothing was ingested yet.
        """
        ours = {kept.campaign.name for kept in self.store.all()}
        return [one for one in imported_campaigns(self._settings) if one.name not in ours]

    def progress(self, name: str | None = None) -> list[ArmProgress]:
        """Return the arms of one campaign, or of all: how many customers, and how many were handed to a channel."""
        return progress_of(self._database, name)

    @property
    def has_webhook(self) -> bool:
        """Whether contacts can be sent, rather than downloaded."""
        return self._settings[DecisionSettings].webhook is not None

    def responses(self, name: str) -> Mapping[str, Mapping[str, int]]:
        """Return by arm and kind how many customers something came back of."""
        kept = self.store.one(name)
        return by_arm(assigned_of(kept, self.store.assignments(name)), read_responses(self._settings))

    def _webhook(self) -> Webhook:
        address = self._settings[DecisionSettings].webhook
        if address is None:
            raise ConfigError("Expected the address of a webhook, found none.", "Set decisions.webhook.")
        return Webhook(address)


def _reasons(population: Population) -> dict[str, str]:
    """Return the main reasons of customers who have one."""
    found = population.texts.get(_REASON)
    if found is None:
        return {}
    return {customer: reason for customer, reason in zip(population.customers, found, strict=True) if reason}


def _check_startable(kept: Kept, now: datetime) -> None:
    campaign = kept.campaign
    if kept.started is not None:
        raise started_before(kept)
    if not campaign.starts <= now < campaign.ends:
        raise CampaignStateError(
            f"The campaign {campaign.name!r} runs from {shown(campaign.starts)} to {shown(campaign.ends)}; it is "
            f"{shown(now)}.",
            "Start it within this time, or plan it again with other dates.",
        )
