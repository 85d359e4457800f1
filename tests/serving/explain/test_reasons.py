"""Sentences: true to the values, in both languages, never from a column name."""

import string
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.store.feature_store import Store
from features.vectors import with_ages
from serving.explain.contributions import Explained, Part
from serving.explain.playbook import load_playbook
from serving.explain.reasons import Reason, risk_reasons
from serving.explain.themes import FINDINGS, THEME_OF, THEMES
from serving.explain.what_if import LEVERS
from serving.explain.wording import LANGUAGES, amount, catalogue, preferred
from tests.conftest import World
from tests.online import columns_of
from training.churn.settings import ChurnSettings

FEATURES = ("recency_days", "gap_mean", "amount_84d", "answer_rate")
SIMILAR = {"recency_days": 5.0, "gap_mean": 7.0, "amount_84d": 300.0, "answer_rate": 0.2}


def explained(values: dict[str, float], parts: dict[str, float], similar: dict[str, float], **effects: float) -> Any:
    """An explanation with one contribution a theme, and the model's agreement with each unless said otherwise."""
    own = {name: parts.get(THEME_OF[name].name, 0.0) for name in values}
    themes = {theme: Part(part, effects.get(theme, part)) for theme, part in parts.items()}
    return Explained(values, own, similar, themes)


def explain(values: list[float], parts: dict[str, float], language: Any = "en", **effects: float) -> list[Reason]:
    one = explained(dict(zip(FEATURES, values, strict=True)), parts, SIMILAR, **effects)
    return risk_reasons(one, load_playbook(None), language)


def test_every_input_of_the_model_belongs_to_one_theme(world: World, store: Store) -> None:
    online = store.online.rows(ChurnSettings.service, "customer_id", ["6", "12", "18", "24", "30"])
    columns = with_ages(columns_of(online), np.full(5, world.schedule.as_of.timestamp()))
    assert set(columns) - set(THEME_OF) == {"marketing_consent"}  # which no churn model reads
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


def test_every_theme_fact_and_finding_has_its_texts() -> None:
    texts = catalogue("en")
    for theme in THEMES:
        assert f"theme.{theme.name}" in texts
        assert theme.facts or f"plain.{theme.name}" in texts
        for fact in theme.facts:
            assert f"fact.{fact.feature}" in texts
    assert {key.removeprefix("finding.") for key in texts if key.startswith("finding.")} == FINDINGS
    facts = {key.removeprefix("fact.") for key in texts if key.startswith("fact.")}
    assert facts == {fact.feature for theme in THEMES for fact in theme.facts} | {"unknown", "attribute"}
    changes = {f"change.{lever.name}_{count}" for lever in LEVERS for count in ("one", "many")}
    assert changes == {key for key in texts if key.startswith("change.")} - {
        "change.text",
        "change.text_renewal",
        "change.and",
    }


def test_reasons_of_a_contract_that_ends_speak_of_renewal() -> None:
    values = {"contract_cancelled": 1.0, "days_to_contract_end": 20.0}
    one = explained(values, {"contract": 1.0}, {"contract_cancelled": 0.0, "days_to_contract_end": 20.0})
    about = replace(one, renewal=True)
    (english,), (chinese,) = (risk_reasons(about, {}, language) for language in LANGUAGES)
    assert english.text == "The customer has given notice. This raises the risk that the contract is not renewed."
    assert chinese.text == "该客户已提出解约。这会提高不续约的风险。"
    assert risk_reasons(one, {}, "en")[0].text == "The customer has given notice. This raises the risk."


def test_silence_is_compared_with_the_customers_own_habit() -> None:
    reason = explain([23.0, 6.0, 300.0, 0.2], {"silence": 1.0, "spend": -0.5})[0]
    assert reason.text == "Last purchase 23 days ago; this customer usually comes every 6 days. This raises the risk."
    assert reason.title == "Long silence for this customer"
    assert reason.finding == "long_silence"
    assert reason.share == pytest.approx(2 / 3)
    assert reason.values == {"recency_days": 23.0, "gap_mean": 6.0}
    assert reason.actionable
    assert reason.action == "Get in touch now, with something they usually buy."
    chinese = explain([23.0, 6.0, 300.0, 0.2], {"silence": 1.0, "spend": -0.5}, "zh")[0]
    assert chinese.text == "上次购买在 23 天前，而该客户通常每 6 天购买一次。这会提高流失风险。"
    assert chinese.title == "对该客户而言久未购买"


@pytest.mark.parametrize(
    ("habit", "text", "title"),
    [
        (np.nan, "; similar customers: 5 days. This raises the risk.", "Longer silence than similar customers"),
        (60.0, ". This raises the risk.", "Silence"),
        (23.2, ". This raises the risk.", "Silence"),
    ],
)
def test_silence_is_compared_with_others_only_without_a_habit(habit: float, text: str, title: str) -> None:
    (reason,) = explain([23.0, habit, 300.0, 0.2], {"silence": 1.0})
    assert reason.text == f"Last purchase 23 days ago{text}"
    assert reason.title == title


