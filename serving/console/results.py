"""Results of campaigns in words: what an action changed, how sure that is, and what it earned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.campaigns.checks import check_text
from serving.campaigns.report import CampaignReport
from serving.console.charts import Chart, Series
from serving.console.planned import title_of
from serving.console.words import Words
from serving.decisions.definitions import Decisions
from training.effects.difference import Effect
from training.effects.findings import ArmReport, Check, Found, GroupFound, Verdict
from training.effects.measured import MeasuredEffect, needs_more
from training.effects.outcomes import Measure
from training.evaluation.bootstrap import Estimate

#: Measures that are written for 100 customers; the others are money for each customer.
_PER_HUNDRED: frozenset[Measure] = frozenset({"retained", "orders"})
#: Signs of badges.
_KINDS = {"effect": "good", "harm": "bad", "no_effect_seen": "plain", "not_yet_known": "watch"}
_CHECKED = {"ok": "good", "alarm": "bad", "not_checked": "plain"}


@dataclass(frozen=True)
class Names:
    """What actions and segments are called, in the reader's language."""

    words: Words
    decisions: Decisions | None
    segments: Mapping[str, str]

    def action(self, name: str) -> str:
        """Return what an action is called; "" is all actions together."""
        return title_of(self.words, self.decisions, name) if name else self.words.say("campaigns.all_actions")

    def group(self, by: str, name: str) -> str:
        """Return what a group of customers is called."""
        if by == "all":
            return self.words.say("campaigns.everyone")
        if by == "segment":
            return self.words.say("campaigns.of_segment", name=self.segments.get(name, name))
        key = f"finding.{name}"
        return self.words.say("campaigns.of_reason", name=self.words.say(key) if self.words.has(key) else name)


@dataclass(frozen=True)
class Difference:
    """What an action changed on one measure, in words.

    Attributes
    ----------
    range
        The ends of the interval that decides.
    """

    action: str
    measure: str
    with_action: str
    without: str
    value: str
    range: str
    verdict: str
    kind: str


@dataclass(frozen=True)
class GroupRow:
    """What an action changed for a group of customers, in words."""

    action: str
    group: str
    range: str
    customers: str
    verdict: str
    kind: str


@dataclass(frozen=True)
class MoneyRow:
    """What an action cost and brought, in words."""

    action: str
    cost: str
    margin: str
    net: str
    back: str


