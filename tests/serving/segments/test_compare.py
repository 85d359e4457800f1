"""Overlaps and traits, against counts by hand and on data whose answer is known."""

import numpy as np
import pytest

from serving.segments.columns import RuleColumn
from serving.segments.compare import overlaps, traits
from serving.segments.population import Population
from tests.serving.segments.populations import NOW


def test_overlaps_are_shares_of_the_members() -> None:
    masks = {
        "a": np.array([True, True, True, True, False]),
        "b": np.array([False, False, False, True, True]),
        "none": np.zeros(5, dtype=bool),
    }
    assert overlaps(masks) == {"a": {"b": 0.25, "none": 0.0}, "b": {"a": 0.5, "none": 0.0}, "none": {}}


@pytest.fixture
def everyone() -> Population:
    """A thousand customers; the first 200 spend more, in the north, and are like the others otherwise."""
    draws = np.random.default_rng(7)
    amount = draws.gamma(2.0, 50.0, 1000)
    amount[:200] *= 3
    numbers = {
        "amount": amount,
        "amount_twice": amount * 2 + draws.normal(0, 1, 1000),
        "baskets": draws.poisson(5, 1000).astype(float),
        "returns": np.where(np.arange(1000) < 200, draws.random(1000) < 0.3, draws.random(1000) < 0.02).astype(float),
        "always": np.ones(1000),
        "unknown": np.full(1000, np.nan),
    }
    numbers["last"] = -amount
    city = np.where(draws.random(1000) < 0.5, "south", "west").astype(object)
    city[:150] = "north"
    city[999] = None
    columns = {name: RuleColumn(name, "moment" if name == "last" else "number", "profile") for name in numbers}
    columns["city"] = RuleColumn("city", "text", "profile")
    return Population([f"{n:04}" for n in range(1000)], NOW, columns, numbers, {"city": city})


def test_traits_are_what_was_made_different(everyone: Population) -> None:
    members = np.arange(1000) < 200
    found = {one.column: one for one in traits(everyone, members, [])}
    assert list(found) == sorted(found, key=lambda name: -abs(found[name].difference))
    # two columns that say the same are one, and moments are left to the ages that are made of them
    assert len(found.keys() & {"amount", "amount_twice"}) == 1
    assert len(found) == 3
    city = found["city"]
    assert (city.value, city.measure, city.members, city.others) == ("north", "share", 0.75, 0.0)
    assert city.difference == pytest.approx(2 * np.arcsin(np.sqrt(0.75)))
    # half of everybody never returns anything, so that medians would say that nothing differs
    returned = everyone.numbers["returns"]
    assert found["returns"].measure == "mean"
    assert found["returns"].members == pytest.approx(returned[:200].mean())


def test_a_median_is_that_of_known_values(everyone: Population) -> None:
    members = np.arange(1000) < 200
    for name in ("amount", "amount_twice"):
        everyone.numbers[name][[5, 500]] = np.nan
    (amount,) = [one for one in traits(everyone, members, ["city"]) if one.column.startswith("amount")]
    values = everyone.numbers[amount.column]
    assert amount.members == pytest.approx(np.nanmedian(values[:200]))
    assert amount.others == pytest.approx(np.nanmedian(values[200:]))
    difference = np.nanmean(values[:200]) - np.nanmean(values[200:])
    assert amount.difference == pytest.approx(difference / np.nanstd(values))


def test_what_the_rule_says_is_not_said_again(everyone: Population) -> None:
    members = np.arange(1000) < 200
    assert "city" not in {one.column for one in traits(everyone, members, ["city"])}
    for known in ("amount_twice", "last"):  # which go together with the amount
        columns = {one.column for one in traits(everyone, members, [known])}
        assert columns == {"city", "returns"}


def test_nothing_distinguishes_customers_who_were_drawn(everyone: Population) -> None:
    drawn = np.random.default_rng(3).random(1000) < 0.2
    assert traits(everyone, drawn, []) == []


def test_few_customers_are_not_compared(everyone: Population) -> None:
    assert traits(everyone, np.arange(1000) < 9, []) == []
    assert traits(everyone, np.arange(1000) < 991, []) == []
    assert traits(everyone, np.ones(1000, dtype=bool), []) == []
