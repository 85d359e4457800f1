"""What is found of a theme: true to the values, sure of what it says, in both languages."""

import math
from dataclasses import replace

import pytest

from serving.explain.contributions import Explained, Part
from serving.explain.names import Names
from serving.explain.reasons import write_reasons
from serving.explain.themes import themes_of
from serving.explain.wording import Writer
from tests.serving.explain.explaining import CHINESE, ENGLISH, attribute, explained, group, less, text, told
from training.evaluation.peers import Group


@pytest.mark.parametrize(
    ("recency", "part", "english", "chinese"),
    [
        (
            23.0,
            1.0,
            "Later than usual | Last purchase 23 days ago, usually every 6 days. Linked to a higher risk.",
            "购买晚于平时 | 上次购买是 23 天前，平时每 6 天一次。与较高流失风险相关。",
        ),
        (
            7.6,
            1.0,
            "Time since the last purchase | Last purchase 7 days ago, slightly later than usual (every 6 days). "
            "Linked to a higher risk.",
            "距上次购买的时间 | 上次购买是 7 天前，略晚于平时（每 6 天一次）。与较高流失风险相关。",
        ),
        (
            2.4,
            -1.0,
            "Within the usual rhythm | Last purchase 2 days ago, usually every 6 days. Linked to a lower risk.",
            "仍在平时的节奏内 | 上次购买是 2 天前，平时每 6 天一次。与较低流失风险相关。",
        ),
    ],
)
def test_silence_is_compared_with_the_customers_own_habit(
    recency: float, part: float, english: str, chinese: str
) -> None:
    values = {"recency_days": recency, "gap_mean": 6.0}
    assert text(values, {"silence": part}) == english
    assert text(values, {"silence": part}, writer=CHINESE) == chinese


def test_what_is_normal_for_the_customer_is_never_an_alarm() -> None:
    assert told({"recency_days": 4.2, "gap_mean": 6.0}, {"silence": 1.0}) == []
    rare = {"recency_days": 60.0, "gap_mean": 93.0, "baskets_28d": 0.0, "baskets_usual_28d": 0.3}
    # that others come more often is no alarm about a change
    assert [reason.finding for reason in told(rare, {"frequency": 1.0})] == ["less_frequent"]
    late = rare | {"recency_days": 150.0}
    assert text(late, {"frequency": 1.0}) == (
        "Buys less often than usual | No purchases in the last 28 days, usually one every 3 months. "
        "Linked to a higher risk."
    )
    assert text(late, {"frequency": 1.0}, writer=CHINESE) == (
        "购买不如平时频繁 | 最近 28 天未购买，平时约每 3 个月 1 次。与较高流失风险相关。"
    )


def test_without_a_habit_others_are_compared_with_by_what_they_share() -> None:
    values = {"recency_days": 23.0, "gap_mean": math.nan}
    assert text(values, {"silence": 1.0}) == (
        "No purchase for longer than others | Last purchase 23 days ago; typical for other new customers: 5 days ago. "
        "Linked to a higher risk."
    )
    assert text(values, {"silence": 1.0}, writer=CHINESE) == (
        "比其他客户更久未购买 | 上次购买是 23 天前；其他新客户一般为 5 天前。与较高流失风险相关。"
    )
    assert told(values | {"recency_days": 6.0}, {"silence": 1.0}) == []  # a purchase of this week


def test_spending_is_not_compared_with_those_who_spend_as_much() -> None:
    values = {"amount_84d": 100.0}
    assert "typical for all customers: $300" in text(values, {"spend": 1.0}, "amount_usual_28d")
    assert "typical for other new customers: $300" in text(values, {"spend": 1.0}, "new")
    assert "typical for similar spenders: 20" in text({"categories_84d": 6.0}, {"variety": 1.0}, "amount_usual_28d")


