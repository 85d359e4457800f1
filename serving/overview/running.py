"""Campaigns at a glance: what still has to be handed over, and what the last report of each says it brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.settings import Settings, StoreSettings
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.kept import Kept, Status
from serving.campaigns.last_reports import LastReport, LastReports
from serving.campaigns.progress import ArmProgress, progress_of
from serving.campaigns.store import CampaignStore
from training.effects.findings import Verdict
from training.evaluation.bootstrap import Estimate

#: Campaigns that are over and still shown, the latest ones.
_LATEST = 3


@dataclass(frozen=True)
class Brought:
    """What the last report of a campaign says.

    Attributes
    ----------
    made
        The moment that it was made for.
    net
        What the campaign earned after the cost of contacts; None where that is not known.
    """

    made: datetime
    verdict: Verdict
    net: Estimate | None


@dataclass(frozen=True)
class Running:
    """A campaign that has started.

    Attributes
    ----------
    titles
        By language, where it has any.
    waiting
        By channel, customers whose contacts no export has claimed.
    handed_over
        Customers whose contacts were handed to a channel.
    undelivered
        Exports that their receiver has not acknowledged as a whole.
    brought
        None where nobody has read a report: reading one counts as a look, which only a reader decides on.
    """

    name: str
    titles: Mapping[str, str]
    status: Status
    ends: datetime
    waiting: Mapping[str, int]
    handed_over: int
    undelivered: int
    brought: Brought | None


class RunningCampaigns:
    """Reads campaigns, and changes nothing. Safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._database = CampaignDatabase(settings[StoreSettings])
        self._store = CampaignStore(self._database)
        self._claims, self._reports = ClaimStore(self._database, self._store), LastReports(self._database)

    def read(self, now: datetime) -> Sequence[Running]:
        """Return campaigns that run, those first that end first; then the latest of those that are over.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        started = [one for one in self._store.all() if one.started is not None]
        running = sorted((one for one in started if one.status(now) == "started"), key=_end)
        over = sorted((one for one in started if one.status(now) != "started"), key=_end, reverse=True)[:_LATEST]
        if not started:
            return []
        arms, reports = progress_of(self._database), self._reports.all()
        return [self._one(kept, now, arms, reports.get(kept.campaign.name)) for kept in (*running, *over)]

    def _one(self, kept: Kept, now: datetime, arms: Sequence[ArmProgress], last: LastReport | None) -> Running:
        name, status = kept.campaign.name, kept.status(now)
        own = [one for one in arms if one.campaign == name]
        waiting: dict[str, int] = {}
        for one in own:
            if one.waiting and one.channel is not None:
                waiting[one.channel] = waiting.get(one.channel, 0) + one.waiting
        return Running(
            name,
            kept.campaign.titles,
            status,
            _end(kept),
            waiting if status == "started" else {},
            sum(one.handed_over for one in own),
            self._undelivered(name) if status == "started" else 0,
            None if last is None else _brought(last),
        )

    def _undelivered(self, name: str) -> int:
        return sum(one.delivered < one.batches for one in self._claims.exports(name))


def _end(kept: Kept) -> datetime:
    return kept.campaign.ends if kept.stopped is None else kept.stopped


def _brought(last: LastReport) -> Brought:
    total = last.report.effects.total
    return Brought(last.made, total.verdict, total.money.net)
