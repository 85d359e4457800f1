"""What is found of a theme: a state, a comparison with a habit or with others, or that data are missing."""

import math
import re
from dataclasses import dataclass, replace

from features.views.profile import ATTRIBUTE
from serving.explain.comparing import Certainty, from_habit, from_others
from serving.explain.contributions import Direction, Explained
from serving.explain.themes import (
    AS_USUAL,
    ATTRIBUTE_FINDINGS,
    BUYING,
    NUMBER_FINDINGS,
    THEME_OF,
    Fact,
    Habit,
    State,
    Theme,
)
from serving.explain.wording import COUNTED, Writer, shortened

#: Counts of which most customers have none.
_NOTHING_OF = frozenset({"complaints", "requests", "returns"})
#: Up to this share of what is usual, a difference is a slight one.
_SLIGHTLY = 1 / 3
#: A value of an attribute has no more characters in a sentence.
_LONGEST_VALUE = 40
#: From these on a share of customers who left is clearly another one: a tenth of that of all, and two points.
_FAR_SHARE, _FAR_POINTS = 0.1, 0.02
#: Where a word begins within a name such as MonthlyCharges.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Found:
    """What is found of a theme.

    Attributes
    ----------
    text
        The fact with what it is compared with, without the end of the sentence.
    changed
        Where the fact differs from the customer's own habit of 28 days: the fact, and the habit.
    """

    text: str
    finding: str | None = None
    certainty: Certainty = "none"
    changed: tuple[Fact, float] | None = None


