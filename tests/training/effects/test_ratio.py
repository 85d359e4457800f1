"""Sample ratios against SciPy's chi-square and by hand."""

import numpy as np
import pytest
from scipy.stats import chi2, chisquare

from core.arrays import Floats
from tests.training.effects.campaigns import words
from training.effects.given import Names
from training.effects.ratio import sample_ratio


def _arms(**counts: int) -> Names:
    return words([name for name, count in counts.items() for _ in range(count)])


def _chances(arms: Names, **chances: float) -> Floats:
    return np.array([chances[arm] for arm in arms.tolist()])


ONE = np.zeros(1000, dtype="int64")


def test_three_arms_are_pearsons_chi_square() -> None:
    arms = _arms(call=480, mail=410, holdout=110)
    found = sample_ratio(arms, _chances(arms, call=0.45, mail=0.45, holdout=0.1), ONE)
    assert found is not None
    by_scipy = chisquare([480, 410, 110], [450, 450, 100])
    assert (found.chi_square, found.p_value, found.degrees) == pytest.approx((by_scipy.statistic, by_scipy.pvalue, 2))
    assert found.assigned == {"call": 480, "holdout": 110, "mail": 410}
    assert found.expected == pytest.approx({"call": 450, "holdout": 100, "mail": 450})
    assert not found.alarm


def test_strata_are_added() -> None:
    arms = np.hstack([_arms(call=450, holdout=50), _arms(mail=380, holdout=120)])
    strata = np.repeat([0, 1], 500)
    chances = np.hstack([_chances(arms[:500], call=0.9, holdout=0.1), _chances(arms[500:], mail=0.8, holdout=0.2)])
    found = sample_ratio(arms, chances, strata)
    assert found is not None
    assert (found.chi_square, found.degrees) == pytest.approx((20**2 / 400 + 20**2 / 100, 2))
    assert found.p_value == pytest.approx(float(chi2.sf(5, 2)))
    assert found.expected == pytest.approx({"call": 450, "holdout": 150, "mail": 400})


def test_a_holdout_that_is_missing_is_an_alarm() -> None:
    arms = _arms(call=1000)
    found = sample_ratio(arms, np.full(1000, 0.95), ONE)
    assert found is not None
    assert found.expected == pytest.approx({"call": 950, "": 50})
    assert found.alarm


def test_two_arms_with_own_propensities() -> None:
    """By hand: 1,000 drawings with a chance of .8 or .5 each; 700 of 650 expected, variance 500 x (.16 + .25)."""
    arms = _arms(call=700, holdout=300)
    likely = np.arange(1000) % 2 == 0
    chance = np.where(likely, 0.8, 0.5)
    found = sample_ratio(arms, np.where(arms == "call", chance, 1 - chance), ONE)
    assert found is not None
    assert (found.chi_square, found.degrees) == pytest.approx((50**2 / (500 * 0.41), 1))


def test_what_cannot_be_checked() -> None:
    arms = _arms(call=480, mail=410, holdout=110)
    chances = _chances(arms, call=0.45, mail=0.45, holdout=0.1)
    for wrong in (np.full(1000, np.nan), chances * np.linspace(0.9, 1, 1000), chances * 1.1):
        assert sample_ratio(arms, wrong, ONE) is None
    few = _arms(call=9, holdout=1)
    assert sample_ratio(few, _chances(few, call=0.9, holdout=0.1), ONE[:10]) is None
    everybody = _arms(call=1000)
    assert sample_ratio(everybody, np.ones(1000), ONE) is None


def test_false_alarms_are_one_in_a_thousand() -> None:
    rng = np.random.default_rng(8)
    p_values = []
    for _ in range(2000):
        called = rng.random(1000) < 0.9
        arms = np.where(called, "call", "holdout").astype(object)
        found = sample_ratio(arms, np.where(called, 0.9, 0.1), ONE)
        assert found is not None
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) < 0.001) <= 0.003
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.03)
