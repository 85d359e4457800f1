"""What would change a score: realistic, consistent, the smallest, and computed by the model."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from core.arrays import Floats
from features.store.feature_store import Store
from features.vectors import with_ages
from serving.explain.tiers import Tiers
from serving.explain.what_if import LEVERS, Manner, what_would_change
from serving.explain.wording import Writer
from serving.settings import TextSettings
from tests.conftest import Scoring, World
from tests.online import columns_of
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings

#: A Tuesday.
MANNER = Manner(Writer("en"), datetime(2018, 1, 2, tzinfo=UTC))


@pytest.fixture(scope="module")
def model(scoring: Scoring) -> ChurnModel:
    return scoring.churn


@pytest.fixture(scope="module")
def inputs(world: World, store: Store, model: ChurnModel) -> Floats:
    customers = active_customers(world.settings, world.schedule.as_of)
    online = store.online.rows(ChurnSettings.service, "customer_id", customers)
    columns = with_ages(columns_of(online), np.full(len(customers), world.schedule.as_of.timestamp()))
    return model.inputs(columns, len(customers))


def test_the_change_moves_a_tier_down_and_its_risk_is_the_models(model: ChurnModel, inputs: Floats) -> None:
    risks = model.risk(inputs)
    tiers = Tiers(float(np.quantile(risks, 0.9)), float(np.quantile(risks, 0.6)))
    ways = 0
    for row, risk in zip(inputs, risks.tolist(), strict=True):
        way = what_would_change(model, dict(zip(model.features, row.tolist(), strict=True)), risk, tiers, MANNER)
        if tiers.of(risk) == "low":
            assert way is None
        if way is not None:
            ways += 1
            assert way.risk <= risk - 0.01
            assert {"recency_days", "baskets_28d"} <= {change.feature for change in way.changes}
            assert (tiers.of(risk), way.tier) in {("high", "medium"), ("high", "low"), ("medium", "low")}
            assert re.fullmatch(
                rf"If they made .* this week.*, the model would say {way.risk:.0%}, not {risk:.0%}; "
                "a calculation, not a promise",
                way.text,
            )
            after = row.copy()
            for change in way.changes:
                place = model.features.index(change.feature)
                assert change.before is None or change.before == row[place]
                after[place] = change.after
            assert model.risk(after.reshape(1, -1))[0] == way.risk
    assert ways > 10


def test_a_visit_changes_all_that_a_visit_changes() -> None:
    (visit,) = (lever for lever in LEVERS if lever.name == "visit")
    before = {
        **{f"baskets_{d}d": 1.0 for d in (7, 14, 28, 56, 84)},
        **{f"amount_{d}d": 10.0 for d in (7, 14, 28, 56, 84)},
        **{"baskets_total": 9.0, "amount_total": 99.0, "purchase_days_84d": 1.0, "recency_days": 20.0},
        **{"basket_amount_mean": 11.0, "baskets_usual_28d": 2.0, "amount_usual_28d": 22.0},
    }
    after = visit.apply(before, 2)
    assert after["recency_days"] == 0
    assert after["baskets_84d"] == 3
    assert after["amount_7d"] == after["amount_84d"] == 32
    assert after["baskets_trend"] == 1.5
    assert after["amount_trend"] == pytest.approx(32 / 22)
    assert after["basket_amount_84d"] == pytest.approx(32 / 3)
    assert before["baskets_84d"] == 1


def test_other_levers() -> None:
    levers = {lever.name: lever for lever in LEVERS}
    answered = levers["answer"].apply({"answer_rate": 0.0, "campaigns_contacted": 4.0, "redemptions_total": 0.0}, 1)
    assert (answered["answer_rate"], answered["redemptions_total"], answered["days_since_redemption"]) == (0.25, 1, 0)
    assert levers["cheaper"].apply({"contract_price": 20.0}, 10)["contract_price"] == pytest.approx(18)
    assert levers["widen"].apply({"categories_28d": 1.0, "categories_84d": 4.0}, 5)["categories_84d"] == 9


def test_who_has_nothing_to_change_gets_nothing(model: ChurnModel, inputs: Floats) -> None:
    unknown = dict.fromkeys(model.features, np.nan)
    assert what_would_change(model, unknown, 0.9, Tiers(0.5, 0.2), MANNER) is None
    hopeless = replace(model, calibration=replace(model.calibration, intercept=9.0))
    row = inputs[0]
    risk = float(hopeless.risk(row.reshape(1, -1))[0])
    values = dict(zip(model.features, row.tolist(), strict=True))
    assert what_would_change(hopeless, values, risk, Tiers(0.5, 0.2), MANNER) is None


@pytest.mark.parametrize(
    ("day", "first", "when"),
    [
        (5, "monday", "this week"),  # a Friday: three days are left
        (6, "monday", "within 7 days"),
        (6, "saturday", "this week"),
        (5, "sunday", "within 7 days"),
    ],
)
def test_the_week_has_enough_days_left_or_the_next_seven_are_meant(day: int, first: Any, when: str) -> None:
    manner = replace(MANNER, writer=Writer("en", TextSettings(first_weekday=first)), moment=datetime(2018, 1, day))  # noqa: DTZ001
    (visit,) = (lever for lever in LEVERS if lever.name == "visit")
    assert f"made 2 more purchases {when}, the model" in manner.text(((visit, 2),), 0.6, 0.1, Tiers(0.5, 0.2))


def test_without_percentages_a_change_names_tiers() -> None:
    (visit,) = (lever for lever in LEVERS if lever.name == "visit")
    chinese = Manner(Writer("zh"), MANNER.moment, order_only=True)
    assert chinese.text(((visit, 1),), 0.6, 0.1, Tiers(0.5, 0.2)) == (
        "若本周多购买 1 次，模型风险为低，而非高；仅为测算，不作保证"
    )
