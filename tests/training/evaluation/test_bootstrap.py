"""Draws, intervals and paired gains."""

import numpy as np
import pytest

from training.evaluation.bootstrap import ROUNDS, Estimate, draws, estimate, relative_gain


def test_draws_are_the_same_at_every_call() -> None:
    one, other = (np.stack(list(draws(40))) for _ in range(2))
    assert one.shape == (ROUNDS, 40)
    np.testing.assert_array_equal(one, other)
    assert (one.min(), one.max()) == (0, 39)
    assert len(np.unique(one[0])) < 40


def test_an_interval_holds_95_percent_of_the_draws() -> None:
    interval = estimate(0.5, np.arange(101) / 100)
    assert (interval.low, interval.value, interval.high) == pytest.approx((0.025, 0.5, 0.975))
    assert estimate(0.5, np.zeros(0)) == Estimate(0.5, 0.5, 0.5)


def test_a_gain_is_paired_by_customer() -> None:
    """Customers differ far more from each other than the methods do; unpaired, the interval would hold 0."""
    rng = np.random.default_rng(0)
    baseline = rng.uniform(0.1, 1.0, 300)
    gain = relative_gain(1.1 * baseline, baseline)
    assert (gain.low, gain.value, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    shuffled = relative_gain(1.1 * rng.permutation(baseline), baseline)
    assert shuffled.value == pytest.approx(0.1)
    assert shuffled.high - shuffled.low > 0.05
