"""From TreeSHAP values to sentences: one reason per theme, written from raw values, never from column names."""

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field

from features.views.profile import ATTRIBUTE
from serving.explain.contributions import Direction, Explained
from serving.explain.playbook import Playbook, Suggestion
from serving.explain.themes import ATTRIBUTE_FINDINGS, NUMBER_FINDINGS, Fact, Theme
from serving.explain.wording import Language, amount, plain_number, say


@dataclass(frozen=True, slots=True)
class Reason:
    """One theme's part in a risk."""

    theme: Annotated[str, Field(examples=["silence"])]
    finding: Annotated[
        str | None,
        Field(description="What the comparison shows; null for a value alone", examples=["long_silence"]),
    ]
    title: Annotated[
        str,
        Field(
            description="The finding, else the theme, in the reader's language",
            examples=["Long silence for this customer"],
        ),
    ]
    direction: Direction
    share: Annotated[
        float, Field(description="Share of the whole explanation, by absolute value, in [0, 1]", examples=[0.41])
    ]
    text: Annotated[
        str,
        Field(examples=["Last purchase 23 days ago; this customer usually comes every 6 days. This raises the risk."]),
    ]
    values: Annotated[
        dict[str, float | str | None], Field(description="Features behind the reason with their raw values")
    ]
    actionable: Annotated[bool, Field(description="Whether marketing can do something about it")]
    action: Annotated[
        str | None,
        Field(
            description="What the playbook suggests; only for what raises the risk",
            examples=["Get in touch now, with something they usually buy."],
        ),
    ]


#: A theme with less of the explanation than this is not worth a sentence.
MIN_SHARE = 0.01
_NOTHING = Suggestion()
#: Where a word begins within a name such as MonthlyCharges.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def risk_reasons(explained: Explained, playbook: Playbook, language: Language) -> list[Reason]:
    """Explain why one customer's risk is what it is.

    Parameters
    ----------
    playbook
        What can be done about a theme.

    Returns
    -------
    Reasons in both directions, the largest share of the explanation first. Left out are themes below 1 % of it, and
    those of which the model says the opposite when their features are set to what is usual.
    """
    whole = sum(abs(part.contribution) for part in explained.parts.values()) or 1.0
    reasons = [
        _reason(theme, abs(part.contribution) / whole, part.direction, explained, playbook, language)
        for theme in explained.themes
        if (part := explained.parts.get(theme.name)) and part.agrees and abs(part.contribution) >= MIN_SHARE * whole
    ]
    return sorted(reasons, key=lambda reason: -reason.share)


def _reason(
    theme: Theme, share: float, direction: Direction, explained: Explained, playbook: Playbook, language: Language
) -> Reason:
    sentence, finding = _sentence(theme, direction, explained, language)
    suggestion = playbook.get(finding or "", _NOTHING) if direction == "raises" else _NOTHING
    return Reason(
        theme=theme.name,
        finding=finding,
        title=say(language, f"finding.{finding}", name=theme_title(theme, language))
        if finding
        else theme_title(theme, language),
        direction=direction,
        share=share,
        text=say(language, f"direction.{direction}{_renewal(explained)}", fact=sentence),
        values={name: _value(explained, name) for name in _shown(theme, tuple(explained.values))},
        actionable=suggestion is not _NOTHING and suggestion != _NOTHING,
        action=suggestion.text(language),
    )


@cache
def _shown(theme: Theme, features: tuple[str, ...]) -> list[str]:
    """Return the features behind the reasons of a theme, of those that a model has."""
    own = [name for name in features if name in theme.features]
    habits = [fact.habit.feature for fact in theme.facts if fact.habit]
    return own + [name for name in habits if name in features and name not in own]


def _sentence(theme: Theme, direction: Direction, explained: Explained, language: Language) -> tuple[str, str | None]:
    """Write the first fact that speaks for the direction, with what it is compared with; else the first known, alone.

    Returns
    -------
    The sentence, and what was found: None where nothing speaks for the direction.
    """
    if theme.attribute is not None:
        return _attribute(theme, direction, explained, language)
    if not theme.facts:
        return say(language, f"plain.{theme.name}"), None
    known = [fact for fact in theme.facts if not math.isnan(explained.values.get(fact.feature, math.nan))]
    for fact in known:
        against, finding = _found(fact, direction, explained, language)
        if finding is not None:
            return _plain(fact, explained, language) + against, finding
    plain = [fact for fact in known if fact.unit != "flag"]
    if not plain:
        return say(language, "fact.unknown", theme=theme_title(theme, language)), None
    return _plain(plain[0], explained, language), None


