"""What things are called: titles in another language before short names, attributes as pages call them."""

import pytest

from serving.console.words import make_words
from serving.explain.fields import Fields
from serving.explain.language import title_in
from serving.settings import TextSettings

WORDS = make_words(TextSettings())


@pytest.mark.parametrize(
    ("titles", "found"),
    [({"en": "January mail", "zh": "一月邮件"}, "一月邮件"), ({"en": "January mail"}, "January mail"), ({}, "january")],
)
def test_a_title_in_another_language_goes_before_the_short_name(titles: dict[str, str], found: str) -> None:
    assert title_in(titles, "zh", "january") == found


def test_names_that_a_page_has_go_before_those_of_the_data() -> None:
    fields = Fields(WORDS["zh"], columns={"attribute_age": "年龄"})
    assert (fields.heading("attribute_age"), fields.heading("attribute_shoe_size")) == ("年龄", "Shoe size")


def test_products_of_the_same_name_have_their_ids() -> None:
    fields = Fields(WORDS["en"], {"best_offer": {"1": "Milk", "2": "Milk", "3": "Salt"}})
    assert fields.choices("best_offer", ["1", "2", "3"]) == [("1", "Milk (1)"), ("2", "Milk (2)"), ("3", "Salt")]