@pytest.mark.parametrize(
    ("amount_84d", "part", "text", "title"),
    [
        (100.0, 1.0, "; similar customers: 300.00. This raises the risk.", "Spends less than similar customers"),
        (500.0, -1.0, "; similar customers: 300.00. This lowers the risk.", "Spends more than similar customers"),
        (500.0, 1.0, ". This raises the risk.", "Spending"),
    ],
)
def test_a_comparison_is_shown_only_where_it_supports_the_direction(
    amount_84d: float, part: float, text: str, title: str
) -> None:
    (reason,) = explain([23.0, 6.0, amount_84d, 0.2], {"spend": part})
    assert reason.text == f"Spent {amount_84d:.2f} in the last 84 days{text}"
    assert reason.title == title
    assert reason.actionable == (title == "Spends less than similar customers")


def test_a_comparison_that_the_features_own_contribution_contradicts_is_not_shown() -> None:
    one = explained({"amount_84d": 100.0}, {"spend": 1.0}, SIMILAR)
    denied = Explained(one.values, {"amount_84d": -0.1}, one.similar, one.parts)
    assert risk_reasons(one, {}, "en")[0].finding == "smaller_spender"
    assert risk_reasons(denied, {}, "en")[0].finding is None


@pytest.mark.parametrize(
    ("tenure", "part", "finding"), [(20.0, 1.0, "new_customer"), (345.0, 1.0, None), (20.0, -1.0, None)]
)
def test_what_grows_with_time_is_compared_with_nobody(tenure: float, part: float, finding: str | None) -> None:
    one = explained({"tenure_days": tenure}, {"loyalty": part}, {"tenure_days": 150.0})
    (reason,) = risk_reasons(one, {}, "en")
    assert reason.finding == finding
    assert "similar" not in reason.text


def test_a_theme_that_the_model_contradicts_is_not_shown() -> None:
    parts = {"silence": 1.0, "spend": -0.5}
    assert [r.theme for r in explain([23.0, 6.0, 300.0, 0.2], parts, spend=0.1)] == ["silence"]
    assert [r.theme for r in explain([23.0, 6.0, 300.0, 0.2], parts, silence=0.0)] == ["spend"]


def test_a_missing_value_is_replaced_by_the_next_fact_or_shown_as_unknown() -> None:
    (reason,) = explain([23.0, 6.0, 300.0, float("nan")], {"campaigns": -1.0})
    assert reason.text == "Answers to campaigns: no data for this customer. This lowers the risk."
    assert reason.values["answer_rate"] is None
    assert reason.action is None
    one = explained(
        {"answer_rate": np.nan, "campaigns_contacted": 0.0}, {"campaigns": 1.0}, {"campaigns_contacted": 2.0}
    )
    (reason,) = risk_reasons(one, {}, "en")
    assert reason.text == "Contacted in 0 campaigns. This raises the risk."
    assert not reason.actionable


@pytest.mark.parametrize(("part", "finding"), [(0.7, "lives_on_discounts"), (-0.7, "lives_on_discounts")])
def test_where_more_is_neither_good_nor_bad_the_model_decides(part: float, finding: str) -> None:
    one = explained({"discount_share_84d": 0.4}, {"discounts": part}, {"discount_share_84d": 0.1})
    (reason,) = risk_reasons(one, {}, "en")
    assert reason.finding == finding
    against = Explained(one.values, {"discount_share_84d": -part}, one.similar, one.parts)
    assert risk_reasons(against, {}, "en")[0].finding is None


@pytest.mark.parametrize(
    ("flag", "text", "finding"),
    [
        (1.0, "The customer has given notice", "notice_given"),
        (0.0, "The contract ends in 20 days", "contract_ends_soon"),
    ],
)
def test_a_notice_is_shown_only_where_there_is_one(flag: float, text: str, finding: str) -> None:
    values = {"contract_cancelled": flag, "days_to_contract_end": 20.0}
    one = explained(values, {"contract": 1.0}, {"contract_cancelled": 0.0, "days_to_contract_end": 20.0})
    (reason,) = risk_reasons(one, {}, "en")
    assert reason.text == f"{text}. This raises the risk."
    assert reason.finding == finding


def test_a_theme_without_facts_has_a_plain_sentence() -> None:
    one = explained({"season_sin": 0.1}, {"season": 1.0}, {"season_sin": 0.0})
    assert risk_reasons(one, {}, "en")[0].text == "The time of the year. This raises the risk."


def test_reasons_are_ordered_and_small_ones_left_out() -> None:
    reasons = explain([23.0, 6.0, 300.0, 0.2], {"silence": 0.3, "spend": -0.695, "campaigns": 0.005})
    assert [reason.theme for reason in reasons] == ["spend", "silence"]
    assert explain([1.0, 1.0, 1.0, 1.0], {"silence": 0.0}) == []


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
        (1.0, "categories", "1 category", "1 个品类"),
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
