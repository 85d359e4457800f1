"""Values of policies where the truth is known, and by hand."""

import numpy as np
import pytest

from core.arrays import Floats
from tests.simulate_effects import simulate
from tests.training.effects.campaigns import words
from training.effects.given import Names
from training.effects.policy_value import Logged, PolicyValue, policy_gain, policy_value


def test_by_hand() -> None:
    """Matches: the first with weight 2, the third with weight 4."""
    logged = Logged(
        np.array([1.0, 0.0, 3.0, 2.0]),
        words(["call", "call", "mail", "none"]),
        np.array([0.5, 0.5, 0.25, 0.25]),
        {"call": np.array([1.0, 1.0, 1.0, 1.0]), "mail": np.array([2.0, 2.0, 2.0, 2.0])},
    )
    found = policy_value(logged, words(["call", "mail", "mail", "mail"]))
    scores = np.array([2.0, 0.0, 12.0, 0.0])
    assert found.ips.value == pytest.approx(scores.mean())
    assert found.ips.standard_error == pytest.approx(scores.std(ddof=1) / 2)
    assert found.snips.value == pytest.approx(14 / 6)
    assert found.dr is not None
    assert found.dr.value == pytest.approx(np.mean([1 + 2 * 0, 2, 2 + 4 * 1, 2]))
    assert found.matched == 2
    assert found.effective == pytest.approx(36 / 20)


def _logged(seed: int, customers: int = 4000) -> tuple[Logged, Names, float, float]:
    """Log calls that were drawn more often for those at risk; return a policy with its value and that of no call."""
    drawn = simulate(customers, seed, 0.5, 1.0)
    rng = np.random.default_rng(1000 + seed)
    chance = np.where(drawn["recency_days"] > 20, 0.7, 0.2)
    called = rng.random(customers) < chance
    stayed = rng.random(customers) < np.where(called, drawn["p_call"], drawn["p_holdout"])
    # a model that is wrong in the same way for everybody
    predicted: dict[str, Floats] = {"call": drawn["p_call"] * 0.8, "holdout": drawn["p_holdout"] * 0.8}
    arms = np.where(called, "call", "holdout").astype(object)
    logged = Logged(stayed.astype("float64"), arms, np.where(called, chance, 1 - chance), predicted)
    best = drawn["complaints_84d"] == 0
    truth = np.where(best, drawn["p_call"], drawn["p_holdout"]).mean()
    chosen = np.where(best, "call", "holdout").astype(object)
    return logged, chosen, float(truth), float(drawn["p_holdout"].mean())


def _covers(found: PolicyValue, truth: float) -> list[bool]:
    assert found.dr is not None
    return [one.low <= truth <= one.high for one in (found.ips, found.snips, found.dr)]


def test_intervals_cover_the_truth() -> None:
    """Of the value, and of the gain over calling nobody; outcomes alone, without weights, are far from it."""
    values, gains, naive = [], [], []
    for seed in range(150):
        logged, chosen, truth, nobody = _logged(seed)
        values.append(_covers(policy_value(logged, chosen), truth))
        gain = policy_gain(logged, chosen, words(["holdout"] * len(chosen)))
        gains.append(_covers(gain, truth - nobody))
        naive.append(logged.outcome[logged.arms == chosen].mean() - truth)
    for covered in (np.mean(values, axis=0), np.mean(gains, axis=0)):
        # the truth is that of the same customers, so that intervals for a population are rather too wide
        assert (covered >= 0.93).all(), covered
    assert np.mean(naive) < -0.02


def test_predictions_make_the_interval_narrower() -> None:
    logged, chosen, _, _ = _logged(1)
    found = policy_value(logged, chosen)
    assert found.dr is not None
    assert found.dr.standard_error < 0.75 * found.ips.standard_error
    assert policy_value(Logged(logged.outcome, logged.arms, logged.propensity), chosen).dr is None


def test_two_equal_policies_differ_by_nothing() -> None:
    logged, chosen, _, _ = _logged(2)
    gain = policy_gain(logged, chosen, chosen)
    assert not gain.ips.known
    assert not gain.snips.known


def test_what_was_done_is_the_mean_outcome_by_every_estimator() -> None:
    logged, chosen, truth, _ = _logged(4)
    done = policy_value(logged, None)
    gain = policy_gain(logged, chosen, None)
    for found in (done.ips, done.snips, done.dr):
        assert found is not None
        assert found.value == pytest.approx(logged.outcome.mean())
        assert found.standard_error == pytest.approx(logged.outcome.std(ddof=1) / np.sqrt(len(chosen)))
    assert gain.dr is not None
    assert gain.dr.low < truth - logged.outcome.mean() < gain.dr.high
    assert gain.ips.value == pytest.approx(policy_value(logged, chosen).ips.value - done.ips.value)


def test_a_policy_that_was_never_tried_is_not_known() -> None:
    logged, chosen, _, _ = _logged(3)
    never = policy_value(Logged(logged.outcome, logged.arms, logged.propensity), words(["letter"] * len(chosen)))
    assert (never.matched, never.effective) == (0, 0.0)
    assert not never.ips.known
    assert not never.snips.known
    with pytest.raises(ValueError, match="letter"):
        policy_value(logged, words(["letter"] * len(chosen)))


@pytest.mark.parametrize("wrong", [0.0, 1.5, np.nan])
def test_propensities_are_probabilities(wrong: float) -> None:
    logged = Logged(np.ones(2), words(["call", "call"]), np.array([0.5, wrong]))
    with pytest.raises(ValueError, match="propensity of every customer"):
        policy_value(logged, words(["call", "call"]))
