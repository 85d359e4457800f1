"""Pictures show the numbers of the report."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from tests.training.effects.campaigns import assigned_of, outcomes_of
from training.effects.pictures import effect_intervals
from training.effects.report import Beside, EffectReport, make_report


def _report() -> EffectReport:
    arms = ["call"] * 300 + ["mail"] * 300 + ["holdout"] * 300
    stayed = (np.random.default_rng(1).random(900) < np.repeat([0.8, 0.5, 0.5], 300)).astype("float64")
    beside = Beside(segments={"loyal": np.arange(900) % 3 == 0, "nobody": np.zeros(900, dtype=bool)})
    return make_report(
        assigned_of(arms), outcomes_of({"retained": stayed}), goal_measure="retained", days=28, beside=beside
    )


def test_each_arm_and_group_has_its_interval() -> None:
    report = _report()
    (axes,) = effect_intervals(report).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        "call",
        "call, segment: loyal",
        "call, segment: nobody",
        "mail",
        "mail, segment: loyal",
        "mail, segment: nobody",
    ]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    effects = [one for arm in report.arms for one in (arm.found["retained"], arm.groups[0].found)]
    assert [float(np.asarray(line.get_xdata())[0]) for line in points] == [one.effect.value for one in effects]
    assert [float(np.asarray(line.get_ydata())[0]) for line in points] == [0, 1, 3, 4]
    ends = [
        tuple(np.asarray(part.get_segments()[0])[:, 0].tolist())
        for part in axes.collections
        if isinstance(part, LineCollection)
    ]
    assert ends[0] == pytest.approx((effects[0].low, effects[0].high))
    assert ends[1] == pytest.approx((effects[0].effect.low, effects[0].effect.high))
    assert len(ends) == 8


def test_nothing_known_is_an_empty_picture() -> None:
    report = make_report(assigned_of(["call"] * 3), outcomes_of({"orders": np.ones(3)}), goal_measure="orders", days=7)
    (axes,) = effect_intervals(report).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["call"]
    assert not [line for line in axes.lines if line.get_marker() == "o"]
    assert axes.get_xlabel() == "orders more for each customer"
