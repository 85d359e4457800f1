"""Texts of pages: the same in every language, and each that a page shows is there with all its values."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from serving.console.words import TEXTS
from serving.explain.language import LANGUAGES, catalogue, read_texts

CONSOLE = Path(str(TEXTS)).parent
_FORMS = {"zero", "one", "two", "few", "many", "other", "none"}
#: What a template or a page asks for a text by its key.
_ASKING = {"say", "plural", "has"}


@cache
def texts(language: str) -> dict[str, str]:
    return read_texts(TEXTS / language, prefixed=True)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def by_key(language: str) -> dict[str, set[str]]:
    """Return the placeholders by key; forms of the plural under one key."""
    found: dict[str, set[str]] = {}
    for key, text in texts(language).items():
        stem, _, last = key.rpartition(".")
        found.setdefault(stem if last in _FORMS else key, set()).update(placeholders(text))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_keys_and_placeholders(language: str) -> None:
    assert by_key(language) == by_key("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_counted_texts_have_the_forms_of_the_plural_of_their_language(language: str) -> None:
    locale = catalogue(language).locale
    needed = {locale.plural_form(number) for number in range(200)}
    forms: dict[str, set[str]] = {}
    for key in texts(language):
        forms.setdefault(key.rpartition(".")[0], set()).add(key.rpartition(".")[2])
    for stem, found in forms.items():
        if "other" in found and found <= _FORMS:  # `other` may be one of several names too
            assert needed <= found, stem


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_a_page_hides_one_of_an_answer(language: str) -> None:
    assert not texts(language).keys() & catalogue(language).texts.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_the_trade_are_those_that_there_are(language: str) -> None:
    trade = catalogue(language).texts
    for key, text in texts(language).items():
        for word in re.findall(r"<(\w+)>", text):
            assert f"trade.purchase.{word}" in trade, key


def in_templates() -> Iterator[tuple[str, str, str, set[str] | None]]:
    """Yield the place, the function, the key or its beginning, and the names of the values of each text."""
    for file in sorted(CONSOLE.glob("templates/**/*.html")):
        tree = Environment(autoescape=True).parse(file.read_text())
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in _ASKING and call.args:
                key = call.args[0]
                values = None if call.dyn_kwargs else {one.key for one in call.kwargs}
                if isinstance(key, nodes.Concat) and isinstance(key.nodes[0], nodes.Const):
                    yield f"{file.name}:{call.lineno}", call.node.name, f"{key.nodes[0].value}*", values
                elif isinstance(key, nodes.Const):
                    yield f"{file.name}:{call.lineno}", call.node.name, str(key.value), values


def in_pages() -> Iterator[tuple[str, str, str, set[str] | None]]:
    """Yield the same of Python."""
    for file in sorted(CONSOLE.rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in _ASKING and call.args:
                key, names = call.args[0], [one.arg for one in call.keywords]
                values = None if None in names else {name for name in names if name}
                if isinstance(key, ast.Constant):
                    yield f"{file.name}:{call.lineno}", call.func.attr, str(key.value), values
                elif isinstance(key, ast.JoinedStr) and isinstance(key.values[0], ast.Constant):
                    yield f"{file.name}:{call.lineno}", call.func.attr, f"{key.values[0].value!s}*", values


def test_every_text_that_a_page_asks_for_is_there_with_its_values() -> None:
    asked = [*in_templates(), *in_pages()]
    assert {"menu.*", "sign_in.title"} <= {key for _, _, key, _ in asked}
    own, answers = texts("en"), catalogue("en").texts
    known = own | answers
    for place, function, key, values in asked:
        if key.endswith("*"):
            assert any(one.startswith(key[:-1]) for one in known), (place, key)
            continue
        forms = [form for form in _FORMS if f"{key}.{form}" in known] if function == "plural" else []
        keys = [f"{key}.{form}" for form in forms] or [key]
        if function == "plural":
            assert forms, (place, key)
        for one in keys:
            assert one in known, (place, one)
            needed = placeholders(known[one]) - ({"n"} if function == "plural" else set())
            assert function == "has" or values is None or needed <= values, (place, one, needed, values)
