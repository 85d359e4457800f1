"""Adjusted differences against Welch's test, one explicit regression with interactions, and hand calculations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, stdtrit
from scipy.stats import ttest_ind

from core.arrays import Floats, Ints, Rows
from training.effects.covariates import PER_COVARIATE, prepared
from training.effects.difference import Effect, adjusted_difference, effect

NONE = np.zeros((400, 0))


def _drawn(seed: int = 1, count: int = 400, share: float = 0.6) -> tuple[Floats, Rows, Floats]:
    """Return outcomes with an effect of 0.5 on average, who was treated, and two covariates."""
    rng = np.random.default_rng(seed)
    covariates = rng.normal(3, 2, (count, 2))
    treated = rng.random(count) < share
    noise = rng.normal(0, 1 + treated, count)
    outcome = covariates @ [1.0, -0.5] + treated * (0.5 + 0.3 * (covariates[:, 0] - 3)) + noise
    return outcome, treated, covariates


def _by_one_regression(outcome: Floats, treated: Rows, covariates: Floats) -> tuple[float, float]:
    """Return Lin's coefficient of the treatment and its HC2 standard error, from the matrices of the textbook."""
    centred = covariates - covariates.mean(axis=0)
    one = np.ones(len(outcome))
    design = np.column_stack([one, treated, centred, centred * treated[:, None]])
    bread = np.linalg.inv(design.T @ design)
    residual = outcome - design @ (bread @ design.T @ outcome)
    leverage = np.array([row @ bread @ row for row in design])
    meat = sum((e**2 / (1 - h)) * np.outer(row, row) for e, h, row in zip(residual, leverage, design, strict=True))
    return float((bread @ design.T @ outcome)[1]), float(np.sqrt((bread @ meat @ bread)[1, 1]))


def _close(one: Effect, other: Effect) -> None:
    assert vars(one) == pytest.approx(vars(other), rel=1e-9, abs=1e-12)


def test_without_covariates_it_is_welchs_test() -> None:
    outcome, treated, _ = _drawn()
    found = adjusted_difference(outcome, treated, NONE)
    welch = ttest_ind(outcome[treated], outcome[~treated], equal_var=False)
    interval = welch.confidence_interval()
    assert found.value == pytest.approx(outcome[treated].mean() - outcome[~treated].mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.p_value, found.degrees) == pytest.approx((welch.pvalue, welch.df))
    assert (found.mean, found.control_mean) == pytest.approx((outcome[treated].mean(), outcome[~treated].mean()))
    assert (found.customers, found.controls) == (int(treated.sum()), int((~treated).sum()))


def test_by_hand() -> None:
    """Means 3 and 1; variances 2 of two customers and 1 of three: 2/2 + 1/3."""
    outcome = np.array([2.0, 4.0, 0.0, 1.0, 2.0])
    found = adjusted_difference(outcome, np.array([0, 1]), np.zeros((5, 0)))
    assert (found.value, found.standard_error) == pytest.approx((2.0, math.sqrt(4 / 3)))
    assert found.degrees == pytest.approx((4 / 3) ** 2 / (1 + 1 / 18))


def test_with_covariates_it_is_one_regression_with_interactions() -> None:
    outcome, treated, covariates = _drawn()
    found = adjusted_difference(outcome, treated, covariates)
    assert (found.value, found.standard_error) == pytest.approx(_by_one_regression(outcome, treated, covariates))
    assert found.standard_error < 0.8 * adjusted_difference(outcome, treated, NONE).standard_error


def test_cuped_is_the_special_case_of_one_slope() -> None:
    """Where both sides have the same slope, outcome - slope x (before - mean before) has the same difference."""
    rng = np.random.default_rng(3)
    before, treated = rng.normal(0, 1, 2000), np.arange(2000) < 1000
    noise = rng.normal(0, 0.1, 2000)
    for side in (treated, ~treated):
        # noise that the covariate says nothing about, so that both slopes are 2 exactly
        noise[side] -= np.polyval(np.polyfit(before[side], noise[side], 1), before[side])
    outcome = 2 * before + 0.3 * treated + noise
    cuped = outcome - 2 * (before - before.mean())
    found = adjusted_difference(outcome, treated, before[:, None])
    assert found.value == pytest.approx(cuped[treated].mean() - cuped[~treated].mean(), abs=1e-12)
    assert found.value == pytest.approx(0.3, abs=1e-12)


