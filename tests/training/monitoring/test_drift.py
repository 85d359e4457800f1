"""Drift: silent where customers are the same or move as they always do, and found where they have changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.arrays import Floats
from tests.conftest import World
from training.churn.pipeline import CHURN
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Observed
from training.monitoring.drift import Drift, drift_of, moved_features, moved_scores, natural_pairs
from training.monitoring.history import LEAST, usual
from training.monitoring.psi import noise, psi
from training.monitoring.volume import weekly

START = datetime(2024, 1, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def at(week: int) -> datetime:
    return START + week * WEEK


def population(rng: np.random.Generator, week: int, size: int = 500) -> Mapping[str, Floats]:
    """Customers whose tenure grows with time, as it always does, and whose other features stay."""
    spend = rng.lognormal(3, 1, size)
    return {
        "tenure_days": rng.uniform(0, 100, size) + 7 * week,
        "spend": spend,
        "visits": rng.poisson(3, size).astype("float64"),
        "rating": np.where(rng.random(size) < 0.4, rng.integers(0, 11, size), np.nan),
        "season_sin": np.full(size, np.sin(week / 8)),
        "score": 1 / (1 + spend / 20),
    }


def observed(weeks: Mapping[int, Mapping[str, Floats]]) -> Observed:
    names = [name for name in next(iter(weeks.values())) if name != "score"]
    columns = {name: np.concatenate([rows[name] for rows in weeks.values()]) for name in names}
    sizes = [len(rows["score"]) for rows in weeks.values()]
    return Observed(
        customers=np.concatenate([np.array([str(i) for i in range(size)], dtype=object) for size in sizes]),
        snapshots=np.repeat([np.datetime64(at(week).replace(tzinfo=None), "us") for week in weeks], sizes),
        columns=columns,
        scores=np.concatenate([rows["score"] for rows in weeks.values()]),
    )


PAIR = at(20), at(40)
PAIRS = [(at(0), at(20)), (at(4), at(24)), (at(8), at(28))]
WEEKS = (0, 4, 8, 20, 24, 28, 40)


def judged(now: Observed) -> Drift:
    findings = [*moved_features(now, PAIR, PAIRS), *moved_scores(now, PAIR, PAIRS)]
    return Drift("toy/1", *PAIR, len(PAIRS), tuple(findings))


def test_the_index_equals_a_naive_sum() -> None:
    reference, now = np.array([1.0, 1, 1, 2, 2, np.nan]), np.array([1.0, 2, 2, 2, 2, 3, np.nan, np.nan])
    shares = [(3.5 / 7.5, 1.5 / 9.5), (2.5 / 7.5, 5.5 / 9.5), (1.5 / 7.5, 2.5 / 9.5)]  # half a row added to each bin
    value, bins = psi(reference, now)
    assert value == pytest.approx(sum((p - q) * np.log(p / q) for p, q in shares))
    assert bins == 3
    assert psi(reference, reference)[0] == 0
    assert psi(np.full(4, np.nan), np.full(4, np.nan)) == (0.0, 1)


@pytest.mark.parametrize(("rows", "others"), [(300, 900), (2_000, 2_000)])
def test_chance_exceeds_the_noise_as_often_as_it_says(rows: int, others: int) -> None:
    rng = np.random.default_rng(1)
    above, mean = 0, []
    for _ in range(400):
        value, bins = psi(rng.normal(size=rows), rng.normal(size=others))
        mean.append(value)
        above += value > noise(bins, rows, others, 0.05)
    assert 0.02 < above / 400 < 0.08
    assert np.mean(mean) == pytest.approx((bins - 1) * (1 / rows + 1 / others), rel=0.1)


def test_nothing_has_drifted_where_customers_move_as_always() -> None:
    for seed in range(15):
        rng = np.random.default_rng(seed)
        drift = judged(observed({week: population(rng, week) for week in WEEKS}))
        assert not drift.reasons, drift.reasons
        tenure = next(one for one in drift.findings if one.name == "tenure_days")
        assert tenure.value > 1  # has moved far, as between all other snapshots as far apart
        assert not {one.name for one in drift.findings} & {"season_sin"}


def test_what_has_changed_is_found_and_named() -> None:
    rng = np.random.default_rng(3)
    weeks = {week: dict(population(rng, week, 1_500)) for week in WEEKS}
    weeks[40]["spend"] = weeks[40]["spend"] * 1.6
    weeks[40]["rating"] = np.where(rng.random(1_500) < 0.5, np.nan, weeks[40]["rating"])  # fewer are known
    weeks[40]["score"] = 1 / (1 + weeks[40]["spend"] / 20)
    drift = judged(observed(weeks))
    assert drift.drifted
    assert set(drift.moved_features) == {"spend", "rating"}
    assert {one.kind for one in drift.findings if one.drifted} == {"feature", "features", "scores"}
    assert any("Spend moved by" in reason for reason in drift.reasons)
    separated = next(reason for reason in drift.reasons if "classifier" in reason)
    assert "spend" in separated


def test_a_change_of_how_features_go_together_is_found_by_the_classifier_alone() -> None:
    rng = np.random.default_rng(4)
    weeks = {week: dict(population(rng, week, 1_500)) for week in WEEKS}
    for week, rows in weeks.items():  # two features go together, at last in the other direction
        rows["visits"] = np.sort(rows["visits"])
        rows["spend"] = np.sort(rows["spend"])[:: -1 if week == 40 else 1]
    found = {one.kind: one.drifted for one in judged(observed(weeks)).findings}
    assert found == {"feature": False, "features": True, "scores": False}


def test_one_feature_alone_is_named_and_is_no_drift_of_the_version() -> None:
    rng = np.random.default_rng(5)
    weeks = {week: dict(population(rng, week)) for week in WEEKS}
    weeks[40]["visits"] = weeks[40]["visits"] + rng.integers(0, 3, 500)
    drift = judged(observed(weeks))
    only = replace(drift, findings=tuple(one for one in drift.findings if one.kind == "feature"))
    assert only.moved_features == ("visits",)
    assert only.reasons
    assert not only.drifted


def test_pairs_are_as_far_apart_and_not_near_to_now() -> None:
    earlier, now = [at(week) for week in range(41)], at(40) + timedelta(days=2)
    pairs = natural_pairs(earlier, at(20), now)
    assert len(pairs) == 6
    assert all(second - first == 20 * WEEK for first, second in pairs)
    assert max(second for _, second in pairs) <= now - timedelta(days=28)
    assert natural_pairs(earlier, at(1), now) == []
    assert natural_pairs([at(0)], at(0), now) == []


def test_usual_is_the_median_and_spreads_that_outliers_do_not_move() -> None:
    assert usual([1.0] * (LEAST - 1), 3) is None
    found = usual([10, 11, 9, 10, 12, 8, 10, 500, float("nan")], 3)
    assert found is not None
    assert found.median == 10
    assert found.high == pytest.approx(10 + 3 * 1.4826)
    assert found.holds(14)
    assert not found.holds(5)
    steady = usual([100.0] * LEAST, 5)
    assert steady is not None
    assert (steady.low, steady.high) == (90, 110)


def test_the_champion_of_the_world_has_not_drifted_and_a_shifted_copy_has(
    at_home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift = drift_of(CHURN, at_home.settings)
    assert drift is not None
    assert drift.pairs > 0
    assert not drift.drifted, drift.reasons
    assert {one.kind for one in drift.findings} == {"feature", "features", "scores", "base rate", "volume"}
    before = CHURN.observe

    def shifted(*arguments: object) -> Observed:
        rows = before(*arguments)  # type: ignore[arg-type]
        now = rows.snapshots == rows.snapshots.max()
        columns = {
            name: np.where(now, 0.5 * values, values) if name.startswith(("amount_", "baskets_")) else values
            for name, values in rows.columns.items()
        }
        inputs = np.column_stack([columns[name] for name in columns])
        version = Tracking(at_home.settings[TrackingSettings]).champion("encore-churn")
        model = Tracking(at_home.settings[TrackingSettings]).load(version, CHURN.artifact)
        return replace(rows, columns=columns, scores=model.risk(inputs))

    monkeypatch.setattr(CHURN, "observe", shifted)
    drift = drift_of(CHURN, at_home.settings)
    assert drift is not None
    assert drift.drifted
    assert len(drift.moved_features) > 5
    assert all(name.startswith(("amount_", "baskets_", "recency_")) for name in drift.moved_features)


def test_weeks_are_counted_from_the_moment_backwards(at_home: World) -> None:
    as_of = at_home.schedule.as_of
    counted = weekly(at_home.settings, as_of)
    rows = pd.read_parquet("data/contract/transactions.parquet")
    bought = rows[rows["quantity"] > 0]
    for place in (-1, -5):
        first = as_of + place * WEEK
        inside = bought[(bought["event_timestamp"] >= first) & (bought["event_timestamp"] < first + WEEK)]
        assert counted["order_lines"][place] == len(inside)
        assert counted["orders"][place] == inside["order_id"].nunique()
    assert len(counted["order_lines"]) == 27
    assert not any(counted["ratings"])
