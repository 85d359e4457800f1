"""From TreeSHAP values to sentences: one reason per theme, written from raw values, never from column names."""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field

from serving.explain.comparing import Certainty
from serving.explain.contributions import DIRECTIONS, Direction, Explained
from serving.explain.findings import Found, find, subject_end, theme_title
from serving.explain.themes import AS_USUAL, ATTRIBUTE_FINDINGS, BUYING, BUYING_FINDINGS, Theme
from serving.explain.wording import Writer


@dataclass(frozen=True, slots=True)
class Reason:
    """One theme's part in a risk or a value, or that of themes which say one thing."""

    theme: Annotated[str, Field(examples=["silence"])]
    themes: Annotated[
        list[str], Field(description="The themes whose parts it sums; `buying` has several", examples=[["silence"]])
    ]
    finding: Annotated[
        str | None,
        Field(description="What the comparison shows; null for a value alone", examples=["long_silence"]),
    ]
    certainty: Annotated[
        Certainty,
        Field(description="Of the comparison: a clear difference, a slight one, or none", examples=["clear"]),
    ]
    title: Annotated[
        str,
        Field(
            description="A clear finding, else the theme, in the reader's language",
            examples=["Later than usual"],
        ),
    ]
    direction: Direction
    share: Annotated[
        float, Field(description="Share of the whole explanation, by absolute value, in [0, 1]", examples=[0.41])
    ]
    text: Annotated[
        str,
        Field(examples=["Last purchase 23 days ago, usually every 6 days. Linked to a higher risk."]),
    ]
    values: Annotated[
        dict[str, float | str | None], Field(description="Features behind the reason with their raw values")
    ]


@dataclass(frozen=True)
class _Subject:
    """Themes that one sentence is about, with their share of the explanation, and what is found of them."""

    themes: tuple[Theme, ...]
    direction: Direction
    share: float
    found: Found


#: Themes that say that there was no purchase.
_COMING = frozenset({"frequency", "silence"})
#: A theme with less of the explanation than this is not worth a sentence.
MIN_SHARE = 0.05
#: A theme without data is worth one from this share on.
_MIN_SHARE_UNKNOWN = 0.1


def write_reasons(explained: Explained, writer: Writer, actionable: Container[str] = ()) -> list[Reason]:
    """Explain why one customer's risk, or value, is what it is.

    Parameters
    ----------
    actionable
        Findings that something can be done about.

    Returns
    -------
    Reasons in both directions: first those that something can be done about, each time the largest share of the
    explanation first; what lacks data is last. Left out are themes below 5 % of the explanation, those
    of which the model says the opposite when their features are set to what is usual, and those whose facts say
    nothing to a reader as nothing can be compared with them.
    """
    whole = sum(abs(part.contribution) for part in explained.parts.values()) or 1.0
    subjects = []
    for theme in explained.themes:
        part = explained.parts.get(theme.name)
        share = abs(part.contribution) / whole if part else 0.0
        if part is None or not part.agrees or share < MIN_SHARE:
            continue
        found = find(theme, part.direction, explained, writer)
        if found is not None and (found.finding or share >= _MIN_SHARE_UNKNOWN):
            subjects.append(_Subject((theme,), part.direction, share, found))
    reasons = [_reason(one, explained, writer) for one in _merge(subjects, explained, writer)]

    def place(one: Reason) -> tuple[bool, bool, float]:
        return one.finding is None, not (one.direction == "raises" and one.finding in actionable), -one.share

    return sorted(reasons, key=place)


def _merge(subjects: Sequence[_Subject], explained: Explained, writer: Writer) -> list[_Subject]:
    """Put into one sentence what says one thing: how often, how much and how varied a customer buys, by habit."""
    merged: list[_Subject] = []
    rest = list(subjects)
    for direction in DIRECTIONS:
        changed = [one for one in rest if one.direction == direction and one.found.changed is not None]
        same = sorted(
            (one for one in changed if one.themes[0].name in BUYING), key=lambda one: BUYING.index(one.themes[0].name)
        )
        if len(same) > 1:
            rest = [one for one in rest if one not in same]
            themes = tuple(theme for one in same for theme in one.themes)
            # of these less goes with a higher risk
            found = _in_one([one.found for one in same], explained, writer, above=direction == "lowers")
            merged.append(_Subject(themes, direction, sum(one.share for one in same), found))
    kept = merged + rest
    return [one for one in kept if not _goes_without_saying(one, kept, explained)]


def _goes_without_saying(one: _Subject, all_of_them: Sequence[_Subject], explained: Explained) -> bool:
    """Tell whether a sentence is about the amount or the categories of no purchase, which another one speaks of."""
    about_nothing = one.found.changed is not None and one.found.changed[0].of_purchases and _bought_nothing(explained)
    return about_nothing and any(
        other.direction == one.direction and other.themes[0].name in _COMING for other in all_of_them
    )


def _bought_nothing(explained: Explained) -> bool:
    return explained.values.get("baskets_28d") == 0


def _in_one(found: Sequence[Found], explained: Explained, writer: Writer, *, above: bool) -> Found:
    changes = [one.changed for one in found if one.changed is not None]
    if _bought_nothing(explained):
        changes = changes[:1]  # without a purchase there is no amount and no category
    pieces: list[str] = []
    for fact, usual in changes:
        # three pieces leave no room for the word
        word = "" if pieces or len(changes) == len(BUYING) else "_usual"
        value = writer.amount(explained.values[fact.feature], fact.unit)
        if fact.unit == "money" and writer.style.currency is None:
            value = writer.say("list.spent", value=value)
        pieces.append(writer.say(f"against.instead{word}", value=value, other=writer.usual(usual, fact.unit)))
    text = writer.say(f"fact.buying_{'more' if above else 'less'}", pieces=writer.say("list.and").join(pieces))
    clear = any(one.certainty == "clear" for one in found)
    return Found(text, BUYING_FINDINGS[0 if above else 1], "clear" if clear else "slight")


def _reason(one: _Subject, explained: Explained, writer: Writer) -> Reason:
    found, features = one.found, tuple(explained.values)
    buying = len(one.themes) > 1
    theme = "buying" if buying else one.themes[0].name
    subject = writer.say("theme.buying") if buying else theme_title(one.themes[0], writer)
    titled = found.finding is not None and (found.certainty == "clear" or found.finding == AS_USUAL)
    about = subject_end(explained) if found.finding in ATTRIBUTE_FINDINGS else ""
    ending = f"direction.{one.direction}{subject_end(explained)}" if found.finding else "direction.alone"
    return Reason(
        theme=theme,
        themes=[theme.name for theme in one.themes],
        finding=found.finding,
        certainty=found.certainty,
        title=writer.say(f"finding.{found.finding}{about}", name=subject) if titled else subject,
        direction=one.direction,
        share=one.share,
        text=writer.say(ending, fact=writer.sentence(found.text)),
        values={name: _value(explained, name) for theme in one.themes for name in _shown(theme, features)},
    )


@cache
def _shown(theme: Theme, features: tuple[str, ...]) -> list[str]:
    """Return the features behind the reasons of a theme, of those that a model has."""
    own = [name for name in features if name in theme.features]
    habits = [fact.habit.feature for fact in theme.facts if fact.habit]
    return own + [name for name in habits if name in features and name not in own]


def _value(explained: Explained, name: str) -> float | str | None:
    if name in explained.attributes:
        return explained.attributes[name].text
    return None if math.isnan(explained.values[name]) else explained.values[name]
