"""Forty cards in each language are those that were read by a person."""

import pytest

from serving.explain.language import LANGUAGES
from tests.serving.explain.golden import FOLDER, Customer, cards, customers


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cards_are_those_that_were_read(language: str) -> None:
    expected = (FOLDER / f"{language}.md").read_text(encoding="utf-8")
    assert cards(language) == expected, "Run `python -m tests.serving.explain.golden`, and read what has changed."


def test_forty_customers_of_several_businesses() -> None:
    everyone = customers()
    assert len(everyone) == 40
    assert {one.definition.kind for one in everyone} == {"non_contractual", "contractual", "labelled"}
    assert {"high", "medium", "low", "new", "inactive"} <= {one.tier for one in everyone}


def test_a_customer_survives_being_written() -> None:
    for one in customers():
        again = Customer.of(one.to_json())
        assert again.card("en") == one.card("en")
