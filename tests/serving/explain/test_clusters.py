"""Clusters in words: what differs most, in every language, short, and with names of their own."""

import re

import pytest

from serving.explain.clusters import _SPOKEN, describe
from serving.explain.language import LANGUAGES
from serving.explain.wording import LONGEST, Writer
from serving.settings import TextSettings
from training.segments.fit import DESCRIBING
from training.segments.model import Kind, Trait
from training.segments.settings import ClusterSettings

ENGLISH = Writer("en", TextSettings(currency="USD"))


def kind(*traits: Trait, label: str = "cluster_1") -> Kind:
    return Kind(label, 10, 0.1, traits)


def said(*traits: Trait) -> tuple[str, str]:
    one = describe([kind(*traits)], ENGLISH)["cluster_1"]
    return one.title, one.text


def test_a_title_and_facts_with_the_comparison() -> None:
    often, much = Trait("gap_mean", 0.4, 3.2), Trait("amount_84d", 2.345, 1240.4)
    assert said(much, often) == (
        "High spending, frequent purchases",
        "Spend $1,240 in 84 days (2.3 times the others); 3 days between purchases (60% below the others)",
    )
    assert said(Trait("discount_share_84d", 1.25, 0.3)) == (
        "Many discounts",
        "Discounts take 30% off the bill (25% above the others)",
    )


def test_columns_that_say_the_same_are_said_once_and_those_without_a_value_last() -> None:
    title, text = said(
        Trait("weekday_concentration", 3.0, 0.6), Trait("gap_mean", 5.0, 62.0), Trait("baskets_84d", 0.1, 1.0)
    )
    assert title == "Rare purchases, fixed days of the week"
    assert text == (
        "2 months between purchases (5 times the others); keep to the same days of the week (3 times the others)"
    )


def test_a_column_without_texts_is_named_as_it_is() -> None:
    assert said(Trait("usage_hours", 0.5, 3.0)) == ("Cluster 1", "Usage_hours: 0.5 times the others")
    assert said() == ("Cluster 1", "Much like the other customers")


def test_equal_titles_are_numbered() -> None:
    trait = Trait("amount_84d", 3.0, 100.0)
    found = describe([kind(trait), kind(trait, label="cluster_7"), kind(label="cluster_9")], ENGLISH)
    assert [one.title for one in found.values()] == ["High spending (1)", "High spending (7)", "Cluster 9"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.5, 12.0])
def test_every_column_can_be_said_in_every_language(language: str, ratio: float) -> None:
    writer = Writer(language, TextSettings(currency="USD"))
    for name in _SPOKEN:
        one = describe([kind(Trait(name, ratio, 0.4))], writer)["cluster_1"]
        assert 0 < len(one.text) <= LONGEST
        assert not re.search(r"[{}<>_]", one.title + one.text)
    every = [Trait(name, ratio, 123456.0) for name in _SPOKEN]
    for start in range(len(every)):
        assert len(describe([kind(*every[start:])], writer)["cluster_1"].text) <= LONGEST


def test_every_column_that_describes_by_default_has_texts() -> None:
    assert set(_SPOKEN) == {*ClusterSettings().columns, *DESCRIBING}
