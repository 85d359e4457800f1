"""Whether a customer agreed to be contacted, by channel: what they said last, and what is on file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.contract.events.interactions import CONSENT

#: Columns of customers that begin with it hold the consent on file for a channel.
CONSENT_OF = "consent_"
_TRUE, _FALSE = frozenset({"true", "1", "1.0", "yes"}), frozenset({"false", "0", "0.0", "no"})


@dataclass(frozen=True)
class Consent:
    """Whether a customer agreed to be contacted.

    Attributes
    ----------
    channel
        None is marketing through every channel.
    at
        When the customer said so; None for what is on file.
    """

    channel: str | None
    given: bool
    at: datetime | None


def consents_of(
    attributes: Mapping[str, object], interactions: Iterable[Mapping[str, Any]], columns: Mapping[str, str]
) -> list[Consent]:
    """Return the last consent of every channel, and of none; what is on file counts where nothing was answered.

    Parameters
    ----------
    attributes
        The row of the customer table: `marketing_consent`, and `consent_<channel>`.
    interactions
        Rows of the contract table, in any order; a withdrawal of two at once counts.
    columns
        The attribute that holds the consent on file of a channel, as the policy of decisions names it.
    """
    answered: dict[str | None, Consent] = {}
    stated = [row for row in interactions if row["kind"] == CONSENT.name and row["value"] is not None]
    for row in sorted(stated, key=lambda row: (row["event_timestamp"], -row["value"])):
        channel = row["channel"].strip().lower() if row["channel"] else None
        answered[channel] = Consent(channel, row["value"] > 0, row["event_timestamp"])
    on_file: dict[str | None, object] = {None: attributes.get("marketing_consent")}
    for name in sorted(attributes):
        if name.startswith(CONSENT_OF):
            on_file[name.removeprefix(CONSENT_OF).lower()] = attributes[name]
    on_file |= {channel.lower(): attributes.get(name) for channel, name in columns.items()}
    for channel, value in on_file.items():
        word = str(value).strip().lower()
        if channel not in answered and word in _TRUE | _FALSE:
            answered[channel] = Consent(channel, word in _TRUE, None)
    return sorted(answered.values(), key=lambda one: (one.channel is not None, one.channel or ""))
