"""What a better tier is, by each rule, and which steps customers of one price habit have accepted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.training.next_product.small import a_catalogue, a_history
from training.next_product.candidates.upgrades import PriceHabits, Upgrades, fit_price_habits, usual_amounts
from training.next_product.catalogue import Catalogue
from training.next_product.history import History, TypeHistory
from training.next_product.settings import UpsellSettings


def regular(catalogue: Catalogue, code: int, price: float, baskets: float = 4.0, days_since: float = 9.0) -> History:
    """A customer who bought one product, and its type regularly at a price."""
    kind = catalogue.types.codes[code]
    types = TypeHistory(np.array([kind]), np.array([baskets]), np.array([days_since]), np.array([price]))
    return replace(a_history([code]), types=types)


def better(catalogue: Catalogue, history: History, step: float = 3.0, **settings: Any) -> list[int]:
    habits = PriceHabits(np.ones(len(catalogue.types)), np.zeros(2), np.full(3, step))
    upgrades = Upgrades(catalogue, UpsellSettings.model_validate(settings), habits)
    return sorted(upgrades.better(history).tolist())


@pytest.fixture
def catalogue() -> Catalogue:
    """Of each type four products at 1, 2, 3 and 4 a piece, all of other brands."""
    shelf = a_catalogue()
    return replace(shelf, texts={**shelf.texts, "tier": np.full(40, "national", dtype=object)})


def test_dearer_per_unit_within_the_accepted_step(catalogue: Catalogue) -> None:
    assert better(catalogue, regular(catalogue, 3, 1.0)) == [13, 23]  # 33 is four times as dear
    assert better(catalogue, regular(catalogue, 3, 1.0), step=2.0) == [13]
    assert better(catalogue, regular(catalogue, 3, 1.9)) == [23, 33]  # 13 costs hardly more
    contents = np.ones(40)
    contents[13] = 4.0  # two for four is 0.5 a piece, and a package of four is no better one
    assert better(replace(catalogue, contents=contents), regular(catalogue, 3, 1.0)) == [23]


def test_only_types_that_are_bought_regularly(catalogue: Catalogue) -> None:
    assert better(catalogue, regular(catalogue, 3, 1.0, baskets=2.0)) == []
    assert better(catalogue, regular(catalogue, 3, 1.0, days_since=57.0)) == []
    assert better(catalogue, regular(catalogue, 3, np.nan)) == []


def test_no_step_from_another_brand_to_a_private_one(catalogue: Catalogue) -> None:
    tiers = catalogue.texts["tier"].copy()
    tiers[13] = "private"
    mixed = replace(catalogue, texts={**catalogue.texts, "tier": tiers})
    assert better(mixed, regular(mixed, 3, 1.0)) == [23]
    tiers[3] = "private"
    assert better(mixed, regular(mixed, 3, 1.0)) == [13, 23]


def test_a_higher_brand_tier(catalogue: Catalogue) -> None:
    tiers = catalogue.texts["tier"].copy()
    tiers[[3, 13]], tiers[33] = "budget", "gold"
    tiered = replace(catalogue, texts={**catalogue.texts, "tier": tiers})
    rule: dict[str, Any] = {"rule": "brand_tier", "brand_tiers": ("budget", "national", "gold")}
    assert better(tiered, regular(tiered, 3, 1.0), step=9.0, **rule) == [23, 33]
    assert better(tiered, regular(tiered, 23, 3.0), **rule) == [33]
    assert better(tiered, regular(tiered, 33, 4.0), **rule) == []


def test_a_higher_third_of_the_prices(catalogue: Catalogue) -> None:
    rule: dict[str, Any] = {"rule": "price_band"}
    assert better(catalogue, regular(catalogue, 3, 1.0), step=9.0, **rule) == [23, 33]  # 3 and 13 are the first third
    assert better(catalogue, regular(catalogue, 23, 3.0), **rule) == [33]


def test_upgrades_by_a_list(catalogue: Catalogue) -> None:
    rule: dict[str, Any] = {"rule": "upgrades", "upgrades": {"p3": ("p9", "p3", "gone"), "p5": ("p8",)}}
    assert better(catalogue, a_history([3]), **rule) == [9]
    assert better(catalogue, a_history([3], days_since=60.0), **rule) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"min_step": 2.0, "max_step": 1.5}, "min_step below max_step"), ({"rule": "upgrades"}, "expected `upgrades`")],
)
def test_settings_that_make_no_sense_are_rejected(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        UpsellSettings.model_validate(settings)


def test_who_buys_dear_is_known_by_what_others_pay_and_steps_are_those_bought(catalogue: Catalogue) -> None:
    cheap = [regular(catalogue, 3, 1.0) for _ in range(4)]
    dear = [regular(catalogue, 33, 4.0) for _ in range(4)]
    # this one usually pays 1 and once bought the one for 2
    adventurous = replace(a_history([3, 13]), types=regular(catalogue, 3, 1.0).types)
    habits = fit_price_habits([*cheap, *dear, adventurous], catalogue, UpsellSettings())
    assert habits.typical[catalogue.types.codes[3]] == 1.0  # five of nine pay that
    assert habits.group(cheap[0]) < habits.group(dear[0])
    assert habits.group(a_history([])) == 1
    assert habits.step(cheap[0]) == pytest.approx(2.0)
    assert habits.step(dear[0]) == pytest.approx(1.2)  # nobody there took a step: the least that is one


def test_usual_amounts_are_weighted_by_how_often() -> None:
    catalogue = replace(a_catalogue(), contents=np.where(np.arange(40) == 13, 8.0, 1.0))
    history = replace(a_history([3, 13]), decayed=np.array([2.0, 1.0]))
    assert usual_amounts(history, catalogue)[catalogue.types.codes[3]] == pytest.approx(2.0)
    assert np.isnan(usual_amounts(history, catalogue)[catalogue.types.codes[4]])