@pytest.mark.parametrize(
    ("amount", "part", "expected"),
    [
        (
            100.0,
            1.0,
            "Spends less than others | Spent $100 in the last 84 days; typical for all customers: $300. Linked",
        ),
        (
            260.0,
            1.0,
            "Spending | Spent $260 in the last 84 days; slightly below what is typical for all customers ($300)",
        ),
        (
            180.0,
            1.0,
            "Spending | Spent $180 in the last 84 days; below what is typical for all customers ($300). Linked",
        ),
        (
            900.0,
            -1.0,
            "Spends more than others | Spent $900 in the last 84 days; typical for all customers: $300. Linked",
        ),
    ],
)
def test_a_difference_is_as_sure_as_it_is_said(amount: float, part: float, expected: str) -> None:
    assert text({"amount_84d": amount}, {"spend": part}, "amount_usual_28d").startswith(expected)


@pytest.mark.parametrize(("amount", "part"), [(500.0, 1.0), (100.0, -1.0), (295.0, 1.0)])
def test_what_cannot_be_compared_is_left_out(amount: float, part: float) -> None:
    assert told({"amount_84d": amount}, {"spend": part}) == []


def test_a_comparison_that_the_features_own_contribution_contradicts_is_not_shown() -> None:
    one = explained({"amount_84d": 100.0}, {"spend": 1.0})
    assert write_reasons(one, ENGLISH)[0].finding == "smaller_spender"
    assert write_reasons(replace(one, contributions={"amount_84d": -0.1}), ENGLISH) == []


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        (
            {"tenure_days": 12.0, "baskets_total": 1.0},
            1.0,
            "One purchase so far | First purchase 12 days ago, none since. Linked to a higher risk.",
        ),
        (
            {"tenure_days": 40.0, "baskets_total": 5.0},
            -1.0,
            "New customer | New customer: first purchase 40 days ago, 5 purchases so far. Linked to a lower risk.",
        ),
        (
            {"tenure_days": 400.0, "baskets_total": 9.0},
            -1.0,
            "Long-standing customer | Customer for 13 months, 9 purchases. Linked to a lower risk.",
        ),
        (
            {"tenure_days": 240.0, "baskets_total": 1.0},
            1.0,
            "Only one purchase | Only one purchase, 8 months ago. Linked to a higher risk.",
        ),
        (
            {"contracts_tenure_days": 800.0, "contracts_total": 3.0},
            -1.0,
            "Long-standing customer | Customer for 2 years. Linked to a lower risk.",
        ),
        (
            {"contracts_tenure_days": 100.0, "contracts_total": 1.0},
            1.0,
            "First contract | In the first contract, which began 3 months ago. Linked to a higher risk.",
        ),
    ],
)
def test_new_customers_and_first_contracts_have_sentences_of_their_own(
    values: dict[str, float], part: float, expected: str
) -> None:
    assert text(values, {"loyalty": part}) == expected


def test_a_returning_customer_is_one() -> None:
    values = {"baskets_28d": 2.0, "baskets_84d": 2.0, "baskets_total": 9.0, "tenure_days": 300.0, "gap_mean": 20.0}
    expected = "Back after a break | Back after a break: 2 purchases in the last 28 days, none in the 8 weeks before"
    assert text(values, {"loyalty": 1.0}).startswith(expected)
    assert told(values | {"baskets_84d": 3.0}, {"loyalty": 1.0}) == []
    assert told(values | {"gap_mean": 40.0}, {"loyalty": 1.0}) == []  # eight weeks are no break for this customer


@pytest.mark.parametrize(
    ("flag", "days", "expected"),
    [
        (1.0, 20.0, "Has given notice | The customer has given notice. Linked to a higher risk."),
        (0.0, 20.0, "Contract ends soon | The contract ends in 20 days. Linked to a higher risk."),
        (
            0.0,
            70.0,
            "The contract ends sooner than others' | The contract ends in 2 months; typical for",
        ),
    ],
)
def test_a_notice_is_shown_only_where_there_is_one(flag: float, days: float, expected: str) -> None:
    values = {"contract_cancelled": flag, "days_to_contract_end": days}
    assert text(values, {"contract": 1.0}, "amount_usual_28d").startswith(expected)


