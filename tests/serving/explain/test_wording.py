"""Numbers, money, spans of time and names, as a reader of each language writes them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from serving.explain.names import load_names
from serving.explain.wording import Writer, make_writers
from serving.settings import TextSettings

DOLLARS = TextSettings(currency="USD")


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (0.4, "ago", "today", "今天"),
        (1.9, "ago", "yesterday", "昨天"),
        (3.2, "ago", "3 days ago", "3 天前"),
        (60.9, "ago", "60 days ago", "60 天前"),
        (61.0, "ago", "2 months ago", "2 个月前"),
        (730.5, "ago", "2 years ago", "2 年前"),
        (1.0, "span", "1 day", "1 天"),
        (6.6, "span", "7 days", "7 天"),
        (365.0, "span", "12 months", "12 个月"),
        (1.2, "every", "every day", "每天一次"),
        (6.0, "every", "every 6 days", "每 6 天一次"),
        (0.0, "purchases", "no purchases", "未购买"),
        (1.0, "purchases", "1 purchase", "购买 1 次"),
        (1234.0, "purchases", "1,234 purchases", "购买 1,234 次"),
        (1.0, "categories", "1 category", "1 个品类"),
        (1.0, "times", "once", "1 次"),
        (128.4, "money", "$128", "US$128"),
        (3.0, "money", "$3", "US$3"),
        (6.625, "money", "$6.62", "US$6.62"),
        (1234.5, "money", "$1,234", "US$1,234"),
        (1.1, "price", "$1.10", "US$1.10"),
        (0.256, "percent", "26%", "26%"),
        (0.004, "percent", "under 1%", "不足 1%"),
        (0.0, "percent", "0%", "0%"),
        (0.997, "percent", "over 99%", "超过 99%"),
        (1.0, "percent", "100%", "100%"),
        (0.0, "uses", "not used", "未使用"),
        (8.5, "number", "8.5", "8.5"),
    ],
)
def test_amounts_are_written_as_a_reader_would(value: float, unit: Any, english: str, chinese: str) -> None:
    assert Writer("en", DOLLARS).amount(value, unit) == english
    assert Writer("zh", DOLLARS).amount(value, unit) == chinese


@pytest.mark.parametrize(
    ("style", "english", "chinese"),
    [
        (TextSettings(), "1,234", "1,234"),
        (TextSettings(currency="CNY"), "CN¥1,234", "¥1,234"),
        (TextSettings(currency="EUR", currency_format="#,##0.00 ¤"), "1,234 €", "1,234 €"),
    ],
)
def test_money_is_in_the_currency_and_the_format_of_the_settings(
    style: TextSettings, english: str, chinese: str
) -> None:
    assert Writer("en", style).amount(1234.2, "money") == english
    assert Writer("zh", style).amount(1234.2, "money") == chinese


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (2.4, "purchases", "2", "2 次"),
        (0.3, "purchases", "one every 3 months", "约每 3 个月 1 次"),
        (0.8, "purchases", "one every 35 days", "约每 35 天 1 次"),
        (0.5, "categories", "0", "0 个"),
        (128.0, "money", "$128", "US$128"),
    ],
)
def test_a_habit_of_less_than_one_is_a_rhythm(value: float, unit: Any, english: str, chinese: str) -> None:
    assert Writer("en", DOLLARS).usual(value, unit) == english
    assert Writer("zh", DOLLARS).usual(value, unit) == chinese


@pytest.mark.parametrize(
    ("purchase", "english", "chinese"),
    [
        ("purchase", "Last purchase today", "上次购买是今天"),
        ("order", "Last order today", "上次下单是今天"),
        ("visit", "Last visit today", "上次到店是今天"),
    ],
)
def test_the_business_chooses_what_a_purchase_is_called(purchase: Any, english: str, chinese: str) -> None:
    style = TextSettings(purchase=purchase)
    for language, text in (("en", english), ("zh", chinese)):
        writer = Writer(language, style)
        assert writer.say("fact.recency_days", value=writer.amount(0, "ago")) == text


def test_unknown_currencies_are_refused() -> None:
    with pytest.raises(ValidationError, match="expected a code of ISO 4217 such as EUR, found 'XXY'"):
        TextSettings(currency="XXY")


def test_names_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    lines = "product, 17 ,Fruit bread,水果面包", "type,DAIRY,Dairy,", "attribute,Segment,Group,客户群"
    file.write_text("\n".join(("kind,id,en,zh", *lines, "")), encoding="utf-8")
    writers = make_writers(TextSettings(names=file))
    assert writers["zh"].names.of("product", "17", "FRT BRD") == "水果面包"
    assert writers["zh"].names.of("type", "DAIRY") == "DAIRY"
    assert writers["en"].names.of("type", "DAIRY") == "Dairy"
    assert writers["en"].names.of("product", "18", "FRT BRD") == "FRT BRD"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,en\n1,a\n", "expected columns kind, id and at least one of en, zh; found id, en"),
        ("kind,id\nproduct,1\n", "found kind, id"),
        ("kind,id,en\nproduct, ,a\n", "line 2: expected an id, found none"),
        ("kind,id,en\ngoods,1,a\n", "line 2: expected a kind of product, type, attribute, value; found 'goods'"),
    ],
)
def test_a_file_of_names_that_is_wrong_says_why(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "names.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load_names(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_names(tmp_path / "none.csv")