def theme_title(theme: Theme, language: Language) -> str:
    """Return what a reader would call a theme; an attribute by its own name."""
    if theme.attribute is not None:
        name = theme.attribute.removeprefix(ATTRIBUTE).replace("_", " ")
        words = _HUMP.sub(" ", name).split()
        # abbreviations, such as ARPU, stay as they are
        plain = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
        return plain[:1].upper() + plain[1:]
    return say(language, f"theme.{theme.name}")


def _value(explained: Explained, name: str) -> float | str | None:
    if name in explained.attributes:
        return explained.attributes[name].text
    return None if math.isnan(explained.values[name]) else explained.values[name]


def _attribute(theme: Theme, direction: Direction, explained: Explained, language: Language) -> tuple[str, str | None]:
    """Write an attribute's value, and how many customers with it left where that speaks for the direction."""
    title = theme_title(theme, language)
    if theme.attribute in explained.usual:
        return _number(theme.attribute, title, explained, language)
    known = explained.attributes.get(str(theme.attribute))
    if known is None:
        return say(language, "fact.unknown", theme=title), None
    sentence = say(language, "fact.attribute", name=title, value=known.text)
    left, left_of_all = (amount(language, share, "percent") for share in (known.left, known.left_of_all))
    more = known.left > known.left_of_all
    if left == left_of_all or more != (direction == "raises"):
        return sentence, None
    finding = ATTRIBUTE_FINDINGS[0 if more else 1]
    return sentence + say(language, f"against.left{_renewal(explained)}", value=left, other=left_of_all), finding


def _number(name: str, title: str, explained: Explained, language: Language) -> tuple[str, str | None]:
    """Write the number of an attribute, and what is usual.

    The direction of a theme is that of the change from what is usual, so that the comparison speaks for it.
    """
    value, usual = explained.values[name], explained.usual[name]
    if math.isnan(value):
        return say(language, "fact.unknown", theme=title), None
    shown, other = plain_number(value), plain_number(usual)
    sentence = say(language, "fact.attribute", name=title, value=shown)
    if shown == other:
        return sentence, None
    return sentence + say(language, "against.usual", value=other), NUMBER_FINDINGS[0 if value > usual else 1]


def _renewal(explained: Explained) -> str:
    """Return the end of the key of texts that speak of renewal where the risk is about it."""
    return "_renewal" if explained.renewal else ""


def _found(fact: Fact, direction: Direction, explained: Explained, language: Language) -> tuple[str, str | None]:
    """Compare a value with the customer's own habit, else with similar customers.

    Returns
    -------
    The words of the comparison, and the finding: None where it does not speak for the direction, where a reader would
    see the same number twice, or where the model's own contribution of the feature speaks against it.
    """
    value, contribution = explained.values[fact.feature], explained.contributions[fact.feature]
    turn = 1 if direction == "raises" else -1
    if contribution * turn < 0 or (fact.sign == 0 and not contribution):
        return "", None
    if fact.unit == "flag":
        return "", fact.findings[0] if value and turn == fact.sign else None
    if fact.below is not None:
        limit, finding = fact.below
        return "", finding if value < limit and turn == -fact.sign else None
    own = explained.values.get(fact.habit.feature, math.nan) if fact.habit else math.nan
    if fact.habit is not None and not math.isnan(own):
        kind, other, findings = "habit", own, (fact.habit.more, fact.habit.less)
    elif fact.similar is not None:
        kind, other, findings = "similar", explained.similar[fact.feature], fact.similar
    else:
        return "", None
    usual = amount(language, other, fact.unit)
    above = value > other
    if amount(language, value, fact.unit) == usual or (fact.sign and above != (turn == fact.sign)):
        return "", None
    pace = kind == "habit" and fact.feature == "recency_days"
    return say(language, f"against.{'pace' if pace else kind}", value=usual), findings[0 if above else 1]


def _plain(fact: Fact, explained: Explained, language: Language) -> str:
    return say(language, f"fact.{fact.feature}", value=amount(language, explained.values[fact.feature], fact.unit))
