"""Each path of an offer has a sentence in both languages, with its evidence."""

from typing import Any, get_args

import pytest

from serving.explain.wording import catalogue
from serving.offers.reasons import offer_reason, type_reason
from training.next_product.candidates.evidence import Evidence, Path
from training.next_product.offers.recommend import Offer
from training.next_product.offers.types import TypeEvidence, TypeOffer

BOTH: dict[str, Any] = {"anchor_id": "m", "anchor_name": "Milk", "together": 31, "lift": 2.5, "customers": 900}
SENTENCES = [
    (
        Evidence("own_cycle", baskets=7, cycle_days=12.0, days_since=13.2, cycle_is_own=True),
        "Bought in 7 baskets in the last 365 days, every 12 days on average; last 13 days ago",
    ),
    (
        Evidence("own_cycle", baskets=1, cycle_days=30.0, days_since=40.0, cycle_is_own=False),
        "Bought in 1 basket in the last 365 days, last 40 days ago; customers come back for it after 30 days",
    ),
    (Evidence("own_habit", baskets=2, days_since=1.0), "Bought in 2 baskets in the last 365 days, last 1 day ago"),
    (
        Evidence("better", baskets=3, price=0.0439, usual_price=0.0249, unit="g"),
        "A better tier of COFFEE, which this customer bought in 3 baskets in the last 182 days: 4.39 per 100 g "
        "instead of 2.49 per 100 g",
    ),
    (
        Evidence("better", baskets=3),
        "A better tier of COFFEE, which this customer bought in 3 baskets in the last 182 days",
    ),
    (Evidence("better"), "An upgrade of what this customer has"),
    (
        Evidence("larger_pack", baskets=3, price=0.5, usual_price=0.61, unit="piece", saving=0.18),
        "A larger pack of COFFEE, which this customer bought in 3 baskets in the last 182 days: 18 % less, "
        "0.50 a piece instead of 0.61 a piece",
    ),
    (
        Evidence("basket", **BOTH),
        "Goes with Milk: customers who buy it buy this 2.5 times as often as usual (31 of 900 bought both)",
    ),
    (
        Evidence("together", second_id="b", second_name="Bread", **BOTH),
        "Customers who buy Milk and Bread buy this 2.5 times as often as usual (31 of 900 bought all three)",
    ),
    (
        Evidence("similar", **BOTH),
        "Customers who buy Milk buy this 2.5 times as often as usual (31 of 900 bought both)",
    ),
    (
        Evidence("popular_with_type", anchor_type="BABY FOOD", together=31, lift=2.5, customers=900),
        "New for this customer; who buys BABY FOOD buys it 2.5 times as often as usual "
        "(31 of 900 customers bought both)",
    ),
    (
        Evidence("popular_alike", attribute="region", value="North", buyers=12, of=80),
        "Popular where region is North: 12 of 80 active customers there bought it within 28 days",
    ),
    (Evidence("popular", baskets_28d=120), "New for this customer and popular: 120 baskets in the last 28 days"),
    (Evidence("popular", baskets_28d=0), "New for this customer"),
    (
        Evidence("arrival", baskets=4),
        "New in the range, of a type this customer bought in 4 baskets in the last 182 days: COFFEE",
    ),
    (Evidence("arrival"), "New in the range: COFFEE"),
    (Evidence("pinned", campaign="Spring"), "Part of the campaign Spring"),
]


@pytest.mark.parametrize(("evidence", "english"), SENTENCES)
def test_each_path_has_its_sentence(evidence: Evidence, english: str) -> None:
    offer = Offer("p", "Beans", "COFFEE", "next", 0.3, evidence)
    assert offer_reason(offer, "en", 365).text == english
    chinese = offer_reason(offer, "zh", 365)
    assert "{" not in chinese.text
    days = None if evidence.baskets is None else 365 if evidence.path.startswith("own_") else 182
    assert chinese.evidence.get("window_days") == days
    assert days is None or (f"最近 {days} 天" in chinese.text and f"in the last {days} days" in english)
    assert chinese.evidence == offer_reason(offer, "en", 365).evidence
    assert chinese.path == evidence.path


@pytest.mark.parametrize(
    ("unit", "words"), [("g", "per 100 g"), ("ml", "per 100 ml"), ("piece", "a piece"), ("package", "each")]
)
def test_prices_name_their_unit(unit: str, words: str) -> None:
    evidence = Evidence("better", baskets=3, price=2.0, usual_price=1.0, unit=unit)
    assert words in offer_reason(Offer("p", "Beans", "COFFEE", "up_sell", None, evidence), "en", 365).text


def test_every_path_is_among_the_sentences() -> None:
    assert {evidence.path for evidence, _ in SENTENCES} == set(get_args(Path))
    used = {key.removeprefix("offer.") for key in catalogue("en") if key.startswith("offer.")}
    paths = {*get_args(Path), "type_together", "type_popular"}
    assert {key for key in used if not any(key.startswith(path) for path in paths)} == set()


def test_types_have_sentences_too() -> None:
    together = TypeEvidence("type_together", anchor_type="DIAPERS", together=40, lift=3.1, customers=900)
    offer = TypeOffer("BABY FOOD", "p", "Peas", together)
    assert type_reason(offer, "en").text == (
        "Customers who buy DIAPERS buy this 3.1 times as often as usual (40 of 900 bought both)"
    )
    popular = TypeOffer("BABY FOOD", "p", "Peas", TypeEvidence("type_popular", baskets_28d=3))
    assert type_reason(popular, "en").text == "New for this customer and popular: bought 3 times in the last 28 days"
    assert "3" in type_reason(popular, "zh").text
