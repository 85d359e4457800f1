"""What monitoring found, as tables for people, as plain values, and as the few figures of Prometheus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from training.evaluation.bootstrap import Estimate
from training.evaluation.sheet import Sheet, with_interval
from training.monitoring.alerts import Judged
from training.monitoring.drift import Drift, Finding
from training.monitoring.monitor import InUse, Monitored
from training.monitoring.realised import Band, RiskWeek, Shown, inside
from training.names import title_of

#: Features of a table of drift, beside those that have drifted.
_FEATURES = 10
_NAMES = {"roc_auc": "AUC", "ece": "calibration error", "lift_at_10": "lift at 10 %", "churn_rate": "churn rate"}
ESTIMATES = (
    "Estimated: what the risks alone let expect (95 %), while outcomes are not known. It holds as far as the risks are "
    "calibrated."
)


def sheets(found: Monitored) -> list[Sheet]:
    """Return every table, in the order of the page."""
    return [*(sheet for one in found.models for sheet in _of_model(one)), *_alerts(found.judged)]


def as_json(found: Monitored) -> dict[str, Any]:
    """Return all of it as plain values."""
    return {
        "as_of": found.as_of.isoformat(),
        "models": [_model_json(one) for one in found.models],
        "figures": [asdict(one) for one in found.figures],
        "alerts": [{**asdict(one), "outside": one.outside} for one in found.judged],
    }


def measures(found: Monitored, alerts_open: int, now: datetime) -> dict[str, Any]:
    """Return what `/metrics` shows: figures of the last known week of each version, drift, and open alerts."""
    versions: dict[str, dict[str, float]] = {}
    for week in (week for one in found.models for week in one.weeks):
        kept = versions.setdefault(week.model, {})
        kept |= {f"estimated_{name}": one.value for name, one in week.estimated.items()}
        kept |= {f"realised_{name}": one.value for name, one in (week.realised or {}).items()}
    drift = {one.model: one.drift for one in found.models if one.drift is not None}
    return {
        "at": now.isoformat(),
        "versions": versions,
        "largest_movement": {name: max(map(_over_limit, one.findings), default=0.0) for name, one in drift.items()},
        "drifted_features": {name: len(one.moved_features) for name, one in drift.items()},
        "drifted": {name: int(one.drifted) for name, one in drift.items()},
        "alerts_open": alerts_open,
    }


def bands_of(weeks: Sequence[RiskWeek]) -> list[Band]:
    """Return the bands of all known weeks of the last version that has any, together."""
    known = [week for week in weeks if week.realised is not None]
    if not known:
        return []
    by_band: dict[tuple[float, float], list[Band]] = {}
    for week in (week for week in known if week.model == known[-1].model):
        for band in week.bands:
            by_band.setdefault((band.low, band.high), []).append(band)
    return [_together(parts) for _, parts in sorted(by_band.items())]


def expected_and_left(bands: Sequence[Band]) -> tuple[float, float]:
    """Return how many customers the risks of bands let expect to leave, and how many left."""
    return sum(band.customers * band.risk for band in bands), sum(band.customers * band.churned for band in bands)


def most_moved(drift: Drift) -> list[Finding]:
    """Return what readers look at first: what is no single feature, the features that have drifted, and some others.

    Features are in the order of how far they have moved.
    """
    features = sorted((f for f in drift.findings if f.kind == "feature"), key=_over_limit, reverse=True)
    drifted = [f for f in features if f.drifted]
    others = [f for f in drift.findings if f.kind != "feature"]
    return [*others, *drifted, *[f for f in features if not f.drifted][:_FEATURES]]


def _of_model(one: InUse) -> Iterator[Sheet]:
    title = title_of(one.model).capitalize()
    if one.weeks:
        yield _weeks(title, one)
    if bands := bands_of(one.weeks):
        yield Sheet(
            f"{title}: who left, by the risk that was answered",
            ("risk", "answers", "mean risk", "left"),
            [(f"{b.low:.0%} to {b.high:.0%}", f"{b.customers:,}", f"{b.risk:.1%}", f"{b.churned:.1%}") for b in bands],
            ("All weeks of the last version whose outcomes are known.",),
        )
    if one.offers:
        yield from _offers(title, one)
    if one.drift is not None:
        yield _drift(title, one.drift)
    if one.problem is not None:
        yield Sheet(f"{title}: drift", ("not known",), [(one.problem,)])


def _weeks(title: str, one: InUse) -> Sheet:
    rows = []
    for week in one.weeks:
        realised = week.realised or {}
        cells = [
            text
            for name in ("roc_auc", "churn_rate", "lift_at_10")
            for text in (_short(week.estimated.get(name)), _short(realised.get(name)))
        ]
        rows.append((f"{week.week:%Y-%m-%d}", week.model, f"{week.customers:,}", *cells, _short(realised.get("ece"))))
    columns = ("week", "version", "customers")
    pairs = [f"{_NAMES[name]}, {kind}" for name in ("roc_auc", "churn_rate", "lift_at_10") for kind in ("est.", "real")]
    return Sheet(f"{title}: answers and what came of them", (*columns, *pairs, _NAMES["ece"]), rows, _notes(one))


def _notes(one: InUse) -> list[str]:
    notes = [
        f"{label} promised (test snapshots): "
        + ", ".join(f"{_NAMES[name]} {value:.3f}" for name, value in metrics.items())
        + "."
        for label, metrics in one.promised.items()
        if metrics
    ]
    counts = inside(one.weeks)
    if counts:
        shares = ", ".join(f"{_NAMES[name]} {hits} of {total}" for name, (hits, total) in counts.items())
        notes.append(f"Realised figures inside the interval that was estimated: {shares}.")
    return [*notes, ESTIMATES]


def _offers(title: str, one: InUse) -> Iterator[Sheet]:
    columns = ("shown", "bought", "share")
    weeks = [(f"{week.week:%Y-%m-%d}", week.model, *_counts(week.all)) for week in one.offers]
    yield Sheet(f"{title}: offers shown and bought within the horizon", ("week", "version", *columns), weeks)
    for name, groups in (("kind", "by_kind"), ("place", "by_place")):
        totals: dict[Any, Shown] = {}
        for week in one.offers:
            for key, shown in getattr(week, groups).items():
                before = totals.get(key, Shown(0, 0))
                totals[key] = Shown(before.shown + shown.shown, before.bought + shown.bought)
        rows = [(str(key), *_counts(shown)) for key, shown in sorted(totals.items())]
        yield Sheet(f"{title}: offers by {name}", (name, *columns), rows)


def _drift(title: str, drift: Drift) -> Sheet:
    rows = [
        (f.name, _value(f), _number(f.limit), _number(f.natural), "drifted" if f.drifted else "")
        for f in most_moved(drift)
    ]
    verdict = "has drifted" if drift.drifted else "has not drifted"
    notes = [
        f"{drift.model} {verdict} since its last training snapshot, {drift.trained:%Y-%m-%d}; natural movement is that "
        f"of {drift.pairs} pairs of earlier snapshots as far apart.",
        *drift.reasons,
    ]
    return Sheet(f"{title}: drift", ("what", "moved", "limit", "natural", ""), rows, notes)


def _alerts(judged: Sequence[Judged]) -> Iterator[Sheet]:
    if judged:
        states: Mapping[bool | None, str] = {True: "alert", False: "", None: "not judged"}
        rows = [(one.rule, one.text, states[one.outside]) for one in judged]
        yield Sheet("Alerts", ("rule", "figure", ""), rows)


def _model_json(one: InUse) -> dict[str, Any]:
    drift = one.drift
    return {
        "model": one.model,
        "weeks": [asdict(week) for week in one.weeks],
        "inside": {name: {"inside": hits, "of": total} for name, (hits, total) in inside(one.weeks).items()},
        "offers": [asdict(week) for week in one.offers],
        "promised": one.promised,
        "drift": None if drift is None else {**asdict(drift), "drifted": drift.drifted, "reasons": drift.reasons},
        "problem": one.problem,
    }


def _together(bands: Sequence[Band]) -> Band:
    count = sum(band.customers for band in bands)
    risk = sum(band.customers * band.risk for band in bands) / count
    churned = sum(band.customers * band.churned for band in bands) / count
    return Band(bands[0].low, bands[0].high, count, risk, churned)


def _counts(shown: Shown) -> tuple[str, str, str]:
    return f"{shown.shown:,}", f"{shown.bought:,}", f"{shown.share:.1%}"


def _over_limit(finding: Finding) -> float:
    """Return the stability index of a feature over its limit; above 1 it has drifted."""
    return finding.value / finding.limit if finding.kind == "feature" and finding.limit else 0.0


def _value(finding: Finding) -> str:
    forms = {"base rate": "{:.1%}", "volume": "{:,.0f}"}
    return forms.get(finding.kind, "{:,.2f}").format(finding.value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _short(one: Estimate | None) -> str:
    return with_interval(one).replace("0.", ".") if one is not None else "–"
