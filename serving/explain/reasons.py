"""From TreeSHAP values to sentences: one reason per theme, written from raw values, never from column names."""

import math
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field

from features.views.profile import ATTRIBUTE
from serving.explain.comparing import Certainty, from_habit, from_others
from serving.explain.contributions import Direction, Explained
from serving.explain.themes import (
    ATTRIBUTE_FINDINGS,
    BUYING,
    BUYING_FINDINGS,
    NUMBER_FINDINGS,
    Fact,
    State,
    Theme,
)
from serving.explain.wording import Writer


@dataclass(frozen=True, slots=True)
class Reason:
    """One theme's part in a risk, or that of themes which say one thing."""

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
class _Found:
    """What is found of a theme.

    Attributes
    ----------
    text
        The fact with what it is compared with, without the end of the sentence.
    changed
        Where the fact is compared with the customer's own habit of 28 days: the fact, the habit, and whether it is
        above.
    """

    text: str
    finding: str | None = None
    certainty: Certainty = "none"
    changed: tuple[Fact, float, bool] | None = None


@dataclass(frozen=True)
class _Subject:
    """Themes that one sentence is about, with their share of the explanation, and what is found of them."""

    themes: tuple[Theme, ...]
    direction: Direction
    share: float
    found: _Found


#: A theme with less of the explanation than this is not worth a sentence.
MIN_SHARE = 0.05
#: A theme that is compared with nothing is worth one from this share on.
_MIN_SHARE_ALONE = 0.1
#: Up to this share of what is usual, a difference is a slight one.
_SLIGHTLY = 1 / 3
#: Where a word begins within a name such as MonthlyCharges.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def risk_reasons(explained: Explained, writer: Writer, actionable: Container[str] = ()) -> list[Reason]:
    """Explain why one customer's risk is what it is.

    Parameters
    ----------
    actionable
        Findings that something can be done about.

    Returns
    -------
    Reasons in both directions: first those that something can be done about, each time the largest share of the
    explanation first; what is compared with nothing is last. Left out are themes below 5 % of the explanation, those
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
        found = _find(theme, part.direction, explained, writer)
        if found is not None and (found.finding or share >= _MIN_SHARE_ALONE):
            subjects.append(_Subject((theme,), part.direction, share, found))
    reasons = [_reason(one, explained, writer) for one in _merge(subjects, explained, writer)]
    return sorted(reasons, key=lambda one: (one.finding is None, one.finding not in actionable, -one.share))


def _merge(subjects: Sequence[_Subject], explained: Explained, writer: Writer) -> list[_Subject]:
    """Put into one sentence what says one thing: how often, how much and how varied a customer buys, by habit."""
    merged: list[_Subject] = []
    rest = list(subjects)
    for direction, above in (("raises", False), ("lowers", True), ("raises", True), ("lowers", False)):
        same = [
            one
            for one in subjects
            if one.themes[0].name in BUYING
            and one.direction == direction
            and one.found.changed is not None
            and one.found.changed[2] == above
        ]
        if len(same) > 1:
            rest = [one for one in rest if one not in same]
            same.sort(key=lambda one: BUYING.index(one.themes[0].name))
            themes = tuple(theme for one in same for theme in one.themes)
            found = _in_one([one.found for one in same], explained, writer, above=above)
            merged.append(_Subject(themes, same[0].direction, sum(one.share for one in same), found))
    return merged + rest


def _in_one(found: Sequence[_Found], explained: Explained, writer: Writer, *, above: bool) -> _Found:
    pieces = [
        writer.say(
            "against.instead" if place else "against.instead_usual",
            value=writer.amount(explained.values[fact.feature], fact.unit),
            other=writer.usual(usual, fact.unit),
        )
        for place, (fact, usual, _) in enumerate(one.changed for one in found if one.changed is not None)
    ]
    if explained.values.get("baskets_28d") == 0:
        pieces = pieces[:1]  # without a purchase there is no amount and no category
    text = writer.say(f"fact.buying_{'more' if above else 'less'}", pieces=writer.say("list.and").join(pieces))
    clear = any(one.certainty == "clear" for one in found)
    return _Found(text, BUYING_FINDINGS[0 if above else 1], "clear" if clear else "slight")


def _reason(one: _Subject, explained: Explained, writer: Writer) -> Reason:
    found, features = one.found, tuple(explained.values)
    buying = len(one.themes) > 1
    theme = "buying" if buying else one.themes[0].name
    subject = writer.say("theme.buying") if buying else theme_title(one.themes[0], writer)
    clear = found.certainty == "clear" and found.finding is not None
    ending = f"direction.{one.direction}{_renewal(explained)}" if found.finding else "direction.alone"
    return Reason(
        theme=theme,
        themes=[theme.name for theme in one.themes],
        finding=found.finding,
        certainty=found.certainty,
        title=writer.say(f"finding.{found.finding}", name=subject) if clear else subject,
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


def _find(theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> _Found | None:
    """Find the first state or comparison that speaks for the direction; else a fact that says something alone.

    Returns
    -------
    None where there is nothing that a reader would understand.
    """
    if theme.attribute is not None:
        return _attribute(theme, direction, explained, writer)
    for state in theme.states:
        if _holds(state, direction, explained):
            shown = {name: writer.amount(explained.values[name], unit) for name, unit in state.shown.items()}
            return _Found(writer.say(f"state.{state.finding}", **shown), state.finding, "clear")
    known = [fact for fact in theme.facts if not math.isnan(explained.values.get(fact.feature, math.nan))]
    for fact in known:
        found = _compare(fact, theme, direction, explained, writer)
        if found is not None:
            return found
    if theme.facts and not known:
        return _Found(writer.say("fact.unknown", theme=theme_title(theme, writer)))
    alone = next((fact for fact in known if fact.alone), None)
    return _Found(_plain(alone, explained, writer)) if alone is not None else None


def _holds(state: State, direction: Direction, explained: Explained) -> bool:
    values = explained.values
    if any(math.isnan(values.get(name, math.nan)) for name in state.needs) or not state.holds(values):
        return False
    return state.sign == 0 or (state.sign > 0) == (direction == "raises")


def _compare(fact: Fact, theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> _Found | None:
    """Compare a value with the customer's own habit, else with similar customers.

    Returns
    -------
    None where the comparison does not speak for the direction, where there is no difference to speak of or a reader
    would see the same number twice, or where the model's own contribution of the feature speaks against it.
    """
    value, contribution = explained.values[fact.feature], explained.contributions[fact.feature]
    turn = 1 if direction == "raises" else -1
    if contribution * turn < 0 or (fact.sign == 0 and not contribution):
        return None
    own = explained.values.get(fact.habit.feature, math.nan) if fact.habit else math.nan
    habit = fact.habit if not math.isnan(own) else None
    group = explained.everyone if explained.similar.kind == theme.grouped_by else explained.similar
    if habit is None and fact.similar is None:
        return None
    usual = own if habit is not None else group.usual[fact.feature]
    above = value > usual
    certainty = from_habit(fact, explained.values, own) if habit is not None else from_others(fact, value, group)
    if certainty == "none" or value == usual or (fact.sign and above != (turn == fact.sign)):
        return None
    text = _plain(fact, explained, writer)
    slight = _small(value, usual) if certainty == "slight" else ""
    if habit is not None:
        pace = fact.feature == "recency_days"
        other = writer.amount(own, "every") if pace else writer.usual(own, fact.unit)
        text += writer.say(f"against.{'pace' if pace else 'habit'}{slight}", value=other)
        changed = None if pace else (fact, own, above)
        return _Found(text, habit.more if above else habit.less, certainty, changed)
    assert fact.similar is not None  # noqa: S101 - else nothing is compared
    other = writer.typical(usual, fact.unit)
    if other == writer.typical(value, fact.unit):
        return None
    text += writer.say(f"against.similar{slight}", value=other, peers=writer.say(f"peers.{group.kind}"))
    return _Found(text, fact.similar[0 if above else 1], certainty)


def _small(value: float, usual: float) -> str:
    """Return the end of the key of a difference that may be chance: above or below, and slightly where it is small."""
    slightly = "slightly_" if abs(value - usual) <= _SLIGHTLY * abs(usual) else ""
    return f"_{slightly}{'above' if value > usual else 'below'}"


def theme_title(theme: Theme, writer: Writer) -> str:
    """Return what a reader would call a theme; an attribute by its own name."""
    if theme.attribute is not None:
        name = theme.attribute.removeprefix(ATTRIBUTE).replace("_", " ")
        words = _HUMP.sub(" ", name).split()
        # abbreviations, such as ARPU, stay as they are
        plain = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
        return writer.sentence(plain)
    return writer.say(f"theme.{theme.name}")


def _value(explained: Explained, name: str) -> float | str | None:
    if name in explained.attributes:
        return explained.attributes[name].text
    return None if math.isnan(explained.values[name]) else explained.values[name]


def _attribute(theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> _Found | None:
    """Write an attribute's value, and how many customers with it left where that speaks for the direction."""
    title = theme_title(theme, writer)
    if theme.attribute in explained.usual:
        return _number(theme.attribute, title, explained, writer)
    known = explained.attributes.get(str(theme.attribute))
    if known is None:
        return _Found(writer.say("fact.unknown", theme=title))
    left, left_of_all = (writer.percent(share) for share in (known.left, known.left_of_all))
    more = known.left > known.left_of_all
    if left == left_of_all or more != (direction == "raises"):
        return None
    text = writer.say("fact.attribute", name=title, value=known.text)
    text += writer.say(f"against.left{_renewal(explained)}", value=left, other=left_of_all)
    return _Found(text, ATTRIBUTE_FINDINGS[0 if more else 1], "clear")