def find(theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> Found | None:
    """Find the first state or comparison that speaks for the direction; without data that there are none.

    Returns
    -------
    None where there is nothing that a reader would understand.
    """
    if theme.attribute is not None:
        return _attribute(theme, direction, explained, writer)
    for state in theme.states:
        if _holds(state, direction, explained):
            shown = {name: writer.amount(explained.values[name], unit) for name, unit in state.shown.items()}
            return Found(writer.say(f"state.{state.finding}", **shown), state.finding, "clear")
    known = [fact for fact in theme.facts if not math.isnan(explained.values.get(fact.feature, math.nan))]
    for fact in known:
        found = _compare(fact, theme, direction, explained, writer)
        if found is not None:
            return found
    reads = any(fact.feature in explained.contributions for fact in theme.facts)
    return Found(writer.say("fact.unknown", theme=theme_title(theme, writer))) if reads and not known else None


def _holds(state: State, direction: Direction, explained: Explained) -> bool:
    values = explained.values
    if any(math.isnan(values.get(name, math.nan)) for name in state.needs) or not state.holds(values):
        return False
    if explained.subject == "renewal" and not state.of_renewals:
        return False
    return state.sign == 0 or (state.sign > 0) == (_towards_risk(direction, explained) > 0)


def _towards_risk(direction: Direction, explained: Explained) -> int:
    """Return 1 for what goes with a higher risk, else -1; signs of facts and states are those of risks.

    What goes with a lower risk goes with a higher value.
    """
    turn = 1 if direction == "raises" else -1
    return -turn if explained.subject == "value" else turn


def _compare(fact: Fact, theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> Found | None:
    """Compare a value with the customer's own habit, else with similar customers.

    Returns
    -------
    None where the comparison does not speak for the direction, where there is no difference to speak of or a reader
    would see the same number twice, or where the model's own contribution of the feature speaks against it.
    """
    sense = 1 if direction == "raises" else -1
    contribution = sum(explained.contributions.get(name, 0.0) for name in (fact.feature, *fact.family))
    if contribution * sense < 0 or (fact.sign == 0 and not contribution) or not fact.needs(explained.values):
        return None
    turn, own = _towards_risk(direction, explained), _habit_of(fact, explained)
    if explained.subject == "value":
        return _of_all(fact, turn, explained, writer) or _of_change(fact, own, turn, explained, writer)
    if fact.habit is not None and own is not None:
        return _from_habit(fact, fact.habit, own, turn, explained, writer)
    return _from_others(fact, theme, turn, explained, writer)


def _habit_of(fact: Fact, explained: Explained) -> float | None:
    """Return what is usual for the customer; None where that is unknown."""
    own = explained.values.get(fact.habit.feature, math.nan) if fact.habit else math.nan
    return None if math.isnan(own) else own


def _change(theme: Theme, explained: Explained) -> int | None:
    """Return how a theme differs from the customer's own habit: 1 towards a higher risk, -1 a lower one, 0 not.

    None where no habit is known.
    """
    for fact in theme.facts:
        own, value = _habit_of(fact, explained), explained.values.get(fact.feature, math.nan)
        if own is not None and not math.isnan(value):
            sure = from_habit(fact, explained.values, own)
            return 0 if sure == "none" else fact.sign if value > own else -fact.sign
    return None


def _comes_less(theme: Theme, explained: Explained) -> bool:
    """Tell whether what is bought cannot be called usual, as the customer comes less often than usual."""
    return theme.name in BUYING and _change(THEME_OF["baskets_28d"], explained) == 1


def _from_habit(fact: Fact, habit: Habit, own: float, turn: int, explained: Explained, writer: Writer) -> Found | None:
    value, text = explained.values[fact.feature], _plain(fact, explained, writer)
    certainty = from_habit(fact, explained.values, own)
    pace = habit.kind == "gaps"
    other, above = writer.amount(own, "every") if pace else writer.usual(own, fact.unit), value > own
    same = writer.amount(value, "every") == other if pace else writer.bare(value, fact.unit) == other
    if (certainty == "none" or same) and turn < 0 and value > 0:
        alike = same or abs(value - own) <= max(_SLIGHTLY * own, 1.0 if fact.unit in COUNTED else 0.0)
        return Found(text + writer.say(f"against.{'as_usual' if alike else 'within'}", value=other), AS_USUAL)
    if certainty == "none" or same or above != (turn == fact.sign):
        return None
    key = f"against.{'pace' if pace else 'habit'}{_slight(value, own, certainty)}"
    changed = None if pace else (fact, own)
    return Found(text + writer.say(key, value=other), habit.more if above else habit.less, certainty, changed)


def _from_others(fact: Fact, theme: Theme, turn: int, explained: Explained, writer: Writer) -> Found | None:
    group = explained.everyone if explained.similar.kind == theme.grouped_by else explained.similar
    if fact.similar is None or fact.feature not in group.usual or (turn > 0 and _change(theme, explained) == -1):
        return None
    if fact.of_purchases and explained.values.get("baskets_28d") == 0:
        return None  # that there was none is another sentence
    value, usual = explained.values[fact.feature], group.usual[fact.feature]
    certainty, above = from_others(fact, value, group), value > usual
    other = writer.bare(usual, fact.unit)
    if certainty == "none" or other == writer.bare(value, fact.unit) or (fact.sign and above != (turn == fact.sign)):
        return None
    finding, text = fact.similar[0 if above else 1], _plain(fact, explained, writer)
    if usual == 0 and fact.unit in _NOTHING_OF:
        return Found(text + writer.say("against.most_have_none"), finding, certainty)
    # of two moments or spans a reader sees which one is longer
    end = "" if fact.unit in {"ago", "span"} else _slight(value, usual, certainty)
    if turn > 0 and _change(theme, explained) == 0:
        # what is normal for this customer is no alarm, whatever others do
        end, certainty = "" if _comes_less(theme, explained) else "_as_usual", "slight"
    text += writer.say(f"against.similar{end}", value=other, peers=writer.say(f"peers.{group.kind}"))
    return Found(text, finding, certainty)


def _of_all(fact: Fact, turn: int, explained: Explained, writer: Writer) -> Found | None:
    """Compare with all customers, as a value is a level: what is usual for a customer is no reason for it."""
    if fact.similar is None or fact.feature not in explained.everyone.usual:
        return None
    value, usual = explained.values[fact.feature], explained.everyone.usual[fact.feature]
    certainty = from_others(fact, value, explained.everyone)
    other = writer.bare(usual, fact.unit)
    contradicts = fact.sign != 0 and (value > usual) != (turn == fact.sign)
    if certainty == "none" or other == writer.bare(value, fact.unit) or contradicts:
        return None
    end = "" if fact.unit in {"ago", "span"} else _slight(value, usual, certainty)
    text = _plain(fact, explained, writer)
    text += writer.say(f"against.similar{end}", value=other, peers=writer.say("peers.everyone"))
    return Found(text, fact.similar[0 if value > usual else 1], certainty)


def _of_change(fact: Fact, own: float | None, turn: int, explained: Explained, writer: Writer) -> Found | None:
    """Compare with the customer's own habit where it has changed, as a change is a reason for a value."""
    if fact.habit is None or own is None:
        return None
    found = _from_habit(fact, fact.habit, own, turn, explained, writer)
    return None if found is None or found.finding == AS_USUAL else replace(found, changed=None)


def _slight(value: float, usual: float, certainty: Certainty) -> str:
    """Return the end of the key of a difference that may be chance: above or below, and slightly where it is small."""
    if certainty == "clear":
        return ""
    slightly = "slightly_" if abs(value - usual) <= _SLIGHTLY * abs(usual) else ""
    return f"_{slightly}{'above' if value > usual else 'below'}"


def theme_title(theme: Theme, writer: Writer) -> str:
    """Return what a reader would call a theme; an attribute by its own name."""
    if theme.attribute is not None:
        name = theme.attribute.removeprefix(ATTRIBUTE)
        words = _HUMP.sub(" ", name.replace("_", " ")).split()
        # abbreviations, such as ARPU, stay as they are
        plain = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
        return shortened(writer.names.of("attribute", name, writer.sentence(plain)), _LONGEST_VALUE)
    return writer.say(f"theme.{theme.name}")


def _attribute(theme: Theme, direction: Direction, explained: Explained, writer: Writer) -> Found | None:
    """Write an attribute's value, and how many customers with it left where that speaks for the direction."""
    title = theme_title(theme, writer)
    if theme.attribute in explained.numbers:
        return _number(theme.attribute, title, explained, writer)
    known = explained.attributes.get(str(theme.attribute))
    if known is None:
        return Found(writer.say("fact.unknown", theme=title))
    left, left_of_all = (writer.percent(share) for share in (known.left, known.left_of_all))
    more = known.left > known.left_of_all
    if left == left_of_all or more != (direction == "raises"):
        return None
    value = shortened(writer.names.of("value", known.text), _LONGEST_VALUE)
    text = writer.say("fact.attribute", name=title, value=value)
    text += writer.say(f"against.left{subject_end(explained)}", value=left, other=left_of_all)
    far = abs(known.left - known.left_of_all) >= max(_FAR_SHARE * known.left_of_all, _FAR_POINTS)
    return Found(text, ATTRIBUTE_FINDINGS[0 if more else 1], "clear" if far else "slight")


def _number(name: str, title: str, explained: Explained, writer: Writer) -> Found | None:
    """Write the number of an attribute, and what is typical.

    Whether more goes with a higher or a lower risk is the model's to say.
    """
    value, usual = explained.values[name], explained.everyone.usual[name]
    if math.isnan(value):
        return Found(writer.say("fact.unknown", theme=title))
    shown, other = writer.plain(value), writer.plain(usual)
    if shown == other:
        return None
    low, high = explained.everyone.middle.get(name, (-math.inf, math.inf))
    certainty: Certainty = "slight" if low <= value <= high else "clear"
    text = writer.say("fact.attribute", name=title, value=shown)
    text += writer.say(
        f"against.similar{_slight(value, usual, certainty)}", value=other, peers=writer.say("peers.everyone")
    )
    return Found(text, NUMBER_FINDINGS[0 if value > usual else 1], certainty)


def subject_end(explained: Explained) -> str:
    """Return the end of the key of texts that speak of renewal, or of a value, where the answer is about it."""
    return "" if explained.subject == "risk" else f"_{explained.subject}"


def _plain(fact: Fact, explained: Explained, writer: Writer) -> str:
    return writer.say(f"fact.{fact.feature}", value=writer.amount(explained.values[fact.feature], fact.unit))
