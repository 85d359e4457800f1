"""Charts and figures of a plan, which the pages of plans and of campaigns share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.campaigns.drafts import Curve, Spread
from serving.campaigns.plan import ActionPlan, Gain, Plan
from serving.console.charts import Chart, Series
from serving.console.words import Words
from serving.decisions.definitions import Decisions
from serving.explain.fields import channel_of
from serving.explain.language import title_in


@dataclass(frozen=True)
class ActionRow:
    """An action of a plan in words."""

    title: str
    channel: str
    plan: ActionPlan
    gain: str
    effect: str
    ruled_out: str


def title_of(words: Words, decisions: Decisions | None, action: str) -> str:
    """Return what an action is called; one that the file does not have any more by its name."""
    found = None if decisions is None else decisions.actions.get(action)
    return action if found is None else title_in(found.titles, words.language, action)


def gain_text(words: Words, gain: Gain) -> str:
    """Write an expected gain with its interval, where there is one."""
    value = words.amount(gain.value, "money")
    if gain.low is None or gain.high is None or gain.low == gain.high:
        return value
    ends = {"low": words.amount(gain.low, "money"), "high": words.amount(gain.high, "money")}
    return words.say("contact.between", value=value, **ends)


def reasons_text(words: Words, counts: Mapping[str, int]) -> str:
    """Write for how many customers something is ruled out, by the reason, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return words.say("contact.and").join(
        words.say("contact.reason_count", reason=words.say(f"contact.ruled.{reason}"), n=words.number(count))
        for reason, count in ordered
    )


def keeps(plan: Plan, decisions: Decisions | None) -> bool:
    """Return whether every action is to keep customers: a sale to one who stays anyway is no false alarm."""
    known = {} if decisions is None else decisions.actions
    return not any(known[one.action].sells for one in plan.actions if one.action in known)


def rows_of(words: Words, plan: Plan, decisions: Decisions | None) -> list[ActionRow]:
    """Return the actions of a plan in words."""
    return [
        ActionRow(
            title_of(words, decisions, one.action),
            channel_of(words, one.channel),
            one,
            gain_text(words, one.gain),
            words.say(f"contact.effect.{one.effect}"),
            reasons_text(words, one.ruled_out),
        )
        for one in plan.actions
    ]


def spread_chart(words: Words, spread: Spread) -> Chart:
    """Draw the customers who may be contacted by risk, and which of them are chosen."""
    steps = [
        words.say("contact.step", low=words.percent(low), high=words.percent(high))
        for low, high in zip(spread.edges[:-1], spread.edges[1:], strict=True)
    ]
    # steps at both ends that nobody is in say nothing
    counts = [sum(one) for one in zip(spread.contacted, spread.held_out, spread.rest, strict=True)]
    there = [place for place, count in enumerate(counts) if count]
    inside = slice(there[0], there[-1] + 1)
    parts = {"contacted": spread.contacted, "held_out": spread.held_out, "rest": spread.rest}
    return Chart(
        key="spread",
        title=words.say("contact.spread.title"),
        unit=words.say("contact.spread.unit"),
        across=words.say("contact.spread.across"),
        categories=steps[inside],
        series=[_counts(words, words.say(f"contact.spread.{name}"), part[inside]) for name, part in parts.items()],
        stacked=True,
    )


def _counts(words: Words, name: str, counts: Sequence[int]) -> Series:
    return Series(name=name, values=[float(one) for one in counts], texts=[words.number(one) for one in counts])


def curve_chart(words: Words, curve: Curve) -> Chart:
    """Draw what one budget after another is expected to bring."""
    known = all(one.gain.low is not None for one in curve.points[1:])
    gains = [one.gain for one in curve.points]
    series = Series(
        name=words.say("contact.curve.gain"),
        values=[one.value for one in gains],
        texts=[gain_text(words, one) for one in gains],
        low=[one.value if one.low is None else one.low for one in gains] if known else (),
        high=[one.value if one.high is None else one.high for one in gains] if known else (),
    )
    return Chart(
        key="curve",
        title=words.say("contact.curve.title"),
        unit=words.say("contact.curve.unit"),
        across=words.say("contact.curve.across"),
        categories=[words.amount(one.budget, "money") for one in curve.points],
        series=[series],
        kind="line",
        format="money",
    )