def _number(name: str, title: str, explained: Explained, writer: Writer) -> _Found | None:
    """Write the number of an attribute, and what is typical.

    The direction of a theme is that of the change from what is usual, so that the comparison speaks for it.
    """
    value, usual = explained.values[name], explained.usual[name]
    if math.isnan(value):
        return _Found(writer.say("fact.unknown", theme=title))
    shown, other = writer.plain(value), writer.plain(usual)
    if shown == other:
        return None
    low, high = explained.everyone.middle.get(name, (-math.inf, math.inf))
    certainty: Certainty = "slight" if low <= value <= high else "clear"
    slight = _small(value, usual) if certainty == "slight" else ""
    text = writer.say("fact.attribute", name=title, value=shown)
    text += writer.say(f"against.similar{slight}", value=other, peers=writer.say("peers.everyone"))
    return _Found(text, NUMBER_FINDINGS[0 if value > usual else 1], certainty)


def _renewal(explained: Explained) -> str:
    """Return the end of the key of texts that speak of renewal where the risk is about it."""
    return "_renewal" if explained.renewal else ""


def _plain(fact: Fact, explained: Explained, writer: Writer) -> str:
    return writer.say(f"fact.{fact.feature}", value=writer.amount(explained.values[fact.feature], fact.unit))
