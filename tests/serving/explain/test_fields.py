"""Columns and their values in words."""

import pytest

from serving.explain.fields import Fields, unit_of
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
