"""Columns of the score table in words."""

import pytest

from serving.console.columns import ColumnWords
from serving.console.words import make_words
from serving.explain.language import LANGUAGES
from serving.parts import PARTS
from serving.settings import TextSettings

WORDS = make_words(TextSettings(currency="USD"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_a_title(language: str) -> None:
    names = {"customer_id", *(column.name for part in PARTS for column in part.columns)}
    texts = WORDS[language].texts
    assert names == {key.removeprefix("column.title.") for key in texts if key.startswith("column.title.")}


def test_values_are_written_as_a_reader_says_them() -> None:
    write = ColumnWords(WORDS["en"], clusters={"cluster_1": "Many discounts"})
    assert write.number("risk", 0.456) == "46%"
    assert write.number("amount", 1234.5) == "$1,234"
    assert write.number("days_to_next_order", 7.4) == "7 days"
    assert write.number("orders", 14.26) == "14.3"
    assert write.text("tier", "not_due") == "Contract not due"
    assert write.text("value_field", "keep") == "High value, low potential"
    assert write.text("cluster", "cluster_1") == "Many discounts"
    assert write.text("cluster", "cluster_9") == "cluster_9"
    assert write.text("best_action", "do_nothing") == "Do nothing"
    assert ColumnWords(WORDS["zh"]).text("stage", "won_back") == "已挽回"


def test_reasons_are_short_sentences() -> None:
    write = ColumnWords(WORDS["en"])
    assert write.text("reason_1", "buys_less") == "Buying less than usual"
    assert write.text("reason_2", "silence") == "Time since the last purchase"  # a theme
    assert write.text("reason_3", "attribute_home_ownership") == "Home ownership"
    assert write.text("reason_1", "as_usual") == "As usual"  # its sentence has a gap


def test_choices_are_in_an_order_that_means_something() -> None:
    write = ColumnWords(WORDS["en"])
    assert [value for value, _ in write.choices("tier", ["inactive", "low", "high", "odd"])] == [
        "high",
        "low",
        "inactive",
        "odd",
    ]
    assert [words for _, words in write.choices("reason_1", ["less_frequent", "buys_less"])] == [
        "Buying less than usual",
        "Buys less often than others",
    ]
