"""The report of a campaign as tables, for the command line and notebooks."""

import math
from collections.abc import Callable, Iterator

from training.effects.findings import ArmReport, Check, Found, Verdict
from training.effects.outcomes import Measure
from training.effects.report import EffectReport
from training.evaluation.bootstrap import Estimate
from training.evaluation.sheet import Sheet

_VERDICTS: dict[Verdict, str] = {
    "effect": "effect",
    "no_effect_seen": "no effect seen",
    "harm": "harm",
    "not_yet_known": "not yet known",
}
_ALL = "all actions"
_UNKNOWN = "–"


def sheets(report: EffectReport, write: Callable[[Check], str] = lambda check: check.text) -> list[Sheet]:
    """Return verdicts and money, differences, groups where there are any, and checks.

    Parameters
    ----------
    write
        Writes the sentence of a check.
    """
    found = [_verdicts(report, write), _differences(report)]
    if report.total.groups:
        found.append(_groups(report))
    return [*found, _checks(report, write)]


def verdict(seen: Verdict, needed_more: int | None) -> str:
    """Write a verdict, and about how many more customers would show the difference, to two digits."""
    if not needed_more:
        return _VERDICTS[seen]
    about = f"about {round(needed_more, -max(0, len(str(needed_more)) - 2)):,} more"
    return _VERDICTS[seen] + (
        f", needs {about}" if seen == "not_yet_known" else f"; {about} would show this difference"
    )


def _shown(report: EffectReport) -> Iterator[tuple[str, ArmReport]]:
    """Yield the arms with their names, and all actions together where there are several."""
    for arm in report.arms:
        yield arm.arm, arm
    if len(report.arms) != 1:
        yield _ALL, report.total


def _verdicts(report: EffectReport, write: Callable[[Check], str]) -> Sheet:
    rows = [
        (
            name,
            f"{arm.known:,} of {arm.customers:,}",
            f"{arm.known_controls:,} of {arm.controls:,}",
            verdict(arm.verdict, arm.needed_more),
            _UNKNOWN if arm.money.cost is None else f"{arm.money.cost:,.2f}",
            _amount(arm.money.margin),
            _amount(arm.money.net),
            _share(arm.money.return_on_investment),
        )
        for name, arm in _shown(report)
    ]
    columns = (
        "action",
        "customers",
        "holdout",
        f"verdict on {report.goal_measure}",
        "cost",
        "incremental margin",
        "less cost",
        "return on investment",
    )
    return Sheet(f"Effect of {', '.join(report.campaigns) or 'no campaign'}", columns, rows, _notes(report, write))


def _notes(report: EffectReport, write: Callable[[Check], str]) -> list[str]:
    notes = [
        f"Outcomes of {report.known:,} of {report.customers:,} customers are known, over {report.days} days from the "
        "assignment. Intervals are of 95 %."
    ]
    notes += [write(check) for check in report.checks if check.status == "alarm"]
    if report.attribution is not None and report.attribution.share is not None:
        found = report.attribution
        notes.append(
            f"Attribution, which is no effect: {found.share:.1%} of {found.orders:,} orders came at most "
            f"{found.window_days} days after a contact of the campaign, the last one before the order."
        )
    return notes


def _differences(report: EffectReport) -> Sheet:
    rows = [(name, *_difference(measure, one)) for name, arm in _shown(report) for measure, one in arm.found.items()]
    columns = ("action", "measure", "with", "without", "difference", "interval that decides", "adjusted p")
    notes = (
        "Differences are adjusted to the measures of the days before the assignment, where these are known.",
        "The interval that decides holds for all measures and single actions together"
        + (", at every look." if report.decided_by == "sequential" else "."),
    )
    return Sheet("Differences", columns, rows, notes)


def _difference(measure: Measure, found: Found) -> tuple[str, ...]:
    effect = found.effect
    return (
        measure,
        _mean(measure, effect.mean),
        _mean(measure, effect.control_mean),
        _interval(measure, effect.value, effect.low, effect.high),
        _ends(measure, found.low, found.high),
        _p_value(found.p_value),
    )


def _groups(report: EffectReport) -> Sheet:
    rows = [
        (
            name,
            f"{one.by}: {one.group}",
            f"{one.found.effect.customers:,} / {one.found.effect.controls:,}",
            _interval(report.goal_measure, one.found.effect.value, one.found.effect.low, one.found.effect.high),
            _ends(report.goal_measure, one.found.low, one.found.high),
            verdict(one.verdict, one.needed_more),
        )
        for name, arm in _shown(report)
        for one in arm.groups
    ]
    columns = ("action", "group", "with / without", f"difference of {report.goal_measure}", "decides", "verdict")
    return Sheet("Groups of customers", columns, rows)


def _checks(report: EffectReport, write: Callable[[Check], str]) -> Sheet:
    rows = [(one.name.replace("_", " "), one.status.replace("_", " "), write(one)) for one in report.checks]
    return Sheet("Checks", ("check", "status", "found"), rows)


def _mean(measure: Measure, value: float) -> str:
    """Write a share in percent, and other values with two decimals; a dash where there is none."""
    if math.isnan(value):
        return _UNKNOWN
    return f"{value:.1%}" if measure == "retained" else f"{value:,.2f}"


def _difference_of(measure: Measure, value: float) -> str:
    """Write a difference of shares in points of percent, as percent would read as a relative one."""
    return f"{100 * value:+.1f}" if measure == "retained" else f"{value:+,.2f}"


def _ends(measure: Measure, low: float, high: float) -> str:
    if math.isnan(low):
        return _UNKNOWN
    return f"{_difference_of(measure, low)} to {_difference_of(measure, high)}"


def _interval(measure: Measure, value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return _UNKNOWN
    unit = " points" if measure == "retained" else ""
    return f"{_difference_of(measure, value)}{unit} ({_ends(measure, low, high)})"


def _p_value(value: float) -> str:
    if math.isnan(value):
        return _UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _amount(found: Estimate | None) -> str:
    return _UNKNOWN if found is None else f"{found.value:+,.2f} ({found.low:+,.2f} to {found.high:+,.2f})"


def _share(found: Estimate | None) -> str:
    return _UNKNOWN if found is None else f"{found.value:+.0%} ({found.low:+.0%} to {found.high:+.0%})"
