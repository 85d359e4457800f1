"""Campaigns, exports and contacts as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from core.errors import DataError, StateError
from serving.campaigns.definition import Campaign
from serving.campaigns.plan import Plan

Target = Literal["csv", "webhook"]
Status = Literal["planned", "started", "ended", "stopped"]
#: Contacts of a batch.
BATCH = 500
#: Columns of a frame of assignments: those of the contract table, expected gain, segments and reason at the start.
COLUMNS = ("customer_id", "arm", "intended", "channel", "offer", "cost", "propensity", "gain", "segments", "reason")
_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)


class UnknownCampaignError(DataError):
    """There is no campaign, or no export, of a name.

    Parameters
    ----------
    what
        Such as "campaign 'spring'".
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"There is no {what}.", "`encore campaign list` and `encore campaign show` list what there is."
        )


class CampaignStateError(StateError):
    """The state of the campaign does not allow the request."""


@dataclass(frozen=True)
class Kept:
    """A campaign.

    Attributes
    ----------
    run
        The record of the decision that the assignments are from; None before the start.
    """

    campaign: Campaign
    plan: Plan
    planned: datetime
    started: datetime | None = None
    stopped: datetime | None = None
    run: str | None = None

    def status(self, now: datetime) -> Status:
        """Return how far it is."""
        if self.stopped is not None:
            return "stopped"
        if self.started is None:
            return "planned"
        return "started" if now < self.campaign.ends else "ended"


@dataclass(frozen=True)
class Export:
    """An export.

    Attributes
    ----------
    contacts
        How many customers are in it; those who were erased are not any more.
    batches, delivered
        Of a webhook: how many there are, and how many the receiver has acknowledged.
    """

    id: str
    campaign: str
    channel: str
    target: Target
    made: datetime
    contacts: int
    batches: int
    delivered: int


@dataclass(frozen=True)
class Contact:
    """A row of an export."""

    contact_id: str
    customer_id: str
    action: str
    channel: str
    offer: str | None
    not_before: datetime
    batch: int


@dataclass(frozen=True)
class Due:
    """A customer who waits for a contact."""

    customer_id: str
    action: str


@dataclass(frozen=True)
class Choice:
    """What an export takes: customers, the moment from which they may be contacted, and its day."""

    customers: Sequence[str]
    at: datetime
    day: str


@dataclass(frozen=True)
class Claim:
    """What an export asks for.

    Attributes
    ----------
    since
        Contacts of the customers from this moment on are read, of all campaigns.
    """

    campaign: str
    channel: str
    target: Target
    now: datetime
    since: datetime


def started_before(kept: Kept) -> CampaignStateError:
    """Return the error of a campaign that cannot be planned or started again."""
    when = "" if kept.started is None else f" at {shown(kept.started)}"
    return CampaignStateError(
        f"The campaign {kept.campaign.name!r} was started{when}; its assignments are frozen.",
        "Export it, or plan a campaign of another name.",
    )


def row_of(kept: Kept) -> dict[str, Any]:
    """Return a campaign as a row of its table."""
    return {
        "name": kept.campaign.name,
        "body": kept.campaign.model_dump_json(by_alias=True, exclude_none=True),
        "plan": _PLAN.dump_json(kept.plan).decode(),
        "planned": kept.planned.timestamp(),
        "started": None if kept.started is None else kept.started.timestamp(),
        "stopped": None if kept.stopped is None else kept.stopped.timestamp(),
        "run": kept.run,
        "written": 0,
    }


def kept_of(row: Sequence[Any]) -> Kept:
    """Return a campaign from a row of its table."""
    _, body, plan, planned, started, stopped, run, _ = row
    return Kept(
        Campaign.model_validate_json(body),
        _PLAN.validate_json(plan),
        moment_of(planned),
        None if started is None else moment_of(started),
        None if stopped is None else moment_of(stopped),
        run,
    )


def export_of(row: Sequence[Any], contacts: int, batches: int, delivered: int) -> Export:
    """Return an export from a row of its table."""
    export, campaign, channel, target, made = row
    counted = batches if target == "webhook" else 0
    return Export(export, campaign, channel, target, moment_of(made), contacts, counted, delivered)


def listed(names: Sequence[str]) -> str:
    """Return names, or ids of products, as one text."""
    return ";".join(names)


def moment_of(seconds: float) -> datetime:
    """Return a moment from seconds since 1970."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def shown(moment: datetime) -> str:
    """Return a moment as errors show it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