@pytest.mark.parametrize("part", [0.7, -0.7])
def test_where_more_is_neither_good_nor_bad_the_model_decides(part: float) -> None:
    one = explained({"discount_share_84d": 0.4}, {"discounts": part})
    (reason,) = write_reasons(one, ENGLISH)
    assert reason.finding == "lives_on_discounts"
    assert reason.text.startswith(
        "Discounts took 40% off the bill in the last 84 days; typical for other new customers"
    )
    assert write_reasons(replace(one, contributions={"discount_share_84d": -part}), ENGLISH) == []


def test_a_missing_value_is_replaced_by_the_next_fact_or_shown_as_unknown() -> None:
    (reason,) = told({"answer_rate": math.nan}, {"campaigns": -1.0})
    assert reason.text == "Response to campaigns: not enough data."
    assert (reason.finding, reason.certainty) == (None, "none")
    assert reason.values["answer_rate"] is None
    assert told({"answer_rate": math.nan}, {"campaigns": -1.0}, writer=CHINESE)[0].text == "营销响应：数据不足。"
    never = {"answer_rate": math.nan, "campaigns_contacted": 0.0}
    assert (
        text(never, {"campaigns": 1.0}) == "Never contacted | Has not received a campaign yet. Linked to a higher risk."
    )


def test_a_theme_without_facts_is_left_out() -> None:
    assert told({"season_sin": 0.1}, {"season": 1.0}) == []


def test_an_attribute_says_how_many_such_customers_left() -> None:
    one = attribute("ContractType", "month to month", 0.43, 0.27, 1.0)
    (reason,) = write_reasons(one, ENGLISH)
    assert (reason.title, reason.text) == (
        "Contract type: such customers leave more often",
        "Contract type: month to month; 43% of such customers left, 27% of all. Linked to a higher risk.",
    )
    assert write_reasons(one, CHINESE)[0].text == (
        "Contract type：month to month；此类客户流失率 43%，全体客户 27%。与较高流失风险相关。"
    )
    assert write_reasons(attribute("Plan", "basic", 0.2, 0.27, 1.0), ENGLISH) == []


def test_a_number_is_compared_with_what_is_typical() -> None:
    feature = "attribute_MonthlyCharges"
    one = Explained(
        {feature: 89.1},
        {feature: 0.5},
        group("everyone"),
        Group("everyone", {feature: 64.35}, {feature: (50.0, 70.0)}),
        {feature: Part(0.5, 0.5)},
        themes=themes_of((feature,)),
        numbers=(feature,),
    )
    (reason,) = write_reasons(one, ENGLISH)
    assert (reason.title, reason.text) == (
        "Monthly charges: more than usual",
        "Monthly charges: 89.1; typical for all customers: 64.35. Linked to a higher risk.",
    )


def test_a_habit_that_holds_is_said_where_it_lowers_the_risk() -> None:
    values = {"baskets_28d": 3.0, "baskets_usual_28d": 4.0, "gap_mean": 7.0, "gap_std": 7.0, "recency_days": 3.0}
    assert text(values, {"frequency": -1.0}) == (
        "How often they buy: as usual | 3 purchases in the last 28 days, about as usual (4). Linked to a lower risk."
    )
    assert text(values, {"frequency": -1.0}, writer=CHINESE) == (
        "购买频率：与平时相近 | 最近 28 天购买 3 次，与平时相近（4 次）。与较低流失风险相关。"
    )
    assert told(values, {"frequency": 1.0}) == []


def test_the_model_may_speak_of_a_value_through_what_is_made_of_it() -> None:
    values = {"recency_days": 34.0, "gap_mean": 8.0, "recency_over_gap": 4.25}
    one = explained(values, {"silence": 1.0})
    through = replace(one, contributions={"recency_days": -0.8, "recency_over_gap": 2.2, "gap_mean": 0.0})
    assert [reason.finding for reason in write_reasons(through, ENGLISH)] == ["long_silence"]
    assert write_reasons(replace(through, contributions={"recency_days": -0.8}), ENGLISH) == []


def test_a_sentence_may_use_what_the_model_does_not_read_and_does_not_call_it_missing() -> None:
    # the model reads the trend alone: the amount and the habit are of the feature store
    one = replace(explained(less() | {"amount_trend": 0.02}, {"spend": 1.0}), contributions={"amount_trend": 1.0})
    assert write_reasons(one, ENGLISH)[0].text.startswith("Spent $3 in the last 28 days, usually $128")
    unread = replace(explained({"amount_trend": 0.02}, {"spend": 1.0}), contributions={"amount_trend": 1.0})
    assert write_reasons(unread, ENGLISH) == []


