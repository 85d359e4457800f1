"""Whom the business may contact, how often and when: limits that no decision breaks."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from core.settings import Days, Zone
from features.contract.events.kind import Money, Strict, Word
from serving.segments.definitions import Name

#: Days that may be none.
SomeDays = Annotated[int, Field(ge=0, le=3650)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
_MINUTE = timedelta(minutes=1)
_WHOLE = 2**64


class Cap(Strict):
    """At most a number of contacts with one customer in [now - days, now).

    Attributes
    ----------
    channel
        The channel whose contacts count; None counts those of all channels.
    """

    channel: Word | None = None
    contacts: Annotated[int, Field(ge=1, le=10_000)]
    days: Days


class CoolDown(Strict):
    """Days after an event in which a customer is left alone: it blocks in [event, event + days)."""

    contact_days: SomeDays = Field(0, description="After a contact through any channel")
    complaint_days: SomeDays = Field(0, description="No marketing after a complaint")
    return_days: SomeDays = Field(0, description="No marketing after goods were taken back")


def _written(value: object) -> object:
    """Refuse a number, which would count as seconds."""
    if not isinstance(value, str | time):
        raise ValueError(f'expected a time such as "21:00", found {value!r}')
    return value


def _whole_minute(value: time) -> time:
    if value.second or value.microsecond or value.tzinfo:
        raise ValueError(f'expected hours and minutes such as "21:00", found "{value}"')
    return value


Clock = Annotated[time, BeforeValidator(_written), AfterValidator(_whole_minute)]


class QuietHours(Strict):
    """Hours of each day in which nobody is contacted: [start, end) on the clocks of a time zone, also past midnight."""

    start: Clock = Field(examples=["21:00"])
    end: Clock = Field(examples=["08:00"])
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _has_an_end(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError(f"expected a start and another end, found {self.start:%H:%M} for both")
        return self

    def covers(self, moment: datetime) -> bool:
        """Return whether a moment is quiet."""
        clock = moment.astimezone(ZoneInfo(self.timezone)).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class Policy(Strict):
    """The limits of every decision; one that is not stated does not exist.

    Attributes
    ----------
    consent
        By channel, the attribute of customers that holds the consent on file; else it is `consent_<channel>`, and
        where there is no such column `marketing_consent`.
    caps, cool_down
        Limits of contacts with one customer. Actions with the goal `serve` are no marketing: they need no consent and
        may follow a complaint or a return, but they are contacts, which caps and the cool-down after contacts limit.
    """

    consent: dict[Word, Word] = Field(default_factory=dict)
    ask: Literal["not_withdrawn", "required"] = Field(
        "not_withdrawn", description="Who gets marketing: all but those who withdrew, or only those who agreed"
    )
    caps: tuple[Cap, ...] = ()
    cool_down: CoolDown = CoolDown()
    quiet: QuietHours | None = None
    capacity: dict[Word, Count] = Field(default_factory=dict, description="Contacts a day, by channel")
    budget: Money | None = Field(None, description="What one run of decisions may cost; None is no limit")
    holdout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="Share of the customers who are never contacted, so that the effect of all can be measured"
    )
    holdout_name: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        "global", description="Another name draws other customers"
    )
    exclusive: tuple[tuple[Name, ...], ...] = Field(
        (), description="Groups of campaigns; a customer who is in a running one gets no action of another one"
    )
    kept_windows: Annotated[float, Field(gt=0, le=100)] = Field(
        1.0, description="How many windows of value.horizon_days a customer who is kept stays"
    )
    margin: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Share of an amount that is earned; None is the margin of the value model"
    )

    @model_validator(mode="after")
    def _has_groups(self) -> "Policy":
        for group in self.exclusive:
            if len(set(group)) < max(2, len(group)):
                raise ValueError(f"exclusive: expected two or more different campaigns, found {list(group)}")
        return self

    def channels(self) -> Iterator[tuple[str, str]]:
        """Yield every channel that the policy names, with the place where it does."""
        yield from ((f"consent.{channel}", channel) for channel in self.consent)
        yield from ((f"caps.{place}.channel", cap.channel) for place, cap in enumerate(self.caps) if cap.channel)
        yield from ((f"capacity.{channel}", channel) for channel in self.capacity)

    def rivals(self, campaign: str) -> frozenset[str]:
        """Return the campaigns that a campaign shares no customer with."""
        groups = [group for group in self.exclusive if campaign in group]
        return frozenset(other for group in groups for other in group if other != campaign)


def in_global_holdout(policy: Policy, customer_id: str) -> bool:
    """Return whether a customer is never contacted: a stable hash, so that it is the same whenever it is asked.

    It depends on the policy's `holdout_name` and the customer alone. A larger share keeps the customers of a smaller.
    """
    digest = hashlib.sha256(f"{policy.holdout_name}\0{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < policy.holdout * _WHOLE


def not_before(policy: Policy, now: datetime) -> datetime:
    """Return `now`, or the end of the quiet hours that it is in, in UTC.

    That is the next whole minute whose time on the clocks of the zone is not quiet. Minutes are tried one by one, since
    clocks leave an hour out, or show it twice, where summer time begins and ends.
    """
    moment = now.astimezone(UTC)
    if policy.quiet is None or not policy.quiet.covers(moment):
        return moment
    moment = moment.replace(second=0, microsecond=0)
    while policy.quiet.covers(moment):
        moment += _MINUTE
    return moment
