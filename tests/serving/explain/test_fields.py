"""Columns and their values in words."""

import pytest

from serving.explain.fields import Fields, channel_of, unit_of
from serving.explain.language import LANGUAGES
from serving.explain.wording import Writer
from serving.parts import PARTS
from serving.settings import TextSettings


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_of_answers_has_a_name(language: str) -> None:
    fields = Fields(Writer(language))
    names = [column.name for part in PARTS for column in part.columns]
    assert [name for name in names if not fields.writer.has(f"field.{name}")] == []


def test_values_are_said_with_their_unit() -> None:
    fields = Fields(Writer("en", TextSettings(currency="USD")), {"cluster": {"cluster_1": "Rare purchases"}})
    assert fields.text("rfm_group", "cannot_lose") == "Cannot lose them"
    assert fields.text("reason_1", "silence") == "Time since the last purchase"
    assert fields.text("cluster", "cluster_1") == "Rare purchases"
    assert fields.text("best_action", "call") == "call"
    assert fields.heading("attribute_home_town") == "Home town"
    assert (fields.number("risk", 0.1234), fields.exact("risk", 0.1234)) == ("12%", "12.34%")
    assert (fields.number("amount", 12.5), fields.exact("amount", 12.5)) == ("$12", "$12.50")
    assert (fields.number("gap_mean", 90), fields.exact("gap_mean", 90)) == ("3 months", "90 days")
    assert fields.number("marketing_consent", 1) == "yes"


def test_units_of_columns() -> None:
    assert [unit_of(name) for name in ("risk", "top_category_share_84d", "gap_mean", "tenure_days", "amount_28d")] == [
        "percent",
        "percent",
        "span",
        "span",
        "money",
    ]
    assert unit_of("amount_trend") == unit_of("orders") == unit_of("attribute_age") == "number"


def test_reasons_are_short_sentences() -> None:
    fields = Fields(Writer("en"))
    assert fields.label("reason_1", "buys_less") == "Buying less than usual"
    assert fields.label("reason_3", "attribute_home_ownership") == "Home ownership"
    assert fields.label("reason_1", "as_usual") == "As usual"  # its sentence has a gap
    assert Fields(Writer("zh")).label("stage", "won_back") == "已挽回"


def test_choices_are_in_an_order_that_means_something() -> None:
    fields = Fields(Writer("en"))
    found = [value for value, _ in fields.choices("tier", ["inactive", "low", "high", "odd"])]
    assert found == ["high", "low", "inactive", "odd"]
    words = [words for _, words in fields.choices("reason_1", ["less_frequent", "buys_less"])]
    assert words == ["Buying less than usual", "Buys less often than others"]


def test_channels_are_named_where_a_text_knows_them() -> None:
    assert [channel_of(Writer("en"), name) for name in ("sms", "Email", "pigeon")] == [
        "Text message",
        "Email",
        "pigeon",
    ]
