"""Who is held out, which arm is drawn, and what a plan adds up: against plain loops and by hand."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.allocation import NONE, Candidates, allocate, draws
from serving.campaigns.plan import Frame, Gain, make_plan, together
from tests.serving.campaigns.shops import campaign

_FRAME = Frame(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "v", None, {}, {"a": "model"}, 4.0)


def candidates(size: int, actions: int = 2, seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    allowed = rng.random((size, actions)) < 0.8
    choice = np.where(allowed.any(axis=1), allowed.argmax(axis=1), NONE)
    gain = rng.normal(5, 2, (size, actions))
    return Candidates(
        customers=[f"c{place}" for place in range(size)],
        actions=tuple("abcd"[:actions]),
        channels=tuple(f"channel-{place % 2}" for place in range(actions)),
        allowed=allowed,
        choice=choice,
        gain=gain,
        low=gain - 1,
        high=gain + 2,
        cost=rng.uniform(0, 4, (size, actions)),
        risk=rng.random(size),
    )


def test_a_share_of_the_holdout_is_drawn_and_larger_ones_keep_it() -> None:
    drawn = draws("spring", [f"c{place}" for place in range(20_000)])
    assert abs((drawn < 0.1).mean() - 0.1) < 0.01
    assert abs(np.corrcoef(drawn, draws("summer", [f"c{place}" for place in range(20_000)]))[0, 1]) < 0.02
    assert (drawn >= 0).all()
    assert (drawn < 1).all()


@given(st.integers(0, 60), st.integers(0, 1000), st.sampled_from([0.1, 0.5]))
def test_the_best_choice_is_kept_and_the_holdout_does_not_depend_on_it(size: int, seed: int, holdout: float) -> None:
    found = candidates(size, seed=seed)
    allocation = allocate(campaign(holdout=holdout), found, {}, None)
    assert allocation.rows.tolist() == [place for place in range(size) if found.choice[place] != NONE]
    held = {
        one
        for one, drawn in zip(found.customers, draws("spring\0holdout", found.customers), strict=True)
        if drawn < holdout
    }
    for row, arm, intended, propensity in zip(
        allocation.rows, allocation.arms, allocation.intended, allocation.propensity, strict=True
    ):
        assert intended == found.choice[row]
        assert (arm, propensity) == ((NONE, holdout) if found.customers[row] in held else (intended, 1 - holdout))


@given(st.integers(0, 60), st.integers(1, 4), st.integers(0, 1000), st.integers(0, 20), st.none() | st.floats(0, 60))
def test_arms_drawn_by_lot_break_no_limit_and_leave_nobody_out_who_fits(
    size: int, actions: int, seed: int, most: int, budget: float | None
) -> None:
    found = candidates(size, actions, seed)
    capacity = {"channel-0": most}
    allocation = allocate(campaign(allocation="random", holdout=0.25), found, capacity, budget)
    assert found.allowed[allocation.rows].all()
    taken = list(zip(allocation.rows, allocation.arms, strict=True))
    spent = sum(found.cost[row, arm] for row, arm in taken if arm != NONE)
    assert budget is None or spent <= budget + 1e-9
    assert sum(arm != NONE and found.channels[arm] == "channel-0" for _, arm in taken) <= most
    assert (allocation.intended == NONE).all()
    assert np.where(allocation.held_out, 0.25, 0.75 / actions).tolist() == pytest.approx(allocation.propensity.tolist())
    # one after the other, in an order drawn by lot, until one does not fit
    order = draws("spring\0order", found.customers)
    left_out = set(np.flatnonzero(found.allowed.all(axis=1))) - set(allocation.rows.tolist())
    if len(allocation.rows) and left_out:
        assert max(order[allocation.rows]) < min(order[place] for place in left_out)


def test_each_arm_is_drawn_as_often_as_its_propensity_says() -> None:
    found = candidates(40_000, 3)
    allocation = allocate(campaign(allocation="random", holdout=0.25), found, {}, None)
    shares = [np.mean(allocation.arms == arm) for arm in (NONE, 0, 1, 2)]
    assert shares == pytest.approx([0.25] * 4, abs=0.01)


def test_errors_of_one_action_are_shared_and_those_of_several_are_not() -> None:
    found = candidates(400, 1)
    plan = make_plan(found, allocate(campaign(), found, {}, None), _FRAME, by_lot=False)
    gain = plan.actions[0].gain
    assert gain.low is not None
    assert gain.high is not None
    assert (gain.value - gain.low, gain.high - gain.value) == pytest.approx((plan.contacted, 2 * plan.contacted))
    both = together([Gain(10, 7, 14), Gain(5, 1, 8)])
    assert both.value == 15
    assert (both.low, both.high) == pytest.approx((15 - 5, 15 + 5))
    assert together([Gain(10, 7, 14), Gain(5, None, None)]) == Gain(15, None, None)


def test_a_plan_says_whom_it_reaches_and_what_can_be_seen() -> None:
    found = candidates(400, 1)
    allocation = allocate(campaign(holdout=0.2), found, {}, None)
    plan = make_plan(found, allocation, _FRAME, by_lot=False)
    contacted = [row for row, arm in zip(allocation.rows, allocation.arms, strict=True) if arm != NONE]
    assert plan.false_alarms == pytest.approx(sum(1 - found.risk[row] for row in contacted))
    assert plan.churners_reached == pytest.approx(sum(found.risk[row] for row in contacted) / 4.0)
    assert plan.not_chosen == 0
    assert plan.eligible == plan.contacted + plan.held_out
    stays = 1 - found.risk[allocation.rows].mean()
    error = math.sqrt(stays * (1 - stays) * (1 / plan.contacted + 1 / plan.held_out))
    # z of 97.5 % and of 80 %
    assert plan.actions[0].smallest_effect == pytest.approx((1.959964 + 0.841621) * error, rel=1e-5)


def test_customers_whose_costs_or_gains_are_not_known_break_no_plan() -> None:
    found = candidates(200, 2)
    found.cost[:50, 1] = np.nan
    found.gain[50:100, 0] = np.nan
    allocation = allocate(campaign(allocation="random"), found, {}, 1e9)
    assert set(allocation.rows.tolist()).isdisjoint(range(50))
    frame = replace(_FRAME, effects={"a": "model", "b": "assumed"})
    plan = make_plan(found, allocation, frame, by_lot=True)
    assert math.isfinite(plan.gain.value)
    assert math.isfinite(plan.cost)
