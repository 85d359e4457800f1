"""Where the effect of an action is from: a model, then experiments, then the file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from core.arrays import Floats
from serving.decisions.effects import Effects, EffectSource, Predicted, effects_of, shrunk
from serving.segments.values import Mask
from tests.serving.decisions.shops import population, stakes
from tests.serving.decisions.test_worth import action
from training.effects.measured import MeasuredEffect

CUSTOMERS = population([{"reason_1": "silence"}, {"reason_1": "price"}, {}])
STAKES = stakes(risk=[0.5, 0.1, np.nan], base=[0.5, 0.9, 0.3])


@dataclass(frozen=True)
class Expected:
    """What a model expects of an action."""

    base: Floats
    lift: Floats
    low: Floats
    high: Floats
    revenue: Floats


def measured(lift: float, error: float, by: Any = "all", group: str = "", **more: Any) -> MeasuredEffect:
    """Return an effect with a standard error."""
    known = {"action": "call", "measure": "retained", "customers": 400, "controls": 400, "campaigns": ("spring",)}
    ends = {"low": lift - 1.96 * error, "high": lift + 1.96 * error}
    return MeasuredEffect(by=by, group=group, lift=lift, **{**known, **ends, **more})


def found(*effects: MeasuredEffect, predicted: Predicted | None = None, **more: Any) -> Effects:
    """Return the effects of one action; the segment `vip` has the last customer."""

    def members(name: str) -> Mask:
        return np.array([False, False, name == "vip"])

    return effects_of([action(**more)], STAKES, CUSTOMERS, predicted, effects, members)


def test_an_assumed_effect_is_a_share_of_those_who_would_leave() -> None:
    one = found(saves=0.2)
    assert one.sources == (EffectSource("call", "assumed"),)
    np.testing.assert_allclose(one.lift[:, 0], [0.1, 0.02, np.nan])
    np.testing.assert_allclose(one.base[:, 0], STAKES.base)
    assert np.isnan(one.low).all()
    assert np.isnan(one.high).all()


def test_an_assumed_effect_may_be_points_of_probability_of_which_there_is_no_more_than_all() -> None:
    assert found(adds=0.2).lift[:, 0].tolist() == pytest.approx([0.2, 0.1, 0.2])


def test_a_measured_effect_counts_before_an_assumed_one() -> None:
    one = found(measured(0.08, 0.02))
    assert one.sources == (EffectSource("call", "measured", "spring", 400, 400),)
    assert one.lift[:, 0].tolist() == pytest.approx([0.08, 0.08, 0.08])
    assert one.low[:, 0].tolist() == pytest.approx([0.0408] * 3)
    # nobody stays with a probability above 1
    assert one.high[:, 0].tolist() == pytest.approx([0.1192, 0.1, 0.1192])


@pytest.mark.parametrize("few", [{"customers": 49}, {"controls": 49}])
def test_an_effect_counts_as_measured_from_fifty_with_and_fifty_without(few: dict[str, Any]) -> None:
    assert found(measured(0.08, 0.02, **few)).sources[0].source == "assumed"
    assert found(measured(0.08, 0.02, customers=50, controls=50)).sources[0].source == "measured"


def test_an_effect_of_another_action_or_measure_does_not_count() -> None:
    assert found(measured(0.08, 0.02, action="mail")).sources[0].source == "assumed"
    assert found(measured(0.08, 0.02, measure="revenue")).sources[0].source == "assumed"


def test_of_a_goal_that_sells_it_is_the_orders() -> None:
    orders = measured(0.3, 0.1, measure="orders")
    one = found(measured(0.08, 0.02), orders, goal="cross_sell", adds=0.1)
    assert one.lift[:, 0].tolist() == pytest.approx([0.3] * 3)


def test_customers_with_a_reason_have_its_effect_and_others_that_of_a_segment() -> None:
    whole = measured(0.05, 0.01)
    reasons = [measured(0.2, 0.01, "reason", "silence"), measured(-0.1, 0.01, "reason", "price")]
    segments = [measured(0.3, 0.01, "segment", "vip"), measured(0.01, 0.01, "segment", "rest")]
    lift = found(whole, *reasons, *segments).lift[:, 0]
    assert lift[0] == pytest.approx(0.2, abs=0.002)
    assert lift[1] == pytest.approx(-0.1, abs=0.002)
    assert lift[2] == pytest.approx(0.3, abs=0.002)


def test_groups_that_differ_by_chance_have_the_effect_of_all() -> None:
    whole = measured(0.05, 0.01)
    groups = [measured(0.06, 0.03, "reason", "silence"), measured(0.04, 0.03, "reason", "price")]
    assert [lift for _, lift, _ in shrunk(groups, whole)] == pytest.approx([0.05, 0.05])
    assert [variance for _, _, variance in shrunk(groups, whole)] == pytest.approx([0.0001, 0.0001])


def test_the_less_precise_a_group_the_nearer_it_is_to_all() -> None:
    whole = measured(0.0, 0.005)
    groups = [
        measured(0.1, 0.02, "reason", "a"),
        measured(-0.1, 0.02, "reason", "b"),
        measured(0.1, 0.2, "reason", "c"),
    ]
    drawn = {group: lift for group, lift, _ in shrunk(groups, whole)}
    # by hand, DerSimonian and Laird: weights 2500, 2500, 25
    weights, lifts = np.array([2500, 2500, 25]), np.array([0.1, -0.1, 0.1])
    mean = (weights * lifts).sum() / weights.sum()
    spread = (weights * (lifts - mean) ** 2).sum() - 2
    between = spread / (weights.sum() - (weights**2).sum() / weights.sum())
    assert drawn["a"] == pytest.approx(0.1 * between / (between + 0.0004))
    assert drawn["c"] == pytest.approx(0.1 * between / (between + 0.04))
    assert abs(drawn["c"]) < abs(drawn["a"])


def test_a_model_counts_before_all_others() -> None:
    own = Expected(*(np.array([one] * 3) for one in (0.6, 0.03, 0.01, 0.05, 20.0)))
    predicted = Predicted("uplift v3", {"call": own})
    one = found(measured(0.08, 0.02), predicted=predicted)
    assert one.sources == (EffectSource("call", "model", "uplift v3"),)
    assert [getattr(one, name)[0, 0] for name in ("base", "lift", "low", "high")] == [0.6, 0.03, 0.01, 0.05]
    assert predicted.revenue is own.revenue
    assert found(measured(0.08, 0.02), predicted=Predicted("v3", {"mail": own})).sources[0].source == "measured"


def test_no_actions() -> None:
    none = effects_of([], STAKES, CUSTOMERS, None, [], lambda _: np.zeros(3, dtype=bool))
    assert none.lift.shape == (3, 0)
