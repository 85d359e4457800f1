"""Pictures and sentences of the first page, from the overview of today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from serving.console.charts import Chart, Series
from serving.console.words import Words
from serving.explain.wording import Unit
from serving.overview.changes import Changes, Reasoned
from serving.overview.today import Overview
from serving.scoring.score_history import Total
from training.monitoring.alerts import Judged
from training.monitoring.settings import Measure

#: How figures of alerts are written.
_UNITS: Mapping[Measure, Unit] = {"high_risk_share": "percent", "returns_share": "percent", "value_at_risk": "money"}
#: The tier whose change the first figures show.
_WORST = "high"


@dataclass(frozen=True)
class Figure:
    """A large number at the top, a note on it, and the page that it leads to."""

    label: str
    value: str
    note: str
    href: str = ""


def list_of(**filters: str) -> str:
    """Return the address of the list of customers with some filters, the highest value at risk first."""
    return f"/console/customers?{urlencode({**filters, 'sort': '-value_at_risk'})}"


def figures(overview: Overview, words: Words) -> list[Figure]:
    """Return what is at stake, who is most likely to leave, and what today's actions are expected to bring."""
    changes, worst = overview.changes, dict(overview.tiers).get(_WORST, Total(0, 0.0))
    since = words.date(changes.since) if changes is not None else ""
    found = []
    if overview.has_value:
        moved = words.change(changes.after - changes.before) if changes is not None else ""
        note = words.say("today.since", change=moved, since=since) if changes is not None else ""
        amount = words.amount(overview.all.value_at_risk, "money")
        found.append(Figure(words.say("today.figure.at_risk"), amount, note, list_of()))
    note = words.say("today.worth", amount=words.amount(worst.value_at_risk, "money")) if overview.has_value else ""
    found.append(Figure(words.say("today.figure.high"), words.number(worst.customers), note, list_of(tier=_WORST)))
    if overview.waiting:
        gain = words.amount(sum(one.gain for one in overview.waiting), "money")
        count = words.plural("today.actions", sum(one.customers for one in overview.waiting))
        found.append(Figure(words.say("today.figure.gain"), gain, count, "/console/contact"))
    return found


def line(overview: Overview, words: Words) -> Chart | None:
    """Return value at risk by moment, of all customers and of those at high risk; None of one moment alone."""
    if len(overview.line) < 2 or not overview.has_value:
        return None
    everyone = [one.all.value_at_risk for one in overview.line]
    worst = [one.tiers.get(_WORST, Total(0, 0.0)).value_at_risk for one in overview.line]
    named = (("today.chart.all", everyone), ("today.chart.high", worst))
    return Chart(
        key="line",
        title=words.say("today.chart.line"),
        unit=words.style.currency or words.say("today.chart.money"),
        across=words.say("today.chart.day"),
        categories=[words.date(one.as_of) for one in overview.line],
        series=[
            Series(name=words.say(key), values=values, texts=[words.amount(one, "money") for one in values])
            for key, values in named
        ],
        kind="line",
        format="money",
    )


def by(kind: str, groups: Sequence[tuple[str, Total]], overview: Overview, words: Words) -> Chart:
    """Return customers by tier or stage, each bar leading to its customers."""
    texts = [_with_money(one, overview, words) for _, one in groups]
    counts = Series(name=words.say("today.chart.customers"), values=[one.customers for _, one in groups], texts=texts)
    return Chart(
        key=kind,
        title=words.say(f"today.chart.{kind}"),
        unit=words.say("today.chart.customers"),
        across=words.say(f"today.chart.by_{kind}"),
        categories=[words.sentence(words.say(f"{kind}.{name}")) for name, _ in groups],
        series=[counts],
        kind="rows",
        links=[list_of(**{kind: name}) for name, _ in groups],
    )


def _with_money(total: Total, overview: Overview, words: Words) -> str:
    count = words.number(total.customers)
    if not overview.has_value:
        return count
    return words.say("today.with_money", n=count, amount=words.amount(total.value_at_risk, "money"))


def summary(changes: Changes, words: Words) -> str:
    """Say in one sentence how value at risk moved."""
    key = "rose" if changes.after > changes.before else "fell" if changes.after < changes.before else "stayed"
    amounts: Mapping[str, float] = {
        "by": abs(changes.after - changes.before),
        "before": changes.before,
        "after": changes.after,
    }
    written = {name: words.amount(value, "money") for name, value in amounts.items()}
    return words.say(f"today.moved.{key}", since=words.date(changes.since), **written)


def reasons(changes: Changes) -> Sequence[Reasoned]:
    """Return the reasons that became more frequent."""
    return [one for one in changes.reasons if one.after > one.before]


def alert(one: Judged, words: Words) -> str:
    """Say what is unusual: the figure, and what it usually is or should be."""
    unit = _UNITS.get(one.measure, "number")
    ends = {name: words.amount(end, unit) for name, end in (("low", one.low), ("high", one.high)) if end is not None}
    value = "" if one.value is None else words.amount(one.value, unit)
    expected = words.say(f"today.expected.{'_'.join(ends)}", **ends) if ends else ""
    return words.say(
        "today.alert_line", subject=words.say(f"today.alert.{one.measure}"), value=value, expected=expected
    )