@pytest.mark.parametrize(("baskets", "usual"), [(1.0, 0.2), (1.0, 0.9)])
def test_one_purchase_is_not_more_than_an_average_of_mostly_nothing(baskets: float, usual: float) -> None:
    values = {"baskets_28d": baskets, "baskets_usual_28d": usual, "gap_mean": 100.0, "amount_28d": 126.0}
    assert told(values | {"amount_usual_28d": 51.0}, {"spend": -1.0})[0].finding == "as_usual"


def test_complaints_are_set_beside_customers_who_have_none() -> None:
    assert text({"complaints_84d": 2.0}, {"service": 1.0}) == (
        "More complaints than others | 2 complaints in the last 84 days; most customers have none. "
        "Linked to a higher risk."
    )


def test_regularity_takes_three_gaps_that_differ_by_a_day() -> None:
    values = {"gap_std": 12.0, "baskets_total": 4.0}
    assert told(values, {"rhythm": 1.0})[0].text.startswith("Time between purchases varies by about 12 days")
    assert told(values | {"baskets_total": 3.0}, {"rhythm": 1.0}) == []
    assert told({"gap_std": 0.4}, {"rhythm": -1.0}) == []


def test_a_level_that_is_usual_for_the_customer_is_no_verdict() -> None:
    usual = {"baskets_28d": 1.0, "baskets_usual_28d": 1.1, "gap_mean": 25.0, "recency_days": 9.0}
    (reason,) = told(usual | {"purchase_days_84d": 3.0}, {"frequency": 1.0}, "amount_usual_28d")
    assert (reason.title, reason.text, reason.certainty) == (
        "How often they buy",
        "Bought on 3 days of the last 84, as usual; typical for similar spenders: 9. Linked to a higher risk.",
        "slight",
    )
    more = usual | {"baskets_28d": 6.0, "purchase_days_84d": 3.0}
    assert told(more, {"frequency": 1.0}, "amount_usual_28d") == []  # they buy more often than they used to


def test_what_somebody_buys_is_not_as_usual_where_they_come_less_often() -> None:
    variety = {"categories_28d": 3.0, "categories_usual_28d": 3.2, "categories_84d": 8.0}
    (reason,) = told(less() | variety, {"variety": 1.0}, "amount_usual_28d")
    assert (reason.title, reason.text) == (
        "Variety",
        "Bought from 8 categories in the last 84 days; typical for similar spenders: 20. Linked to a higher risk.",
    )
    comes = less() | variety | {"baskets_28d": 4.0}
    assert "as usual; typical" in told(comes, {"variety": 1.0}, "amount_usual_28d")[0].text


def test_a_habit_that_is_not_alike_is_within_ups_and_downs() -> None:
    values = {"amount_28d": 180.0, "amount_usual_28d": 100.0, "baskets_28d": 1.0, "baskets_usual_28d": 1.0}
    assert told(values | {"gap_mean": 28.0, "recency_days": 5.0}, {"spend": -1.0})[0].text == (
        "Spent $180 in the last 28 days, within the usual ups and downs (on average $100). Linked to a lower risk."
    )


def test_the_same_number_is_not_shown_twice() -> None:
    values = {"categories_28d": 1.0, "categories_usual_28d": 1.45, "baskets_28d": 4.0, "baskets_usual_28d": 40.0}
    assert told(values, {"variety": 1.0}) == []
    assert told({"recency_days": 75.0, "gap_mean": 61.0}, {"silence": 1.0}) == []


def test_attributes_have_the_names_of_the_business_and_little_differences_no_verdict() -> None:
    names = Names({"attribute": {"Plan": "套餐"}, "value": {"basic": "基础版"}})
    one = attribute("Plan", "basic", 0.28, 0.27, 1.0)
    (reason,) = write_reasons(one, Writer("zh", names=names))
    assert reason.title == "套餐"
    assert reason.text.startswith("套餐：基础版；此类客户流失率 28%")
