"""Sentences: true to the values, in both languages, never from a column name."""

import string
from typing import Any

import numpy as np
import pytest

from features.definitions import CHURN_SERVICE
from features.store import Store
from features.vectors import columns_from_online, with_ages
from serving.reasons import offer_reason, risk_reasons
from serving.themes import THEME_OF, THEMES
from serving.wording import LANGUAGES, amount, catalogue, preferred
from tests.conftest import World
from training.next_product.offers import Evidence, Offer

FEATURES = ("recency_days", "gap_mean", "amount_84d", "answer_rate")
REFERENCE = {"recency_days": 5.0, "gap_mean": 7.0, "amount_84d": 300.0, "answer_rate": 0.2}


def explain(values: list[float], contributions: list[float], language: Any = "en") -> list[Any]:
    return risk_reasons(FEATURES, np.array(values), np.array(contributions), REFERENCE, language)


def test_every_input_of_the_model_belongs_to_one_theme(world: World, store: Store) -> None:
    online = store.online(CHURN_SERVICE, "customer_id", ["6", "12", "18", "24", "30"])
    columns = with_ages(columns_from_online(online.values), np.full(5, world.schedule.as_of.timestamp()))
    assert set(columns) - set(THEME_OF) == set()
    assert sum(len(theme.features) for theme in THEMES) == len(THEME_OF)


def test_languages_have_the_same_keys_and_placeholders() -> None:
    def placeholders(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = catalogue("en")
    for language in LANGUAGES:
        other = catalogue(language)
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert placeholders(other[key]) == placeholders(text), key


def test_every_theme_and_fact_has_its_texts() -> None:
    texts = catalogue("en")
    for theme in THEMES:
        assert f"theme.{theme.name}" in texts
        for fact in theme.facts:
            assert f"fact.{fact.feature}" in texts


def test_silence_is_told_against_the_customers_own_habit() -> None:
    reasons = explain([23.0, 6.0, 300.0, 0.2], [1.0, 0.0, -0.5, 0.0])
    assert reasons[0].text == (
        "Last purchase 23 days ago; this customer usually comes every 6 days. This raises the risk."
    )
    assert reasons[0].share == pytest.approx(2 / 3)
    assert reasons[0].values == {"recency_days": 23.0, "gap_mean": 6.0}
    assert explain([23.0, 6.0, 300.0, 0.2], [1.0, 0.0, -0.5, 0.0], "zh")[0].text == (
        "上次购买在 23 天前，而该客户通常每 6 天购买一次。这会提高流失风险。"
    )


@pytest.mark.parametrize("habit", [float("nan"), 60.0])
def test_silence_without_a_habit_that_speaks_for_it_is_told_against_others(habit: float) -> None:
    reasons = explain([23.0, habit, 300.0, 0.2], [1.0, 0.0, 0.0, 0.0])
    assert reasons[0].text == "Last purchase 23 days ago; the typical customer: 5 days. This raises the risk."


@pytest.mark.parametrize(
    ("amount_84d", "part", "text"),
    [
        (100.0, 1.0, "Spent 100.00 in the last 84 days; the typical customer: 300.00. This raises the risk."),
        (500.0, -1.0, "Spent 500.00 in the last 84 days; the typical customer: 300.00. This lowers the risk."),
        (500.0, 1.0, "Spent 500.00 in the last 84 days. This raises the risk."),
    ],
)
def test_a_comparison_is_told_only_where_it_speaks_for_the_direction(amount_84d: float, part: float, text: str) -> None:
    assert explain([23.0, 6.0, amount_84d, 0.2], [0.0, 0.0, part, 0.0])[0].text == text


def test_what_is_not_known_is_told_by_the_next_fact_or_as_not_known() -> None:
    reasons = explain([23.0, 6.0, 300.0, float("nan")], [0.0, 0.0, 0.0, -1.0])
    assert reasons[0].text == "Answers to campaigns: nothing is known of this customer. This lowers the risk."
    assert reasons[0].values["answer_rate"] is None
    features = ("answer_rate", "contacts_total")
    (reason,) = risk_reasons(
        features, np.array([np.nan, 0.0]), np.array([0.1, 0.9]), {"answer_rate": 0.2, "contacts_total": 2.0}, "en"
    )
    assert reason.text == (
        "Campaigns this customer was contacted in: 0; the typical customer: 2. This raises the risk."
    )


def test_reasons_are_ordered_and_small_ones_left_out() -> None:
    reasons = explain([23.0, 6.0, 300.0, 0.2], [0.3, 0.0, -0.695, 0.005])
    assert [reason.theme for reason in reasons] == ["spend", "silence"]
    assert explain([1.0, 1.0, 1.0, 1.0], [0.0] * 4) == []


@pytest.mark.parametrize(
    ("evidence", "english"),
    [
        (
            Evidence("own_cycle", baskets=7, cycle_days=12.0, days_since=13.2, cycle_is_own=True),
            "Bought in 7 baskets, every 12 days on average; last 13 days ago",
        ),
        (
            Evidence("own_cycle", baskets=1, cycle_days=30.0, days_since=40.0, cycle_is_own=False),
            "Bought in 1 basket, last 40 days ago; customers come back for it after 30 days",
        ),
        (Evidence("own_habit", baskets=2, days_since=1.0), "Bought in 2 baskets, last 1 day ago"),
        (
            Evidence("similar", anchor_id="m", anchor_name="Milk", together=31, lift=2.5),
            "Customers who buy Milk buy this 2.5 times as often as others (31 customers bought both)",
        ),
        (
            Evidence("step_up", price=4.39, usual_price=2.49, baskets=3),
            "A step up in COFFEE, which this customer bought in 3 baskets lately: 4.39 each instead of 2.49",
        ),
        (
            Evidence("popular", baskets_28d=120),
            "New for this customer and popular: 120 baskets in the last 28 days",
        ),
    ],
)
def test_each_path_has_its_sentence(evidence: Evidence, english: str) -> None:
    offer = Offer("p", "Beans", "COFFEE", "next", 1.0, evidence)
    assert offer_reason(offer, "en").text == english
    chinese = offer_reason(offer, "zh")
    assert "{" not in chinese.text
    assert chinese.evidence == offer_reason(offer, "en").evidence
    assert chinese.path == evidence.path


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (1.0, "days", "1 day", "1 天"),
        (6.04, "days", "6 days", "6 天"),
        (7.5, "days", "7.5 days", "7.5 天"),
        (23.4, "days", "23 days", "23 天"),
        (1234.5, "money", "1,234.50", "1,234.50"),
        (0.256, "percent", "26 %", "26 %"),
        (2.0, "number", "2", "2"),
    ],
)
def test_amounts_are_written_as_a_reader_would(value: float, unit: Any, english: str, chinese: str) -> None:
    assert amount("en", value, unit) == english
    assert amount("zh", value, unit) == chinese


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("fr, zh;q=0.4, en;q=0.9", "en"),
        ("zh-TW;q=x, en;q=0.1", "en"),
        ("*", "en"),
        ("zh;q=0", "en"),
        ("zh; q=0.9, en; q=0.1", "zh"),
    ],
)
def test_the_preferred_language(header: str | None, language: str) -> None:
    assert preferred(header) == language
