"""Two versions on the same rows: differences by hand, paired by customer."""

import numpy as np
import pytest

from training.evaluation.bootstrap import Draws, Estimate
from training.evaluation.comparison import (
    Comparison,
    Difference,
    Probabilities,
    Slice,
    calibration_difference,
    differences,
    groups_of,
    mean_difference,
)


def test_metrics_that_both_have_are_compared_draw_by_draw() -> None:
    points = {"b": {"auc": 0.8, "ece": 0.1}, "a": {"auc": 0.7}}
    values = {"b": {"auc": np.array([0.7, 0.9]), "ece": np.zeros(2)}, "a": {"auc": np.array([0.6, 0.8])}}
    found = differences(Draws(points, values), "b", "a")
    assert list(found) == ["auc"]
    change = found["auc"].difference
    assert (change.low, change.value, change.high) == pytest.approx((0.1, 0.1, 0.1))


def test_means_are_drawn_by_customer() -> None:
    """One customer with many alike rows says less than many customers with one each."""
    rng = np.random.default_rng(3)
    theirs = rng.uniform(size=400)
    ours = theirs + rng.normal(0.02, 0.2, 400)
    own = mean_difference(ours, theirs, np.arange(400))
    assert own.difference.value == pytest.approx(ours.mean() - theirs.mean())
    assert own.difference.low < own.difference.value < own.difference.high
    copies = np.repeat(np.arange(40), 10)
    alike = mean_difference(np.repeat(ours[:40], 10), np.repeat(theirs[:40], 10), copies)
    assert alike.difference.high - alike.difference.low > 2 * (own.difference.high - own.difference.low)


def test_calibration_errors_follow_their_definition() -> None:
    rng = np.random.default_rng(5)
    chance = rng.uniform(size=3_000)
    bought = (rng.uniform(size=3_000) < chance).astype("int64")
    owners = np.repeat(np.arange(300), 10)
    right, wrong = Probabilities(chance, bought, owners), Probabilities(np.minimum(chance + 0.2, 1), bought, owners)
    found = calibration_difference(wrong, right, 300)
    for one, error in ((wrong, found.challenger), (right, found.champion)):
        order = np.argsort(one.values, kind="stable")
        parts = np.array_split(order, 15)
        by_hand = sum(abs((one.values[p] - one.outcomes[p]).sum()) for p in parts) / 3_000
        assert error == pytest.approx(by_hand)
    assert found.champion < 0.03
    assert found.challenger > 0.15
    assert found.difference.low > 0.1


def test_groups_are_about_equal() -> None:
    groups = groups_of(np.arange(90.0), ("few", "some", "many"))
    assert [int(mask.sum()) for mask in groups.values()] == [30, 30, 30]
    assert groups["few"][:30].all()


def test_tables_name_both_versions() -> None:
    one = Difference(0.81, 0.8, Estimate(0.01, -0.002, 0.03))
    comparison = Comparison(
        "roc_auc", ("2024-01-01",), 10, 5, {"roc_auc": one, "ece": one}, {"tenure": {"new": Slice(7, one)}}
    )
    metrics, by_slice = comparison.sheets("m/2", "m/1")
    assert metrics.rows[0] == ("roc_auc", "0.810", "0.800", "+0.010 (-0.002 to +0.030)")
    assert "10 rows of 5 customers" in metrics.notes[0]
    assert by_slice.rows == [("tenure", "new", "7", "0.810", "0.800", "+0.010 (-0.002 to +0.030)")]
