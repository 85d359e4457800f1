"""The catalogues: every text in every language, with the same placeholders, numbers and units, and all of them used."""

import re
import string

import pytest

from serving.explain.language import LANGUAGES, catalogue, preferred
from serving.explain.themes import ATTRIBUTE_FINDINGS, FINDINGS, THEMES
from serving.explain.what_if import LEVERS

_FORMS = {"zero", "one", "two", "few", "many", "other", "none"}
#: Numbers in texts, such as the days of a window; of placeholders none.
_NUMBER = re.compile(r"\d+")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def by_key(language: str) -> dict[str, list[str]]:
    """Return the texts by key; forms of the plural under one key."""
    texts: dict[str, list[str]] = {}
    for key, text in catalogue(language).texts.items():
        stem, _, last = key.rpartition(".")
        texts.setdefault(stem if last in _FORMS else key, []).append(text)
    return texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_keys_placeholders_and_numbers(language: str) -> None:
    english, other = by_key("en"), by_key(language)
    assert other.keys() == english.keys()
    for key, texts in english.items():
        if key.startswith(("unit.", "bare.", "trade.")):
            continue
        wanted = set().union(*map(placeholders, texts))
        assert set().union(*map(placeholders, other[key])) == wanted, key
        numbers = {n for text in texts for n in _NUMBER.findall(text)} - {"1"}
        assert {n for text in other[key] for n in _NUMBER.findall(text)} - {"1"} == numbers, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_counted_texts_have_the_forms_of_the_plural_of_their_language(language: str) -> None:
    read = catalogue(language)
    needed = {read.locale.plural_form(number) for number in range(200)}
    forms: dict[str, set[str]] = {}
    for key in read.texts:
        stem, _, last = key.rpartition(".")
        if last in _FORMS:
            forms.setdefault(stem, set()).add(last)
    assert forms
    for stem, found in forms.items():
        assert found - {"none"} == needed, stem


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_the_trade_are_those_that_there_are(language: str) -> None:
    texts = catalogue(language).texts
    for key, text in texts.items():
        for word in re.findall(r"<(\w+)>", text):
            assert {f"trade.{trade}.{word}" for trade in ("purchase", "order", "visit")} <= texts.keys(), key


def test_chinese_has_the_marks_and_words_of_chinese() -> None:
    for key, text in catalogue("zh").texts.items():
        plain = re.sub(r"\{\w+\}|<\w+>", "", text)
        assert not re.search(r"[,;:()!?]", plain), key
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", plain), key  # a space between
        assert not re.search("部门|新品|退回|一无所知|购物篮", text), key


def test_every_theme_fact_state_and_finding_has_its_texts() -> None:
    texts = catalogue("en").texts
    for theme in THEMES:
        assert f"theme.{theme.name}" in texts
    keys = {"fact.unknown", "fact.attribute", "fact.buying_less", "fact.buying_more"}
    keys |= {f"fact.{fact.feature}" for theme in THEMES for fact in theme.facts}
    keys |= {f"state.{state.finding}" for theme in THEMES for state in theme.states}
    keys |= {f"finding.{finding}" for finding in FINDINGS}
    keys |= {f"finding.{finding}_renewal" for finding in ATTRIBUTE_FINDINGS}
    assert {key for key in texts if key.startswith(("fact.", "state.", "finding."))} == keys
    actions = {key.partition(".")[2] for key in texts if key.startswith(("action.", "action_product."))}
    assert actions <= FINDINGS
    levers = {key.split(".")[1] for key in texts if key.startswith("change.") and key.split(".")[-1] in _FORMS}
    assert levers == {lever.name for lever in LEVERS}


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
