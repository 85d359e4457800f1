"""Reasons for a value: levels beside those of all customers, then changes of the customer's own habit."""

from dataclasses import replace

import pytest

from serving.explain.reasons import Reason, write_reasons
from serving.explain.wording import Writer
from tests.serving.explain.explaining import CHINESE, ENGLISH, explained


def worth(values: dict[str, float], parts: dict[str, float], writer: Writer = ENGLISH) -> list[Reason]:
    """Return the reasons for a value."""
    return write_reasons(replace(explained(values, parts, "amount_usual_28d"), subject="value"), writer)


def texts(values: dict[str, float], parts: dict[str, float], writer: Writer = ENGLISH) -> list[str]:
    return [f"{one.title} | {one.text}" for one in worth(values, parts, writer)]


def test_a_level_is_compared_with_all_customers_even_where_it_is_usual_for_this_one() -> None:
    values = {"amount_28d": 400.0, "amount_usual_28d": 400.0, "baskets_28d": 4.0, "baskets_usual_28d": 4.0}
    assert texts(values, {"spend": 1.0}) == [
        "Spends more than others | Spent $400 in the last 28 days; typical for all customers: $100. "
        "Linked to a higher value."
    ]
    assert texts(values, {"spend": 1.0}, CHINESE)[0].endswith("与较高价值相关。")


@pytest.mark.parametrize(("part", "finding"), [(1.0, None), (-1.0, "smaller_spender")])
def test_little_spending_never_raises_a_value(part: float, finding: str | None) -> None:
    found = worth({"amount_28d": 20.0, "amount_84d": 60.0}, {"spend": part})
    assert [one.finding for one in found] == ([finding] if finding else [])


def test_silence_lowers_a_value() -> None:
    assert texts({"recency_days": 40.0, "gap_mean": 6.0}, {"silence": -1.0}) == [
        "No purchase for longer than others | Last purchase 40 days ago; typical for all customers: 5 days ago. "
        "Linked to a lower value."
    ]
    assert worth({"recency_days": 40.0, "gap_mean": 6.0}, {"silence": 1.0}) == []


def test_a_change_is_a_reason_where_the_level_is_typical() -> None:
    values = {"amount_28d": 100.0, "amount_usual_28d": 20.0, "baskets_28d": 4.0, "baskets_usual_28d": 4.0}
    assert texts(values, {"spend": 1.0}) == [
        "Spends more than usual | Spent $100 in the last 28 days, usually $20. Linked to a higher value."
    ]


def test_changes_stay_apart() -> None:
    values = {
        **{"amount_28d": 100.0, "amount_usual_28d": 20.0, "categories_28d": 10.0, "categories_usual_28d": 2.0},
        **{"baskets_28d": 4.0, "baskets_usual_28d": 4.0},
    }
    assert [one.theme for one in worth(values, {"spend": 1.0, "variety": 0.9})] == ["spend", "variety"]


def test_a_new_customer_is_one_whatever_the_answer_is_about() -> None:
    (reason,) = worth({"tenure_days": 5.0, "baskets_total": 1.0}, {"loyalty": -1.0})
    assert reason.finding == "first_purchase"
    assert reason.text.endswith("Linked to a lower value.")
