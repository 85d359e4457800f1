"""How sure a comparison is, by hand."""

import math

import pytest

from serving.explain.comparing import from_habit, from_others, lateness
from serving.explain.themes import THEMES, Fact
from training.evaluation.peers import Group

FACTS = {fact.feature: fact for theme in THEMES for fact in theme.facts}


@pytest.mark.parametrize(
    ("since", "gap", "p90", "sure"),
    [
        (13.0, 11.0, math.nan, "slight"),  # 1.18 gaps
        (12.0, 11.0, math.nan, "none"),  # 1.09 gaps
        (17.0, 11.0, math.nan, "clear"),  # 1.55 gaps
        (17.0, 11.0, 20.0, "slight"),  # nine in ten gaps are longer than this one so far
        (21.0, 11.0, 20.0, "clear"),
        (1.8, 1.0, math.nan, "none"),  # less than a day late
        (2.4, 1.0, math.nan, "slight"),
        (3.1, 1.0, math.nan, "clear"),
    ],
)
def test_lateness_by_the_customers_own_gaps(since: float, gap: float, p90: float, sure: str) -> None:
    values = {"recency_days": since, "gap_mean": gap, "gap_p90": p90}
    assert lateness(values) == sure
    assert from_habit(FACTS["recency_days"], values, gap) == sure


@pytest.mark.parametrize(
    ("count", "usual", "mean", "deviation", "sure"),
    [
        (1, 4.0, 7.0, 7.0, "clear"),  # 0.75 * sqrt(4) / 1 = 1.5
        (2, 4.0, 7.0, 7.0, "slight"),  # 1.0
        (3, 4.0, 7.0, 7.0, "none"),  # 0.5
        (3, 4.0, 7.0, 1.0, "slight"),  # 0.5 / 0.7, as nobody is that regular
        (8, 4.0, 7.0, 7.0, "clear"),
    ],
)
def test_counts_vary_as_the_gaps_between_purchases_do(
    count: int, usual: float, mean: float, deviation: float, sure: str
) -> None:
    values = {"baskets_28d": float(count), "gap_mean": mean, "gap_std": deviation, "recency_days": 1.0}
    assert from_habit(FACTS["baskets_28d"], values | {"baskets_usual_28d": usual}, usual) == sure


def test_no_purchase_is_normal_until_the_next_one_is_late() -> None:
    values = {"baskets_28d": 0.0, "baskets_usual_28d": 0.3, "gap_mean": 93.0, "recency_days": 60.0}
    assert from_habit(FACTS["baskets_28d"], values, 0.3) == "none"
    late = values | {"recency_days": 150.0, "amount_28d": 0.0}
    assert from_habit(FACTS["baskets_28d"], late, 0.3) == "clear"
    assert from_habit(FACTS["amount_28d"], late, 12.0) == "clear"


def test_amounts_vary_more_than_counts() -> None:
    values = {"baskets_28d": 4.0, "baskets_usual_28d": 4.0, "gap_mean": 7.0, "gap_std": 7.0}
    # 0.7 * sqrt(4) / hypot(1, 0.7) = 1.15
    assert from_habit(FACTS["amount_28d"], values | {"amount_28d": 30.0}, 100.0) == "slight"
    assert from_habit(FACTS["amount_28d"], values | {"amount_28d": 20.0}, 100.0) == "clear"
    assert from_habit(FACTS["amount_28d"], values | {"amount_28d": 70.0}, 100.0) == "none"
    assert from_habit(FACTS["visits_28d"], {"visits_28d": 2.0}, 0.0) == "clear"
    assert from_habit(FACTS["visits_28d"], {"visits_28d": 0.0}, 0.0) == "none"


@pytest.mark.parametrize(
    ("value", "sure"), [(100.0, "none"), (109.0, "none"), (120.0, "slight"), (151.0, "clear"), (40.0, "clear")]
)
def test_others_are_clearly_different_outside_their_middle_half(value: float, sure: str) -> None:
    group = Group("everyone", {"amount_84d": 100.0}, {"amount_84d": (50.0, 150.0)})
    assert from_others(FACTS["amount_84d"], value, group) == sure


def test_a_model_without_quartiles_has_no_clear_differences() -> None:
    assert from_others(FACTS["amount_84d"], 1.0, Group("everyone", {"amount_84d": 100.0}, {})) == "slight"


def test_a_purchase_of_this_week_is_no_silence_whatever_others_do() -> None:
    fact: Fact = FACTS["recency_days"]
    group = Group("new", {"recency_days": 2.0}, {"recency_days": (1.0, 3.0)})
    assert from_others(fact, 6.9, group) == "none"
    assert from_others(fact, 7.1, group) == "clear"
    assert from_others(fact, 0.5, group) == "clear"
