"""Risk tiers by threshold and by share."""

import re

import pytest

from features.store.feature_store import Store
from serving.explain.tiers import Tiers, make_tiers
from tests.conftest import Scoring, World
from training.churn.labels import active_customers
from training.churn.settings import ChurnSettings


@pytest.mark.parametrize(("risk", "tier"), [(0.5, "high"), (0.49, "medium"), (0.2, "medium"), (0.19, "low")])
def test_a_tier_starts_at_its_threshold(risk: float, tier: str) -> None:
    assert Tiers(0.5, 0.2).of(risk) == tier


def test_by_share_as_many_are_high_as_a_team_can_contact(at_home: World, store: Store, scoring: Scoring) -> None:
    churn = at_home.settings[ChurnSettings].model_copy(
        update={"tiers": "share", "high_share": 0.1, "medium_share": 0.2}
    )
    settings = at_home.settings.replaced(churn)
    as_of = at_home.schedule.as_of
    tiers = make_tiers(settings, store, scoring.churn, as_of)
    customers = active_customers(settings, as_of)
    shown = [tiers.of(scored.parts["risk"].value.risk or 0.0) for scored in scoring.ask(customers, "risk")]
    assert shown.count("high") == pytest.approx(0.1 * len(customers), abs=2)
    assert shown.count("medium") == pytest.approx(0.2 * len(customers), abs=3)
    by_share = settings[ChurnSettings].model_copy(update={"tiers": "threshold"})
    assert make_tiers(settings.replaced(by_share), store, scoring.churn, as_of, order_only=True) == tiers
    by_threshold = make_tiers(at_home.settings, store, scoring.churn, as_of)
    assert by_threshold == Tiers(at_home.settings[ChurnSettings].high_risk, at_home.settings[ChurnSettings].medium_risk)


def test_shares_that_sum_to_one_leave_nobody_low(at_home: World, store: Store, scoring: Scoring) -> None:
    churn = at_home.settings[ChurnSettings].model_copy(
        update={"tiers": "share", "high_share": 0.9, "medium_share": 0.1}
    )
    settings = at_home.settings.replaced(churn)
    tiers = make_tiers(settings, store, scoring.churn, at_home.schedule.as_of)
    customers = active_customers(settings, at_home.schedule.as_of)
    risks = [scored.parts["risk"].value.risk or 0.0 for scored in scoring.ask(customers, "risk")]
    assert "low" not in {tiers.of(risk) for risk in risks}


def test_a_model_of_another_definition_does_not_answer_and_the_other_does(at_home: World) -> None:
    churn = at_home.settings[ChurnSettings].model_copy(update={"activity_window_days": 70})
    settings = at_home.settings.replaced(churn)
    other = Scoring(settings)
    (scored,) = other.ask(["6"], "risk", "offers")
    risk, offers = scored.parts["risk"].value, scored.parts["offers"].value
    assert risk.status == "unavailable"
    assert re.search(r"activity_window_days=56.*activity_window_days=70.*Train again", risk.reason)
    assert offers.status == "ok"  # the other model answers on