def test_strata_are_combined_by_the_share_of_the_treated() -> None:
    """Customers for whom a call was intended buy less anyway, and are called more often: Simpson's paradox."""
    outcome = np.array([1.0, 2, 3, 0, 1, 9, 11, 5, 6, 7], dtype="float64")
    treated = np.array([1, 1, 1, 0, 0, 1, 1, 0, 0, 0], dtype=bool)
    strata = np.array([0] * 5 + [1] * 5)
    found = adjusted_difference(outcome, treated, np.zeros((10, 0)), strata)
    assert found.value == pytest.approx(0.6 * (2 - 0.5) + 0.4 * (10 - 6))
    assert found.control_mean == pytest.approx(0.6 * 0.5 + 0.4 * 6)
    variance = 0.36 * (1 / 3 + 0.5 / 2) + 0.16 * (2 / 2 + 1 / 3)
    assert found.standard_error == pytest.approx(math.sqrt(variance))


def test_a_stratum_without_controls_is_left_out() -> None:
    outcome, treated, covariates = _drawn()
    strata: Ints = np.zeros(400, dtype="int64")
    strata[treated.nonzero()[0][:30]] = 1
    inside = strata == 0
    _close(
        adjusted_difference(outcome, treated, covariates, strata),
        adjusted_difference(outcome[inside], treated[inside], covariates[inside]),
    )


def test_unequal_propensities_are_weighted() -> None:
    """Loyal customers, who buy 2 more, were called with a probability of .8, the others with one of .2."""
    rng = np.random.default_rng(5)
    loyal = rng.random(20_000) < 0.5
    chance = np.where(loyal, 0.8, 0.2)
    treated = rng.random(20_000) < chance
    outcome = 2 * loyal + treated + rng.normal(0, 1, 20_000)
    own = np.where(treated, chance, 1 - chance)
    none = np.zeros((20_000, 0))
    found = adjusted_difference(outcome, treated, none, propensity=own)
    by_hand = [np.average(outcome[side], weights=1 / own[side]) for side in (treated, ~treated)]
    assert found.value == pytest.approx(by_hand[0] - by_hand[1])
    assert found.low < 1 < found.high
    assert adjusted_difference(outcome, treated, none).low > 1.5
    own[7] = np.nan
    _close(
        adjusted_difference(outcome, treated, none, propensity=own),
        adjusted_difference(outcome, treated, none),
    )


def test_equal_propensities_change_nothing() -> None:
    outcome, treated, covariates = _drawn()
    own = np.where(treated, 0.6, 0.4)
    _close(
        adjusted_difference(outcome, treated, covariates, propensity=own),
        adjusted_difference(outcome, treated, covariates),
    )


def test_constant_collinear_and_empty_covariates_change_nothing() -> None:
    outcome, treated, covariates = _drawn()
    first, second = covariates.T
    more = np.column_stack([first, np.full(400, 1e6), np.full(400, 0.1), second, first - 3 * second, 5 - first])
    more = np.column_stack([more, np.full(400, np.nan)])
    _close(
        adjusted_difference(outcome, treated, more),
        adjusted_difference(outcome, treated, covariates),
    )


def test_a_covariate_that_is_constant_on_one_side_leaves_that_side_alone() -> None:
    outcome, treated, _ = _drawn()
    flag = np.zeros(400)
    flag[treated.nonzero()[0][::3]] = 1.0
    found = adjusted_difference(outcome, treated, flag[:, None])
    assert found.control_mean == pytest.approx(outcome[~treated].mean())


