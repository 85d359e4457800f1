"""Metrics of amounts against loops and worked examples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from core.arrays import Floats
from training.evaluation.amounts import (
    ACCURACY,
    METRICS,
    bootstrap,
    deciles,
    drawn_estimate,
    lorenz,
    measure,
)
from training.evaluation.bootstrap import times_drawn

TRUTH = np.array([0.0, 0.0, 10.0, 30.0, 60.0])


def example(count: int = 400, seed: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(count) < 0.2, 0.0, rng.lognormal(4, 1, count))
    return truth, truth * rng.lognormal(0, 0.5, count) + rng.uniform(0, 20, count)


def gini_by_pairs(truth: Floats, forecast: Floats) -> float:
    """Sum the money of everybody who is not ranked below, customer by customer."""
    order = sorted(range(len(truth)), key=lambda place: (-forecast[place], place))
    held = sum(sum(truth[place] for place in order[: count + 1]) / truth.sum() for count in range(len(order)))
    return float(held) / len(order) - 0.5


def test_the_truth_ranks_perfectly_and_is_off_by_nothing() -> None:
    perfect = {"mae": 0.0, "spearman": 1.0, "gini": 1.0, "total": 1.0, "decile_error": 0.0}
    assert tuple(perfect) == METRICS
    assert measure(TRUTH, TRUTH) == pytest.approx(perfect | {ACCURACY: 1.0})


def test_metrics_of_a_worked_example() -> None:
    forecast = np.array([5.0, 5.0, 20.0, 20.0, 40.0])
    found = measure(TRUTH, forecast)
    assert found["mae"] == (5 + 5 + 10 + 10 + 20) / 5
    assert found["accuracy"] == pytest.approx(1 - 50 / 100)
    assert found["total"] == 90 / 100
    assert found["decile_error"] == pytest.approx((5 + 5 + 10 + 10 + 20) / 100)
    # 60, 70 (of two equal forecasts the first row), 100, 100, 100 of 100; the truth has 60, 90, 100, 100, 100
    assert found["gini"] == pytest.approx((430 / 500 - 0.5) / (450 / 500 - 0.5))


def test_gini_equals_a_loop() -> None:
    truth, forecast = example()
    wanted = gini_by_pairs(truth, forecast) / gini_by_pairs(truth, truth)
    assert measure(truth, forecast)["gini"] == pytest.approx(wanted)
    assert 0.3 < wanted < 1


def test_spearman_equals_that_of_scipy() -> None:
    truth, forecast = example()
    rounded = np.round(forecast, -1)
    assert measure(truth, rounded)["spearman"] == pytest.approx(spearmanr(truth, rounded)[0])
    assert measure(truth, np.ones(len(truth)))["spearman"] == 0.0


def test_deciles_equal_those_of_pandas() -> None:
    truth, forecast = example(403)
    place = pd.qcut(pd.Series(forecast).rank(method="first"), 10, labels=False)
    means = pd.DataFrame({"decile": place, "truth": truth, "forecast": forecast}).groupby("decile").mean()
    wanted = (means.forecast - means.truth).abs().sum() / means.truth.sum()
    assert measure(truth, forecast)["decile_error"] == pytest.approx(wanted, rel=0.02)
    assert sorted(np.concatenate(deciles(forecast)).tolist()) == list(range(403))


@given(factor=st.floats(0.1, 10), seed=st.integers(0, 50))
def test_a_factor_changes_the_sizes_and_not_the_ranking(factor: float, seed: int) -> None:
    truth, forecast = example(60, seed)
    before, after = measure(truth, forecast), measure(truth, factor * forecast)
    assert after["total"] == pytest.approx(factor * before["total"])
    assert (after["gini"], after["spearman"]) == pytest.approx((before["gini"], before["spearman"]))


def test_where_nothing_was_spent_there_is_nothing_to_rank() -> None:
    nothing = np.zeros(5)
    found = measure(nothing, TRUTH)
    assert [found[name] for name in ("total", "gini", "decile_error", "accuracy")] == [0.0] * 4
    assert lorenz(nothing, TRUTH).tolist() == [0.0] * 5


def test_a_customer_is_drawn_with_all_rows() -> None:
    customers = np.array(["a", "b", "a", "c", "b"], dtype=object)
    count = 0
    for times in np.concatenate(list(times_drawn(customers, 30))):
        assert times[0] == times[2]
        assert times[1] == times[4]
        assert times[0] + times[1] + times[3] == 3
        count += 1
    assert count == 30


@given(seed=st.integers(0, 30))
def test_draws_equal_measuring_each_of_them(seed: int) -> None:
    truth, forecast = example(80, seed)
    customers = np.array([f"c{place // 2}" for place in range(len(truth))], dtype=object)
    rounded = np.round(forecast, -1)
    measured = bootstrap(truth, {"some": rounded}, customers, 5).values["some"]
    draws = (np.repeat(np.arange(len(truth)), times) for times in np.concatenate(list(times_drawn(customers, 5))))
    wanted = [measure(truth[rows], rounded[rows]) for rows in draws]
    assert set(measured) == set(wanted[0])
    for metric, values in measured.items():
        np.testing.assert_allclose(values, [one[metric] for one in wanted], rtol=1e-9)


def test_intervals_hold_the_point_and_methods_are_paired() -> None:
    truth, forecast = example()
    customers = np.array([f"c{place // 2}" for place in range(len(truth))], dtype=object)
    measured = bootstrap(truth, {"good": forecast, "same": forecast, "bad": forecast[::-1]}, customers, 40)
    for metrics in measured.estimates().values():
        for one in metrics.values():
            assert one.low < one.value < one.high
    same = measured.gain("gini", "good", "same")
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert measured.gain("gini", "good", "bad").low > 0


def test_a_mean_and_a_median_with_intervals() -> None:
    value = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    customers = np.array(list("abcde"), dtype=object)
    mean, median = drawn_estimate(value, customers), drawn_estimate(value, customers, median=True)
    assert (mean.value, median.value) == (21.2, 2.0)
    assert mean.low < mean.value < mean.high
    assert median.low < median.value < median.high
