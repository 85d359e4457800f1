"""The estimate of how good risks will turn out to be: against a naive sum, and against labels that are drawn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from training.evaluation.metrics import top_share
from training.monitoring.estimate import estimated


def test_the_estimate_equals_a_naive_sum_over_all_pairs() -> None:
    risks = np.random.default_rng(1).beta(1, 4, 60).round(2)  # with equal ones
    right = pairs = 0.0
    for i, one in enumerate(risks):
        for j, other in enumerate(risks):
            if i != j:
                weight = one * (1 - other)  # that the first churns and the second stays
                pairs += weight
                right += weight * (1.0 if one > other else 0.5 if one == other else 0.0)
    found = estimated(risks)
    assert found["roc_auc"].value == pytest.approx(right / pairs)
    assert found["churn_rate"].value == pytest.approx(risks.mean())
    assert found["lift_at_10"].value == pytest.approx(np.sort(risks)[-6:].mean() / risks.mean())


def test_figures_of_labels_drawn_from_the_risks_lie_inside_the_interval() -> None:
    rng = np.random.default_rng(2)
    inside = dict.fromkeys(("roc_auc", "churn_rate", "lift_at_10"), 0)
    for _ in range(60):
        risks = rng.beta(1, 4, 800)
        labels = (rng.random(800) < risks).astype("int64")
        found = estimated(risks, rounds=100)
        realised = {
            "roc_auc": roc_auc_score(labels, risks),
            "churn_rate": labels.mean(),
            "lift_at_10": top_share(labels, risks)[0],
        }
        for name, value in realised.items():
            inside[name] += found[name].low <= value <= found[name].high
    assert min(inside.values()) >= 55, inside


def test_an_estimate_that_is_wrong_is_seen_to_be() -> None:
    rng = np.random.default_rng(3)
    risks = rng.beta(1, 4, 800)
    labels = (rng.random(800) < np.minimum(1, 2 * risks)).astype("int64")  # twice as many leave as the risks say
    assert labels.mean() > estimated(risks)["churn_rate"].high


@pytest.mark.parametrize("risks", [np.zeros(5), np.ones(5), np.array([0.4])])
def test_what_cannot_be_ranked_has_no_estimate_of_a_ranking(risks: np.ndarray) -> None:
    found = estimated(risks)
    assert "roc_auc" not in found
    assert found["churn_rate"].value == pytest.approx(risks.mean())
