"""The pictures of the monitoring page."""

from collections.abc import Sequence
from math import isnan

import numpy as np
from matplotlib.figure import Figure as Picture

from training.monitoring.alerts import Judged
from training.monitoring.drift import Drift
from training.monitoring.figures import Figure
from training.monitoring.monitor import InUse
from training.monitoring.realised import RiskWeek
from training.monitoring.report import bands_of

_BLUE, _RED, _GREY = "#1f5fa8", "#c03028", "#888888"
_SIZE = (7.0, 3.2)
#: Features of the picture of drift.
_FEATURES = 12


def by_week(one: InUse, metric: str, title: str) -> Picture:
    """Draw what was estimated, what was realised and what training promised of a metric, week by week."""
    picture = Picture(figsize=_SIZE, layout="constrained")
    axes = picture.subplots()
    for place, model in enumerate(dict.fromkeys(week.model for week in one.weeks)):
        weeks = [week for week in one.weeks if week.model == model]
        first = place == 0
        _estimates(axes, [week for week in weeks if metric in week.estimated], metric, first=first)
        known = [week for week in weeks if week.realised is not None and metric in week.realised]
        values = [week.realised[metric] for week in known if week.realised is not None]
        if values:
            errors = [[v.value - v.low for v in values], [v.high - v.value for v in values]]
            axes.errorbar(
                [week.week for week in known],  # type: ignore[arg-type]
                [v.value for v in values],
                yerr=np.maximum(errors, 0),
                fmt="o",
                color=_RED,
                markersize=4,
                label="realised" if first else None,
            )
        promise = one.promised.get(model, {}).get(metric)
        if promise is not None:
            span = [weeks[0].week, weeks[-1].week]
            axes.plot(
                span,  # type: ignore[arg-type]
                [promise, promise],
                color=_GREY,
                linestyle="--",
                label="promised by training" if first else None,
            )
    axes.set(ylabel=title)
    axes.legend(fontsize=8)
    picture.autofmt_xdate()
    return picture


def _estimates(axes: object, weeks: Sequence[RiskWeek], metric: str, *, first: bool) -> None:
    moments = [week.week for week in weeks]
    values = [week.estimated[metric] for week in weeks]
    axes.fill_between(  # type: ignore[attr-defined]
        moments,
        [v.low for v in values],
        [v.high for v in values],
        color=_BLUE,
        alpha=0.2,
        label="estimated (95 %)" if first else None,
    )
    axes.plot(moments, [v.value for v in values], color=_BLUE, linewidth=1)  # type: ignore[attr-defined]


def bands(one: InUse) -> Picture:
    """Draw the mean risk and the share who left, by band of risk."""
    picture = Picture(figsize=_SIZE, layout="constrained")
    axes = picture.subplots()
    found = bands_of(one.weeks)
    places = np.arange(len(found))
    axes.bar(places - 0.2, [100 * band.risk for band in found], 0.4, color=_BLUE, label="mean risk")
    axes.bar(places + 0.2, [100 * band.churned for band in found], 0.4, color=_RED, label="left")
    names = [f"{band.low:.0%}–{band.high:.0%}\n{band.customers:,}" for band in found]
    axes.set_xticks(places, names, fontsize=8)
    axes.set(ylabel="%", xlabel="risk that was answered, and number of answers")
    axes.legend(fontsize=8)
    return picture


def offers(one: InUse) -> Picture:
    """Draw the share of offers that were bought, by place and by week."""
    picture = Picture(figsize=_SIZE, layout="constrained")
    left, right = picture.subplots(1, 2)
    places = sorted({place for week in one.offers for place in week.by_place})
    shown = [sum(week.by_place[p].shown for week in one.offers if p in week.by_place) for p in places]
    bought = [sum(week.by_place[p].bought for week in one.offers if p in week.by_place) for p in places]
    left.bar([str(p) for p in places], [100 * b / s for b, s in zip(bought, shown, strict=True)], color=_BLUE)
    left.set(xlabel="place", ylabel="% bought within the horizon")
    right.plot([w.week for w in one.offers], [100 * w.all.share for w in one.offers], marker="o", color=_BLUE)
    right.set(xlabel="week", ylabel="% bought")
    right.tick_params(axis="x", rotation=30, labelsize=8)
    return picture


def drift(found: Drift) -> Picture:
    """Draw how far features and scores have moved, as a share of their limits."""
    judged = [f for f in found.findings if f.kind in {"feature", "scores"} and f.limit]
    shown = sorted(judged, key=lambda f: f.value / (f.limit or 1), reverse=True)[:_FEATURES][::-1]
    picture = Picture(figsize=(7.0, 0.8 + 0.25 * len(shown)), layout="constrained")
    axes = picture.subplots()
    colors = [_RED if f.drifted else _BLUE for f in shown]
    axes.barh([f.name for f in shown], [f.value / (f.limit or 1) for f in shown], color=colors)
    for place, f in enumerate(shown):
        if f.natural is not None:
            axes.plot([f.natural / (f.limit or 1)], [place], marker="|", color="black", markersize=12)
    axes.axvline(1, color=_GREY, linestyle="--")
    axes.set(xlabel="stability index over its limit (black: natural)")
    axes.tick_params(axis="y", labelsize=8)
    return picture


def figure(one: Figure, rules: Sequence[Judged]) -> Picture:
    """Draw a figure with its history, and the limits of its rules."""
    picture = Picture(figsize=(7.0, 1.8), layout="constrained")
    axes = picture.subplots()
    values = [*one.history, one.value]
    axes.plot(range(1 - len(values), 1), values, color=_BLUE, marker=".", linewidth=1)
    outside = any(rule.outside for rule in rules)
    if not isnan(one.value):
        axes.plot([0], [one.value], marker="o", color=_RED if outside else _BLUE)
    for rule in rules:
        for limit in (rule.low, rule.high):
            if limit is not None:
                axes.axhline(limit, color=_GREY, linestyle="--", linewidth=0.8)
    axes.set(xlabel="earlier figures, and now (0)")
    return picture
