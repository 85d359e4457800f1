"""What monitoring found comes back as it was, and what cannot be read counts as nothing."""

from datetime import UTC, datetime, timedelta
from math import isnan, nan
from pathlib import Path

from core.settings import StoreSettings
from training.evaluation.bootstrap import Estimate
from training.monitoring.alerts import Judged
from training.monitoring.drift import Drift, Finding
from training.monitoring.kept import keep, read_kept
from training.monitoring.monitor import InUse, Monitored
from training.monitoring.realised import Band, OfferWeek, RiskWeek, Shown
from training.monitoring.report import bands_of, expected_and_left, most_moved

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def found(value: float = 0.3) -> Monitored:
    """A churn model in use for two weeks, and offers for one."""
    week = RiskWeek(
        "encore-churn/1",
        NOW - timedelta(days=28),
        100,
        {"churn_rate": Estimate(0.2, 0.1, 0.3)},
        {"churn_rate": Estimate(0.25, 0.15, 0.35)},
        (Band(0.1, 0.2, 40, 0.15, 0.1), Band(0.5, 0.6, 60, 0.55, 0.5)),
    )
    open_week = RiskWeek("encore-churn/1", NOW - timedelta(days=7), 90, {"churn_rate": Estimate(0.2, 0.1, 0.3)}, None)
    findings = (
        Finding("feature", "calm", 0.01, 0.1, 0.02, False, "Calm."),
        Finding("feature", "wild", value, 0.1, None, True, "Wild."),
        Finding("scores", "scores", 0.01, None, None, False, "Scores."),
    )
    drift = Drift("encore-churn/1", NOW - timedelta(days=60), NOW, 3, findings)
    shown = Shown(10, 2)
    offers = OfferWeek("encore-next-product/1", NOW - timedelta(days=28), 5, shown, {"next": shown}, {1: shown})
    return Monitored(
        NOW,
        (
            InUse("churn", (week, open_week), (), {"encore-churn/1": {"churn_rate": 0.22}}, drift),
            InUse("next_product", offers=(offers,), problem=None),
        ),
        (),
        (Judged("drift above 0", "drift", 1.0, None, 0.0, "Models that have drifted: 1."),),
    )


def test_what_was_found_comes_back_as_it_was(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    assert read_kept(stores) is None
    keep(stores, found(), NOW)
    kept = read_kept(stores)
    assert kept is not None
    assert (kept.at, kept.as_of, kept.models, kept.judged) == (NOW, NOW, found().models, found().judged)
    assert kept.model("value") is None
    assert kept.judged[0].outside


def test_a_figure_that_is_no_number_stays_one(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    keep(stores, found(nan), NOW)
    kept = read_kept(stores)
    assert kept is not None
    assert kept.models[0].drift is not None
    assert isnan(kept.models[0].drift.findings[1].value)


def test_what_another_version_wrote_counts_as_nothing(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    keep(stores, found(), NOW)
    (tmp_path / "monitored.json").write_text('{"at": "2024-03-01T00:00:00Z"}')
    assert read_kept(stores) is None


def test_customers_are_counted_over_bands_and_what_moved_comes_first() -> None:
    one = found().models[0]
    assert expected_and_left(bands_of(one.weeks)) == (40 * 0.15 + 60 * 0.55, 40 * 0.1 + 60 * 0.5)
    assert one.drift is not None
    assert [finding.name for finding in most_moved(one.drift)] == ["scores", "wild", "calm"]