class ResultWriter:
    """Writes a report in the reader's language."""

    def __init__(self, names: Names) -> None:
        self._names, self._words = names, names.words

    def sentence(self, report: CampaignReport) -> str:
        """Say in a sentence or two what a campaign changed."""
        effects, total, say = report.effects, report.effects.total, self._words.say
        found = total.found.get(effects.goal_measure)
        if total.verdict == "not_yet_known" or found is None:
            known = {"known": self._words.number(effects.known), "all": self._words.number(effects.customers)}
            first = say("campaigns.sentence.not_yet_known", **known)
            missing = self.missing(total.needed_more)
            return first if not missing or not effects.final else say("decision.sentences", first=first, second=missing)
        key = f"campaigns.sentence.{total.verdict}.{'stay' if effects.goal_measure == 'retained' else 'sell'}"
        ends = self._ends(effects.goal_measure, found.low, found.high)
        return say(key, value=self._size(effects.goal_measure, abs(found.effect.value)), range=ends)

    def earned(self, report: CampaignReport) -> str | None:
        """Say what a campaign earned after its costs; None where that is not known."""
        net = report.effects.total.money.net
        return None if net is None else self._words.say("campaigns.sentence.net", amount=self._estimate(net))

    def still_missing(self, report: CampaignReport) -> str:
        """Say about how many customers a result needs beyond those whose results are to come; empty where none."""
        effects = report.effects
        needed = effects.total.needed_more
        if effects.final or needed is None:
            return ""
        return self.missing(max(0, needed - (effects.customers - effects.known)))

    def missing(self, count: int | None) -> str:
        """Say about how many more customers would show a difference; empty where none are missing."""
        if count is None:
            return self._words.say("campaigns.never")
        about = round(count, -max(0, len(str(count)) - 2))
        return self._words.plural("campaigns.missing", about) if count else ""

    def verdict(self, verdict: Verdict) -> tuple[str, str]:
        """Return a verdict in a few words, and the sign of its badge."""
        return self._words.say(f"campaigns.verdict.{verdict}"), _KINDS[verdict]

    def differences(self, report: CampaignReport) -> list[Difference]:
        """Return what each action changed on each measure."""
        return [self._difference(arm, measure, found) for arm in _arms(report) for measure, found in arm.found.items()]

    def groups(self, report: CampaignReport) -> list[GroupRow]:
        """Return for whom each action worked."""
        goal = report.effects.goal_measure
        return [self._group(arm, goal, one) for arm in report.effects.arms for one in arm.groups]

    def money(self, report: CampaignReport) -> list[MoneyRow]:
        """Return what each action cost and brought."""
        return [
            MoneyRow(
                self._names.action(arm.arm),
                "–" if arm.money.cost is None else self._words.amount(arm.money.cost, "money"),
                self._estimate(arm.money.margin),
                self._estimate(arm.money.net),
                self._estimate(arm.money.return_on_investment),
            )
            for arm in _arms(report)
        ]

    def checks(self, report: CampaignReport) -> list[tuple[str, str, str]]:
        """Return of each check its name, its sentence, and the sign of its badge."""
        return [self._check(one) for one in report.effects.checks]

    def chart(self, report: CampaignReport) -> Chart | None:
        """Draw the differences on the goal's measure; None where none can be judged yet."""
        goal, words = report.effects.goal_measure, self._words
        pairs = [(arm, arm.found[goal]) for arm in _arms(report) if goal in arm.found and arm.found[goal].judged]
        if not pairs:
            return None
        scale = 100.0 if goal in _PER_HUNDRED else 1.0
        found = [one for _, one in pairs]
        series = Series(
            name=words.say(f"campaigns.measure.{goal}"),
            values=[scale * one.effect.value for one in found],
            texts=[f"{self._size(goal, one.effect.value)} ({self._judged(goal, one)})" for one in found],
            low=[scale * one.low for one in found],
            high=[scale * one.high for one in found],
        )
        return Chart(
            key="effect",
            title=words.say("campaigns.chart.title"),
            unit=words.say(f"campaigns.chart.{goal if goal in _PER_HUNDRED else 'money'}"),
            across=words.say("campaigns.column.action"),
            categories=[self._names.action(arm.arm) for arm, _ in pairs],
            series=[series],
            kind="rows",
        )

    def measured(self, effects: Sequence[MeasuredEffect]) -> list[GroupRow]:
        """Return for whom actions worked in all campaigns together, on the measures of goals."""
        return [self._measured(one) for one in effects if one.measure in _PER_HUNDRED]

    def _measured(self, one: MeasuredEffect) -> GroupRow:
        missing = needs_more(one)
        verdict: Verdict = "effect" if one.low > 0 else "harm" if one.high < 0 else "no_effect_seen"
        text, kind = self.verdict("not_yet_known" if missing else verdict)
        return GroupRow(
            self._names.action(one.action),
            self._names.group(one.by, one.group),
            self._words.say(f"campaigns.per_hundred.{one.measure}", range=self._ends(one.measure, one.low, one.high)),
            self._words.number(one.customers + one.controls),
            f"{text} {self.missing(missing)}".strip(),
            kind,
        )

    def _group(self, arm: ArmReport, goal: Measure, one: GroupFound) -> GroupRow:
        text, kind = self.verdict(one.verdict)
        effect = one.found.effect
        return GroupRow(
            self._names.action(arm.arm),
            self._names.group(one.by, one.group),
            self._ends(goal, one.found.low, one.found.high) if one.found.judged else "–",
            self._words.number(effect.customers + effect.controls),
            f"{text} {self.missing(one.needed_more)}".strip() if one.verdict == "not_yet_known" else text,
            kind,
        )

    def _difference(self, arm: ArmReport, measure: Measure, found: Found) -> Difference:
        effect: Effect = found.effect
        kind = {1: "good", -1: "bad", 0: "plain"}[found.sign] if found.judged else "watch"
        key = {"good": "more", "bad": "less", "plain": "nothing", "watch": "unknown"}[kind]
        values = (effect.mean, effect.control_mean, effect.value)
        with_action, without, value = (self._size(measure, one) if effect.known else "–" for one in values)
        return Difference(
            self._names.action(arm.arm),
            self._words.sentence(self._words.say(f"campaigns.measure.{measure}")),
            with_action,
            without,
            value,
            self._ends(measure, found.low, found.high) if found.judged else "–",
            self._words.say(f"campaigns.difference.{key}"),
            kind,
        )

    def _check(self, check: Check) -> tuple[str, str, str]:
        return (
            self._words.say(f"campaigns.check.{check.name}"),
            check_text(self._words, check, self._names.action),
            _CHECKED[check.status],
        )

    def _judged(self, measure: Measure, found: Found) -> str:
        ends = self._ends(measure, found.low, found.high)
        return ends if found.sign else self._words.say("campaigns.may_be_nothing", range=ends)

    def _ends(self, measure: Measure, low: float, high: float) -> str:
        """Write a range of differences: an end below zero says how many fewer, and has no sign."""
        # an end that is written as zero has no side
        digits = 3 if measure in _PER_HUNDRED else 2
        below, above = round(low, digits) < 0, round(high, digits) > 0
        key = "both" if below and above else "fewer" if below else "more"
        near, far = (high, low) if key == "fewer" else (low, high)
        ends = {"low": self._size(measure, abs(near)), "high": self._size(measure, abs(far))}
        return self._words.say(f"campaigns.range.{measure if measure in _PER_HUNDRED else 'money'}.{key}", **ends)

    def _size(self, measure: Measure, value: float) -> str:
        """Write a difference: of 100 customers, or money for each."""
        if measure in _PER_HUNDRED:
            return self._words.factor(100 * value)
        return self._words.amount(value, "price")

    def _estimate(self, found: Estimate | None) -> str:
        if found is None:
            return "–"
        value, low, high = (self._words.amount(one, "money") for one in (found.value, found.low, found.high))
        return self._words.say("contact.between", value=value, low=low, high=high)


def _arms(report: CampaignReport) -> list[ArmReport]:
    """Return the arms, and all together where there are several."""
    arms = report.effects.arms
    return [*arms, report.effects.total] if len(arms) > 1 else list(arms)
