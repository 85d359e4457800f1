"""Contacts with customers, their complaints, returns and consents, as they are known at a moment.

Three sources count: the contract table of interactions, the events that were logged since it was written, so that an
acknowledged event counts at once, and contacts that campaigns have reserved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.arrays import Floats, Ints
from core.settings import Settings
from serving.decisions.definitions import Decisions
from serving.decisions.interactions import KINDS, Dated, Kind, Reserved, open_interactions
from serving.segments.values import Mask

__all__ = ["Contacts", "Reserved", "read_contacts"]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


@dataclass(frozen=True)
class Contacts:
    """What counts for the policy, at a moment. One place in every array for each customer.

    What has a later moment than `now` counts too: contacts that are reserved for later, and events of sources whose
    clocks are ahead, or that came after the moment at which the data end. Names of channels are compared without case.

    Attributes
    ----------
    erased
        Customers whose erasure has begun.
    contacts
        Every contact.
    latest
        By kind, the moment of the last one in microseconds since 1970; 0 is never.
    answers
        Of each customer and channel the last answer to the question for consent, and the last one for no channel.
    on_file
        By channel, the consent on file where the policy or the data have one for the channel; by "" that to marketing.
    """

    customers: Sequence[str]
    now: datetime
    erased: Mask
    contacts: Dated
    latest: Mapping[Kind, Ints]
    answers: Dated
    on_file: Mapping[str, Floats]

    def consent(self, channel: str) -> Floats:
        """Return for each customer 1 (given), 0 (withdrawn), or NaN (never asked) for a channel.

        The last event of kind `consent` for this channel or for none counts, a withdrawal where two happened at once;
        where there is none, what is on file for the channel, and then for marketing.
        """
        every = len(self.customers)
        moments, values = np.full(every, np.iinfo("int64").min), np.full(every, np.nan)
        for name in (channel.lower(), ""):
            found = self.answers.of(name)
            places, at = self.answers.places[found], self.answers.at[found]
            value = self.answers.values[found]
            # of a customer and a channel there is one answer, so that places are different
            later = (at > moments[places]) | ((at == moments[places]) & (value < values[places]))
            moments[places[later]], values[places[later]] = at[later], value[later]
        for name in (channel.lower(), ""):
            if name in self.on_file:
                values = np.where(np.isnan(values), self.on_file[name], values)
        return values

    def counts(self, channel: str | None, days: int) -> Ints:
        """Return for each customer the contacts since now - days, through a channel or through all of them.

        A contact whose channel is not known counts for all channels together only.
        """
        chosen = self.contacts.at >= self._micros - days * _DAY
        if channel is not None:
            chosen &= self.contacts.of(channel.lower())
        return np.bincount(self.contacts.places[chosen], minlength=len(self.customers))

    def last(self, kind: Kind) -> Floats:
        """Return for each customer the moment of the last contact, complaint or return.

        Returns
        -------
        Seconds since 1970; NaN is never.
        """
        latest = self.latest[kind]
        return np.where(latest == 0, np.nan, latest / _SECOND)

    def is_within(self, kind: Kind, days: int) -> Mask:
        """Return for each customer whether now is in [last, last + days) of the last contact, complaint or return."""
        recent: Mask = self.latest[kind] > self._micros - days * _DAY
        return recent

    @property
    def _micros(self) -> int:
        return micros(self.now)


def micros(moment: datetime) -> int:
    """Return a moment in microseconds since 1970, exactly."""
    return round(moment.timestamp() * _SECOND)


def read_contacts(
    settings: Settings, customers: Sequence[str], now: datetime, reserved: Sequence[Reserved], decisions: Decisions
) -> Contacts:
    """Read what is known about some customers, all of it at once.

    A reservation counts as long as its contact was not reported back: as an interaction of kind `contact` with the
    campaign as its `campaign_id`, not earlier than a day before the reserved moment. A row of an export counts if it
    happened before now.

    Parameters
    ----------
    customers
        Ids, each once.
    decisions
        State where the consent on file is, and which channels there are.

    Raises
    ------
    ConfigError
        If the policy names an attribute that customers do not have.
    DataError
        If a consent on file is neither true nor false.
    StateError
        If nothing was ingested yet.
    StoreError
        If the event log cannot be read.
    """
    with open_interactions(settings, customers, micros(now), reserved) as rows:
        return Contacts(
            customers,
            now,
            rows.erased(),
            rows.contacts(),
            {kind: rows.latest(kind) for kind in KINDS},
            rows.answers(),
            rows.on_file(decisions.policy.consent, decisions.channels),
        )
