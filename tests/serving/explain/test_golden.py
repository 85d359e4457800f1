"""Forty cards in each language are those that were read by a person."""

import re
from html import unescape
from pathlib import Path

import pytest

from serving.explain.language import LANGUAGES
from serving.explain.wording import Writer
from tests.serving.explain.golden import FOLDER, Customer, cards, customers

PICTURES = Path(__file__).parents[3] / "docs/pictures"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cards_are_those_that_were_read(language: str) -> None:
    expected = (FOLDER / f"{language}.md").read_text(encoding="utf-8")
    assert cards(language) == expected, "Run `python -m tests.serving.explain.golden`, and read what has changed."


def test_forty_customers_of_several_businesses() -> None:
    everyone = customers()
    assert len(everyone) == 40
    assert {one.definition.kind for one in everyone} == {"non_contractual", "contractual", "labelled"}
    assert {"high", "medium", "low", "new", "inactive"} <= {one.tier for one in everyone}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_of_a_card_says_what_the_catalogue_says(language: str) -> None:
    picture = (PICTURES / f"card_{language}.svg").read_text(encoding="utf-8")
    lines = [unescape(line) for line in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]
    titles = [re.fullmatch(r"[▲▼] (.*)  \d+%", line) for line in lines]
    texts = set(Writer(language).texts.values())
    named = [title[1] for title in titles if title]
    assert len(named) > 1
    assert set(named) <= texts
    opening = Writer(language).say("heading.action", text="")
    assert any(line.startswith(opening) for line in lines)


def test_a_customer_survives_being_written() -> None:
    for one in customers():
        again = Customer.of(one.to_json())
        assert again.card("en") == one.card("en")
