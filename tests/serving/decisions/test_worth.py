"""What actions are worth, by worked examples and customer by customer."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import StoreSettings
from serving.decisions.actions import Action
from serving.decisions.effects import Effects, EffectSource
from serving.decisions.policy import Policy
from serving.decisions.stakes import Stakes, Terms, stakes_of
from serving.decisions.worth import worth_of
from serving.settings import default_settings
from tests.serving.decisions.shops import PLAIN, population, stakes
from training.customer_value.margins import Margins
from training.customer_value.settings import ValueSettings

TERMS = Terms(value_days=84, effect_days=28, kept_windows=2, margin=0.5, margins=PLAIN)


def action(**more: Any) -> Action:
    """Return an action that keeps customers, unless it says otherwise."""
    plain = {"name": "call", "goal": "retain", "channel": "phone"}
    effect = {} if {"saves", "adds"} & more.keys() else {"saves": 0.2}
    return Action.model_validate({**plain, **effect, **more})


def effects(base: float, lift: float, low: float = np.nan, high: float = np.nan) -> Effects:
    """Return the effect of one action on one customer."""
    return Effects((EffectSource("call", "model", "v1"),), *(np.array([[one]]) for one in (base, lift, low, high)))


def test_a_kept_customer_is_worth_the_margin_of_what_they_would_have_spent() -> None:
    # by hand: half of 0.1 x 800 less 4, and 5 % of 100 for the 80 % who are there in the end
    one = worth_of([action(cost=4, discount=0.05)], stakes(kept=[800.0], spend=[100.0]), effects(0.7, 0.1, 0.0, 0.2))
    assert one.cost[0, 0] == pytest.approx(4 + 0.05 * 100 * 0.8)
    assert one.gain[0, 0] == pytest.approx(0.1 * 800 - 4 - 0.05 * 100 * 0.8)
    assert one.low[0, 0] == pytest.approx(-4 - 0.05 * 100 * 0.7)
    assert one.high[0, 0] == pytest.approx(0.2 * 800 - 4 - 0.05 * 100 * 0.9)


def test_a_sale_is_worth_its_own_margin() -> None:
    own = stakes(kept=[800.0], spend=[100.0], basket=[40.0], margin=[0.25])
    by_basket = worth_of([action(goal="cross_sell", adds=0.1, discount=0.1)], own, effects(0.5, 0.1))
    assert by_basket.gain[0, 0] == pytest.approx(0.1 * 40 * 0.25 - 0.1 * 40 * 0.6)
    by_amount = worth_of([action(goal="up_sell", adds=0.1, amount=200)], own, effects(0.5, 0.1))
    assert by_amount.gain[0, 0] == pytest.approx(0.1 * 200 * 0.25)


def test_an_action_that_drives_customers_away_loses() -> None:
    one = worth_of([action(cost=1)], stakes(kept=[100.0], spend=[10.0]), effects(0.7, -0.1, -0.2, 0.1))
    assert one.gain[0, 0] == pytest.approx(-11)
    assert (one.low[0, 0], one.high[0, 0]) == pytest.approx((-21, 9))


def test_without_a_discount_it_does_not_matter_who_would_have_bought_anyway() -> None:
    unknown = stakes(kept=[100.0], spend=[10.0])
    assert worth_of([action(cost=1)], unknown, effects(np.nan, 0.1)).gain[0, 0] == pytest.approx(9)
    assert np.isnan(worth_of([action(cost=1, discount=0.1)], unknown, effects(np.nan, 0.1)).gain[0, 0])


def test_what_is_at_stake() -> None:
    row = {"risk": 0.4, "amount": 60.0, "orders": 3.0, "amount_total": 500.0, "baskets_total": 20}
    own = stakes_of(population([row]), TERMS, None)
    assert {one.name: getattr(own, one.name)[0] for one in fields(Stakes)} == pytest.approx(
        {
            "risk": 0.4,
            "base": 0.6,
            # the forecast counts the 40 % who leave as spending nothing
            "amount": 100.0,
            # a third of the window of 84 days
            "spend": 100 / 3,
            "basket": 25.0,
            "margin": 0.5,
            "kept": 100.0,
        }
    )


def test_a_forecast_is_divided_by_a_tenth_at_least() -> None:
    own = stakes_of(population([{"risk": 0.99, "amount": 5.0}]), TERMS, None)
    assert own.amount[0] == pytest.approx(50)


def test_a_customer_whose_churn_is_not_asked_about_buys_as_orders_are_expected() -> None:
    own = stakes_of(population([{"amount": 60.0, "orders": 3.0}]), TERMS, None)
    assert own.base[0] == pytest.approx(1 - np.exp(-1))
    assert (own.risk[0], own.amount[0]) == (pytest.approx(np.nan, nan_ok=True), 60)


def test_without_a_value_model_the_uplift_model_says_what_is_spent() -> None:
    own = stakes_of(population([{"risk": 0.4}, {"amount": 60.0, "risk": 0.4}]), TERMS, np.array([12.0, 12.0]))
    assert own.kept.tolist() == pytest.approx([12 * 0.5 * 2, 100 * 0.5 * 2])
    assert own.spend.tolist() == [12, 12]
    assert own.basket.tolist() == [12, 12]


def test_margins_are_those_of_the_value_model_unless_the_policy_has_one() -> None:
    costed = {"amount_total": 100.0, "baskets_total": 2, "margin_amount_known": 60.0, "margin_cost": 45.0}
    lossy = costed | {"margin_cost": 600.0}
    terms = Terms(84, 28, 1, None, Margins(0.2, {"c001": 0.4}))
    own = stakes_of(
        population([costed, {**costed, "margin_amount_known": np.nan, "margin_cost": np.nan}, lossy]), terms, None
    )
    assert own.margin.tolist() == pytest.approx([(60 - 45 + 40 * 0.2) / 100, 0.4, 0.0])
    assert stakes_of(population([costed]), TERMS, None).margin.tolist() == [0.5]


def test_terms_are_those_of_the_settings(tmp_path: Any) -> None:
    settings = default_settings(StoreSettings(data=tmp_path), ValueSettings(horizon_days=100, margin=0.3))
    terms = Terms.read(settings, Policy(kept_windows=4), population([{}]))
    assert (terms.value_days, terms.kept_windows, terms.margin, terms.margins) == (100, 4, None, Margins(0.3, {}))


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 2, *[st.floats(0, 500)] * 3), min_size=1, max_size=5), st.data())
def test_gains_follow_the_formula_for_each_customer(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    actions = [
        action(cost=data.draw(st.floats(0, 9)), discount=data.draw(st.floats(0, 0.9))),
        action(name="mail", goal="repeat", adds=0.1, discount=data.draw(st.floats(0, 0.9))),
    ]
    base, lift, kept, spend, basket = (np.array(column) for column in zip(*rows, strict=True))
    own = stakes(kept=kept, spend=spend, basket=basket, margin=[0.3] * len(rows))
    both = [np.column_stack([one, one]) for one in (base, lift, lift - 0.1, lift + 0.1)]
    worth = worth_of(actions, own, Effects((), *both))
    for place in range(len(rows)):
        for column, one in enumerate(actions):
            success = basket[place] * 0.3 if one.sells else kept[place]
            given = one.discount * (basket[place] if one.sells else spend[place])
            cost = one.cost + given * (base[place] + lift[place])
            assert worth.cost[place, column] == pytest.approx(cost)
            assert worth.gain[place, column] == pytest.approx(lift[place] * success - cost, abs=1e-9)
            assert worth.low[place, column] <= worth.gain[place, column] + 1e-9
            assert worth.high[place, column] >= worth.gain[place, column] - 1e-9
