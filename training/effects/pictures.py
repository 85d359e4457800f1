"""Pictures of what a campaign changed, for notebooks."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.effects.findings import Found, Verdict
from training.effects.outcomes import Measure
from training.effects.report import EffectReport

_COLOURS: dict[Verdict, str] = {
    "effect": "tab:green",
    "harm": "tab:red",
    "no_effect_seen": "0.45",
    "not_yet_known": "0.75",
}


def effect_intervals(report: EffectReport) -> Figure:
    """Draw the difference on the goal's measure by arm, and below each arm in its groups.

    A thick line is the interval of 95 % of the difference alone, a thin one the interval that decides; the colour is
    the verdict. A difference that is not known has its name and no point.
    """
    rows = _rows(report)
    figure = Figure(figsize=(8, 1.2 + 0.35 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="0.7", linestyle="--")
    for place, (_, found, verdict) in enumerate(rows):
        if found is None or not found.effect.known:
            continue
        effect, colour = found.effect, _COLOURS[verdict]
        if found.judged:
            axes.hlines(place, found.low, found.high, color=colour, linewidth=1)
        axes.hlines(place, effect.low, effect.high, color=colour, linewidth=4)
        axes.plot(effect.value, place, "o", color=colour)
    axes.set(
        yticks=range(len(rows)),
        yticklabels=[name for name, _, _ in rows],
        ylim=(len(rows) - 0.5, -0.5),
        xlabel=_label(report.goal_measure),
        title=", ".join(report.campaigns),
    )
    if report.goal_measure == "retained":
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _rows(report: EffectReport) -> list[tuple[str, Found | None, Verdict]]:
    """Return name, difference and verdict of each line of the picture, from top to bottom."""
    rows: list[tuple[str, Found | None, Verdict]] = []
    for arm in report.arms:
        rows.append((arm.arm, arm.found.get(report.goal_measure), arm.verdict))
        rows += [(f"{arm.arm}, {one.by}: {one.group}", one.found, one.verdict) for one in arm.groups]
    return rows


def _label(measure: Measure) -> str:
    if measure == "retained":
        return "customers who stay because of the contact"
    return f"{measure} more for each customer"
