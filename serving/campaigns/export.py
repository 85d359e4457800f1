"""Whom an export may contact now, and what it looks like as a file."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from core.settings import Settings, StoreSettings
from core.spreadsheets import ENCODING
from serving.campaigns.kept import CampaignStateError, Choice, Claim, Contact, Due, Export, Kept, shown
from serving.decisions.contacts import Reserved, read_contacts
from serving.decisions.definitions import Decisions
from serving.decisions.eligibility import RULED_OUT, Codes, barred
from serving.decisions.policy import Policy, not_before
from serving.segments.listing import csv_lines

#: Customers whose contacts are read at once, where the capacity of a day may be used up before the last of them.
_CHUNK = 5_000
#: Columns of a file.
HEADER = ("contact_id", "customer_id", "campaign", "action", "channel", "products", "not_before")


@dataclass
class Choosing:
    """Chooses who is contacted, by the policy as it is now.

    Attributes
    ----------
    withheld
        By reason, customers who wait and may not be contacted now.
    left
        Customers who still wait.
    """

    settings: Settings
    decisions: Decisions
    asked: Claim
    withheld: Counter[str] = field(default_factory=Counter)
    left: int = 0

    def __call__(self, kept: Kept, due: Sequence[Due], had: Sequence[Reserved], used: Callable[[str], int]) -> Choice:
        """Return who is contacted.

        Raises
        ------
        CampaignStateError
            If the campaign has not started, was stopped, or ends before somebody may be contacted.
        """
        policy = self.decisions.policy
        at = not_before(policy, self.asked.now)
        check_open(kept, self.asked.now, at)
        day = day_of(policy, at)
        most = policy.capacity.get(self.asked.channel)
        room = len(due) if most is None else max(0, most - used(day))
        chunk = max(1, len(due) if most is None else _CHUNK)
        chosen: list[str] = []
        for start in range(0, len(due), chunk):
            if len(chosen) < room:
                part = due[start : start + chunk]
                chosen += allowed(self.settings, self.decisions, self.asked.channel, part, had, at, self.withheld)
        self.left = len(due) - len(chosen[:room])
        return Choice(chosen[:room], at, day)


def allowed(
    settings: Settings,
    decisions: Decisions,
    channel: str,
    due: Sequence[Due],
    had: Sequence[Reserved],
    at: datetime,
    withheld: Counter[str],
) -> list[str]:
    """Return those of some customers who may be contacted at a moment, in their order.

    Parameters
    ----------
    had
        Contacts that are reserved for them.
    withheld
        Counts the others, by reason.
    """
    contacts = read_contacts(settings, [one.customer_id for one in due], at, had, decisions)
    codes = {
        action.is_marketing: barred(decisions, channel, contacts, marketing=action.is_marketing)
        for action in decisions.actions.values()
    }
    chosen = []
    for place, one in enumerate(due):
        action = decisions.actions.get(one.action)
        # the action may have been removed from the file, or its time be over
        reason = (
            "not_valid" if action is None or not action.is_valid(at) else _reason(codes[action.is_marketing], place)
        )
        if reason is None:
            chosen.append(one.customer_id)
        else:
            withheld[reason] += 1
    return chosen


def _reason(codes: Codes, place: int) -> str | None:
    return RULED_OUT[codes[place]] if codes[place] else None


def reach(policy: Policy) -> timedelta:
    """Return how long before now contacts matter to a policy."""
    return timedelta(days=max([policy.cool_down.contact_days, *(cap.days for cap in policy.caps)]))


def check_open(kept: Kept, now: datetime, at: datetime) -> None:
    """Refuse to contact anybody where a campaign does not run.

    Parameters
    ----------
    at
        The moment from which somebody may be contacted.

    Raises
    ------
    CampaignStateError
        If it does not.
    """
    name, status = kept.campaign.name, kept.status(now)
    if status == "planned":
        raise CampaignStateError(f"The campaign {name!r} has not started.", "Start it first: `encore campaign start`.")
    if status == "stopped" and kept.stopped is not None:
        raise CampaignStateError(
            f"The campaign {name!r} was stopped at {shown(kept.stopped)}.", "Nothing more is exported."
        )
    if at >= kept.campaign.ends:
        quiet = "" if at == now else f"; quiet hours end at {shown(at)}"
        raise CampaignStateError(
            f"The campaign {name!r} ends at {shown(kept.campaign.ends)}{quiet}.", "Nothing more is exported."
        )


def day_of(policy: Policy, moment: datetime) -> str:
    """Return the day of a moment on the clocks of the policy's time zone, as capacity counts it."""
    zone = UTC if policy.quiet is None else ZoneInfo(policy.quiet.timezone)
    return moment.astimezone(zone).date().isoformat()


def exports_directory(stores: StoreSettings) -> Path:
    """Return the folder of the files of exports."""
    return stores.data / "exports"


def file_name(export: Export) -> str:
    """Return the name of the file of an export."""
    return f"{export.campaign}-{export.channel}-{export.id[:12]}.csv"


def csv_of(export: Export, contacts: Sequence[Contact]) -> bytes:
    """Return an export as a file for spreadsheet programs; moments are UTC."""
    rows = [tuple(row_of(export, one).values()) for one in contacts]
    return csv_lines([HEADER, *rows]).encode(ENCODING)


def row_of(export: Export, contact: Contact) -> dict[str, str]:
    """Return a contact as the receiver of an export has it."""
    return {
        "contact_id": contact.contact_id,
        "customer_id": contact.customer_id,
        "campaign": export.campaign,
        "action": contact.action,
        "channel": contact.channel,
        "products": contact.offer or "",
        "not_before": f"{contact.not_before:%Y-%m-%dT%H:%M:%SZ}",
    }