def test_missing_covariates_are_the_mean_and_an_indicator() -> None:
    outcome, treated, covariates = _drawn()
    holes = covariates.copy()
    holes[::7, 1] = np.nan
    filled = covariates.copy()
    missing = np.arange(400) % 7 == 0
    filled[missing, 1] = covariates[~missing, 1].mean()
    found = adjusted_difference(outcome, treated, holes)
    by_hand = _by_one_regression(outcome, treated, np.column_stack([filled, missing]))
    assert (found.value, found.standard_error) == pytest.approx(by_hand)


def test_few_customers_have_few_covariates() -> None:
    outcome, treated, covariates = _drawn()
    few = np.hstack([treated.nonzero()[0][:100], (~treated).nonzero()[0][: 2 * PER_COVARIATE - 1]])
    found = adjusted_difference(outcome[few], treated[few], covariates[few])
    by_hand = _by_one_regression(outcome[few], treated[few], covariates[few, :1])
    assert (found.value, found.standard_error) == pytest.approx(by_hand)
    assert prepared(covariates[:10], PER_COVARIATE - 1).shape == (10, 0)


def test_customers_without_an_outcome_are_left_out() -> None:
    outcome, treated, covariates = _drawn()
    known = np.arange(400) % 5 != 0
    _close(
        adjusted_difference(np.where(known, outcome, np.nan), treated, covariates),
        adjusted_difference(outcome[known], treated[known], covariates[known]),
    )


@pytest.mark.parametrize("treated", [0, 1, 399, 400])
def test_an_empty_side_is_not_known(treated: int) -> None:
    outcome, _, covariates = _drawn()
    found = adjusted_difference(outcome, np.arange(treated), covariates)
    assert not found.known
    assert (found.customers, found.controls) == (treated, 400 - treated)


def test_outcomes_that_are_all_alike_say_nothing() -> None:
    assert not adjusted_difference(np.ones(400), np.arange(200), NONE).known


def test_a_side_without_variance_has_that_of_both() -> None:
    """No control of 20 bought: their mean is not known to be 0 exactly."""
    outcome = np.zeros(60)
    outcome[:10] = 1.0
    found = adjusted_difference(outcome, np.arange(40), np.zeros((60, 0)))
    variance = outcome[:40].var(ddof=1) / 40 + outcome.var(ddof=1) / 20
    assert found.standard_error == pytest.approx(math.sqrt(variance))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(0.15, 0.85))
def test_adjusting_never_biases(seed: int, lift: float, share: float) -> None:
    """Over drawings of who is treated, the mean of the estimates is the effect, though the outcome is not linear."""
    rng = np.random.default_rng(seed)
    covariates = rng.normal(0, 1, (300, 2))
    without = np.exp(0.5 * covariates[:, 0]) + covariates[:, 1] ** 2 + rng.normal(0, 1, 300)
    count = round(300 * share)
    found = []
    for _ in range(150):
        treated = np.zeros(300, dtype=bool)
        treated[rng.permutation(300)[:count]] = True
        found.append(adjusted_difference(without + lift * treated, treated, covariates).value)
    assert np.mean(found) == pytest.approx(lift, abs=float(4.5 * np.std(found) / math.sqrt(150)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(0, 4))
def test_an_interval_is_finite_whatever_the_customers(seed: int, count: int, kinds: int) -> None:
    """Few customers, columns that say the same, holes, outcomes of 0 and 1."""
    rng = np.random.default_rng(seed)
    covariates = rng.choice([0.0, 1.0, np.nan, 1e9], (2 * count, kinds))
    outcome = (rng.random(2 * count) < 0.5).astype("float64")
    outcome[0] = 1 - outcome[1]
    found = adjusted_difference(outcome, np.arange(count), covariates)
    assert found.known
    assert found.low < found.value < found.high
    assert 0 <= found.p_value <= 1


def test_an_effect_from_its_standard_error() -> None:
    found = effect(2.0, 1.0, (10, 12), control_mean=3.0, degrees=20)
    reach = float(stdtrit(20, 0.975))
    assert found == Effect(2.0, 2 - reach, 2 + reach, 1.0, found.p_value, 3.0, 10, 12, 20)
    assert effect(2.0, 1.0, (1, 1)).p_value == pytest.approx(2 * ndtr(-2))
