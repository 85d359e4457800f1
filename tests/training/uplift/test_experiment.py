"""Weights and scores of an experiment."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.uplift.experiment import Experiment, balanced
from training.uplift.folds import folds_of, pairs_of


def drawn(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    campaigns = rng.choice(["a", "b"], rows).astype(object)
    chance = np.where(campaigns == "a", 0.8, 0.3) * rng.uniform(0.8, 1.0, rows)
    treated = rng.random(rows) < chance
    return campaigns, treated, np.where(treated, chance, 1 - chance)


@given(st.integers(0, 10_000))
def test_each_arm_of_a_campaign_represents_all_of_its_customers(seed: int) -> None:
    campaigns, treated, propensity = drawn(seed)
    weights = balanced(campaigns, treated, propensity)
    for campaign in ("a", "b"):
        for arm in (True, False):
            mask = (campaigns == campaign) & (treated == arm)
            assert np.isclose(weights[mask].sum(), (campaigns == campaign).sum())
            # within an arm they stay in proportion to inverse propensities
            assert np.allclose(weights[mask] * propensity[mask], (weights[mask] * propensity[mask])[0])


def test_equal_propensities_need_no_size() -> None:
    campaigns, treated, _ = drawn(1)
    assert np.allclose(
        balanced(campaigns, treated, np.full(400, 1.0)), balanced(campaigns, treated, np.full(400, 0.25))
    )


def test_the_mean_score_is_the_effect_whatever_was_predicted() -> None:
    rng = np.random.default_rng(5)
    rows = 40_000
    campaigns, treated, propensity = drawn(5, rows)
    # the propensity depends on the campaign, and so does who is retained: the plain difference is off
    base = np.where(campaigns == "a", 0.2, 0.7)
    retained = (rng.random(rows) < base + 0.1 * treated).astype("float64")
    experiment = Experiment(
        "call",
        np.arange(rows),
        np.arange(rows).astype(str).astype(object),
        treated,
        retained,
        np.full(rows, np.nan),
        balanced(campaigns, treated, propensity),
    )
    plain = retained[treated].mean() - retained[~treated].mean()
    assert abs(plain - 0.1) > 0.1
    for predicted in (base, np.full(rows, 0.9), rng.random(rows)):
        assert abs(experiment.scores(predicted, np.zeros(rows)).mean() - 0.1) < 0.02
    exact = experiment.scores(base, np.full(rows, 0.1))
    wrong = experiment.scores(1 - base, np.full(rows, -0.1))
    assert exact.std() < wrong.std()


def test_folds_are_of_customers_and_stay() -> None:
    ids = np.array(["a", "b", "a", "c", "b"], dtype=object)
    folds = folds_of(ids, 5)
    assert folds[0] == folds[2]
    assert folds[1] == folds[4]
    assert folds.tolist() == folds_of(np.array(["zz", *ids], dtype=object), 5)[1:].tolist()
    many = folds_of(np.arange(5_000).astype(str).astype(object), 5)
    assert np.bincount(many).min() > 900
    assert len(pairs_of(5)) == 10
