"""The shop whose effects are known: intervals cover the truth, and no effect is seen where there is none."""

import numpy as np

from tests.training.effects.campaigns import simulated
from training.effects.report import EffectReport, make_report


def _report(seed: int, share: float, effect: float, customers: int = 1_500) -> tuple[EffectReport, float]:
    assigned, outcomes, truth = simulated(customers, seed, share=share, effect=effect)
    return make_report(assigned, outcomes, goal_measure="retained", days=28), truth


def test_intervals_cover_the_truth_in_95_of_100_campaigns() -> None:
    """500 campaigns of 1,500 customers, a fifth of them held out; the mean of all errors is no more than chance."""
    covered, errors = [], []
    for seed in range(500):
        report, truth = _report(seed, 0.8, 1.0)
        found = report.arms[0].found["retained"].effect
        covered.append(found.low <= truth <= found.high)
        errors.append(found.value - truth)
    assert 0.93 <= np.mean(covered) <= 0.97
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(500)


def test_without_an_effect_no_effect_is_seen() -> None:
    """At most 5 of 100 campaigns may show one on any measure, and verdicts are given on one of four."""
    verdicts = [_report(seed, 0.5, 0.0)[0].arms[0].verdict for seed in range(200)]
    assert verdicts.count("no_effect_seen") >= 190


def test_an_effect_is_seen_where_there_is_one() -> None:
    """Three times the effect of the shop, and 4,000 customers."""
    verdicts = [_report(seed, 0.5, 3.0, 4_000)[0].arms[0].verdict for seed in range(20)]
    assert verdicts.count("effect") >= 18
