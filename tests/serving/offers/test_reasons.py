"""Each path of an offer has a sentence in both languages, true to its evidence, and a title."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from serving.explain.language import LANGUAGES, catalogue
from serving.explain.wording import LONGEST, Writer, make_writers
from serving.offers.reasons import OfferAnswer, offer_reason, type_reason
from serving.settings import TextSettings
from training.next_product.candidates.evidence import Evidence
from training.next_product.candidates.evidence import Path as OfferPath
from training.next_product.offers.recommend import Offer
from training.next_product.offers.rules import Kind
from training.next_product.offers.types import TypeEvidence, TypeOffer

WRITERS = make_writers(TextSettings(currency="USD"))
ANCHOR: dict[str, Any] = {"anchor_id": "m", "anchor_name": "Milk", "together": 31, "lift": 2.5, "customers": 900}
OWN = Evidence("own_cycle", baskets=14, cycle_days=19.0, days_since=20.9, cycle_is_own=True)
BETTER = Evidence("better", baskets=3, price=0.0439, usual_price=0.0249, unit="g")
PACK = Evidence("larger_pack", baskets=3, price=0.5, usual_price=0.61, unit="piece", saving=0.18)
SENTENCES = [
    (
        OWN,
        "Bought 14 times in the last 12 months, most recently 20 days ago; usually every 19 days",
        "过去 12 个月购买 14 次，最近一次是 20 天前；平时每 19 天一次",
    ),
    (
        replace(OWN, days_since=35.2),
        "Bought 14 times in the last 12 months, most recently 35 days ago; usually every 19 days; 16 days overdue",
        "过去 12 个月购买 14 次，最近一次是 35 天前；平时每 19 天一次；已晚 16 天",
    ),
    (
        replace(OWN, days_since=53.0),
        "Bought 14 times in the last 12 months, most recently 53 days ago; usually every 19 days; possibly lapsed",
        "过去 12 个月购买 14 次，最近一次是 53 天前；平时每 19 天一次；可能已停购",
    ),
    (
        Evidence("own_cycle", baskets=1, cycle_days=30.0, days_since=40.0, cycle_is_own=False),
        "Bought once in the last 12 months, 40 days ago; customers usually buy it again after 30 days",
        "过去 12 个月购买 1 次，最近一次是 40 天前；客户通常 30 天后再次购买",
    ),
    (
        Evidence("own_habit", baskets=2, days_since=1.0, cycle_is_own=False),
        "Bought 2 times in the last 12 months, most recently yesterday",
        "过去 12 个月购买 2 次，最近一次是昨天",
    ),
    (
        Evidence("own_habit", baskets=2, cycle_days=9.0, days_since=0.2, cycle_is_own=False),
        "Bought 2 times in the last 12 months, most recently today",
        "过去 12 个月购买 2 次，最近一次是今天",
    ),
    (
        Evidence("own_habit", baskets=4, cycle_days=30.0, days_since=100.0, cycle_is_own=True),
        "Bought 4 times in the last 12 months, most recently 3 months ago; usually every 30 days; possibly lapsed",
        "过去 12 个月购买 4 次，最近一次是 3 个月前；平时每 30 天一次；可能已停购",
    ),
    (
        BETTER,
        "A pricier choice: $4.39 per 100 g; their usual “COFFEE” costs $2.49 (bought 3 times in the last 6 months)",
        "价格更高的选择：原价每 100 克 US$4.39，平时所购“COFFEE”原价 US$2.49（过去 6 个月购买 3 次）",
    ),
    (
        replace(BETTER, price=None, usual_price=None, unit=None),
        "A step up from their usual “COFFEE” (bought 3 times in the last 6 months)",
        "比平时所购“COFFEE”高一档（过去 6 个月购买 3 次）",
    ),
    (
        replace(BETTER, price=0.02),  # another rule than the unit price
        "A step up from their usual “COFFEE” (bought 3 times in the last 6 months)",
        "比平时所购“COFFEE”高一档（过去 6 个月购买 3 次）",
    ),
    (Evidence("better"), "An upgrade of what this customer has", "该客户现有商品的升级款"),
    (
        PACK,
        "A larger pack, 18% cheaper per unit: $0.50 apiece; their usual “COFFEE” costs $0.61 "
        "(bought 3 times in the last 6 months)",
        "更大包装，单价低 18%：原价每件 US$0.50，平时所购“COFFEE”原价 US$0.61（过去 6 个月购买 3 次）",
    ),
    (
        Evidence("basket", **ANCHOR),
        "Goes with “Milk”: its buyers are 2.5 times as likely as average to have bought this; 31 bought both",
        "与“Milk”搭配：买过“Milk”的客户买过此商品的比例是全体客户的 2.5 倍；31 位客户两者都买过",
    ),
    (
        Evidence("together", second_id="b", second_name="Bread", **ANCHOR | {"lift": 1.96}),
        "Buyers of “Milk” and “Bread” are twice as likely as average to have bought this; 31 bought all three",
        "买过“Milk”和“Bread”的客户买过此商品的比例是全体客户的两倍；31 位客户三者都买过",
    ),
    (
        Evidence("similar", **ANCHOR | {"lift": 15.3}),
        "Buyers of “Milk” are 15 times as likely as average to have bought this; 31 bought both",
        "买过“Milk”的客户买过此商品的比例是全体客户的 15 倍；31 位客户两者都买过",
    ),
    (
        Evidence("similar", **ANCHOR | {"customers": 4000}),
        "Buyers of “Milk” are 2.5 times as likely as average to have bought this; 31 of 4,000 sampled bought both",
        "买过“Milk”的客户买过此商品的比例是全体客户的 2.5 倍；抽样的 4,000 位客户中 31 位客户两者都买过",
    ),
    (
        Evidence("popular_with_type", anchor_type="BABY FOOD", together=31, lift=2.5, customers=900),
        "Buyers of “BABY FOOD” are 2.5 times as likely as average to have bought this; 31 bought both",
        "买过“BABY FOOD”的客户买过此商品的比例是全体客户的 2.5 倍；31 位客户两者都买过",
    ),
    (
        Evidence("popular_alike", attribute="region", value="North", buyers=12, of=80),
        "12 of 80 active customers whose “region” is “North” bought this within 28 days",
        "“region”为“North”的 80 位活跃客户中，28 天内有 12 位买过此商品",
    ),
    (
        Evidence("popular", baskets_28d=1200),
        "Other customers bought this 1,200 times in the last 28 days",
        "其他客户最近 28 天购买此商品 1,200 次",
    ),
    (Evidence("popular", baskets_28d=0), "Not bought before", "未买过"),
    (
        Evidence("arrival", baskets=4),
        "New in the range; this customer bought “COFFEE” 4 times in the last 6 months",
        "新上架；该客户过去 6 个月购买“COFFEE” 4 次",
    ),
    (Evidence("arrival"), "New in the range", "新上架"),
    (Evidence("pinned", campaign="Spring"), "Part of the campaign “Spring”", "活动“Spring”的商品"),
]


def answer(
    evidence: Evidence,
    kind: Kind = "next",
    probability: float | None = 0.3,
    writer: Writer = WRITERS["en"],
) -> OfferAnswer:
    return offer_reason(Offer("p", "Beans", "COFFEE", kind, probability, evidence), writer, 365)


@pytest.mark.parametrize(("evidence", "english", "chinese"), SENTENCES)
def test_each_path_has_its_sentence(evidence: Evidence, english: str, chinese: str) -> None:
    told = {language: answer(evidence, writer=WRITERS[language]) for language in LANGUAGES}
    assert (told["en"].text, told["zh"].text) == (english, chinese)
    assert told["en"].evidence == told["zh"].evidence
    assert told["en"].path == evidence.path
    days = None if evidence.baskets is None else 365 if evidence.path.startswith("own_") else 182
    assert told["en"].evidence.get("window_days") == days


def test_every_path_is_among_the_sentences() -> None:
    assert {evidence.path for evidence, _, _ in SENTENCES} == set(get_args(OfferPath))


TITLES = [
    (OWN, "repeat", 0.3, "Due again", "该回购了"),
    (replace(OWN, days_since=28.5), "repeat", 0.3, "Due again", "该回购了"),  # 1.5 cycles
    (replace(OWN, days_since=28.6), "repeat", 0.3, "Overdue", "已过回购期"),
    (replace(OWN, days_since=38.0), "repeat", 0.3, "Overdue", "已过回购期"),  # 2 cycles
    (replace(OWN, days_since=38.1), "repeat", 0.3, "Possibly lapsed", "可能已停购"),
    # the cycle of other customers makes a product due, and no customer late
    (replace(OWN, days_since=38.0, cycle_is_own=False), "repeat", 0.01, "Due again", "该回购了"),
    (replace(OWN, days_since=38.1, cycle_is_own=False), "repeat", 0.01, "Bought before", "曾经买过"),
    (replace(OWN, days_since=38.1, cycle_is_own=False), "repeat", 0.3, "May buy next", "可能会买"),
    (replace(OWN, cycle_days=1.0, days_since=1.7), "repeat", 0.3, "Due again", "该回购了"),  # no whole day late
    (replace(OWN, path="own_habit", days_since=80.0), "next", 0.3, "Possibly lapsed", "可能已停购"),
    (replace(OWN, path="own_habit", days_since=80.0, cycle_is_own=False), "next", 0.3, "May buy next", "可能会买"),
    (replace(OWN, path="own_habit", days_since=5.0), "next", 0.05, "May buy next", "可能会买"),
    (replace(OWN, path="own_habit", days_since=5.0), "next", 0.0499, "Bought before", "曾经买过"),
    (replace(OWN, path="own_habit", days_since=5.0), "next", None, "Bought before", "曾经买过"),
    (BETTER, "up_sell", 0.3, "A pricier choice", "价格更高的选择"),
    (replace(BETTER, price=0.02), "up_sell", 0.3, "An upgrade", "升级款"),
    (Evidence("better"), "up_sell", 0.3, "An upgrade", "升级款"),
    (PACK, "cross_sell", 0.3, "A larger pack", "更大包装"),
    (Evidence("similar", **ANCHOR), "cross_sell", 0.3, "New for them", "未买过"),
    (Evidence("arrival"), "cross_sell", 0.3, "New in the range", "新上架"),
    (Evidence("pinned", campaign="Spring"), "repeat", 0.3, "Campaign", "活动商品"),
]


@pytest.mark.parametrize(("evidence", "kind", "probability", "english", "chinese"), TITLES)
def test_the_title_says_what_the_offer_is(
    evidence: Evidence, kind: Kind, probability: float | None, english: str, chinese: str
) -> None:
    told = [answer(evidence, kind, probability, WRITERS[language]) for language in ("en", "zh")]
    assert [one.title for one in told] == [english, chinese]
    assert {one.kind for one in told} == {kind}
    lapsed = "lapsed" in told[0].title
    assert ("possibly lapsed" in told[0].text, "可能已停购" in told[1].text) == (lapsed, lapsed)
    assert ("overdue" in told[0].text) == (told[0].title == "Overdue")


def test_every_title_is_among_the_titles() -> None:
    texts = catalogue("en").texts
    titles = {text for key, text in texts.items() if key.startswith("offer_title.")}
    assert {english for *_, english, _ in TITLES} == titles


def test_the_settings_say_from_which_probability_an_offer_is_likely() -> None:
    writer = make_writers(TextSettings(likely_from=0.2))["en"]
    habit = replace(OWN, path="own_habit", days_since=5.0)
    assert answer(habit, probability=0.19, writer=writer).title == "Bought before"
    assert answer(habit, probability=0.2, writer=writer).title == "May buy next"


@pytest.mark.parametrize(
    ("unit", "usual", "english", "chinese"),
    [
        ("g", 0.001, "€0.20 per 100 g", "每 100 克 €0.20"),
        ("g", 0.0009, "€1.80 per kg", "每公斤 €1.80"),
        ("ml", 0.001, "€0.20 per 100 ml", "每 100 毫升 €0.20"),
        ("ml", 0.0009, "€1.80 per litre", "每升 €1.80"),
        ("piece", 0.1, "€0.20 apiece", "每件 €0.20"),
        ("piece", 0.004, "€0.80 per 100 pieces", "每 100 件 €0.80"),
        ("package", 0.004, "€0.01 each", "每份 €0.01"),
    ],
)
def test_prices_name_their_unit_and_the_currency_of_the_settings(
    unit: str, usual: float, english: str, chinese: str
) -> None:
    writers = make_writers(TextSettings(currency="EUR"))
    evidence = Evidence("better", baskets=3, price=2 * usual, usual_price=usual, unit=unit)
    for language, words in (("en", english), ("zh", chinese)):
        assert words in answer(evidence, "up_sell", writer=writers[language]).text
    unknown = answer(evidence, "up_sell", writer=make_writers(TextSettings())["en"])
    assert english.removeprefix("€") in unknown.text
    assert "€" not in unknown.text


TYPES = [
    (
        TypeEvidence("type_together", anchor_type="DIAPERS", together=40, lift=3.1, customers=900),
        "Buyers of “DIAPERS” are 3.1 times as likely as average to have bought this; 40 bought both",
        "买过“DIAPERS”的客户买过此品类的比例是全体客户的 3.1 倍；40 位客户两者都买过",
    ),
    (
        TypeEvidence("type_popular", baskets_28d=3),
        "Other customers bought this 3 times in the last 28 days",
        "其他客户最近 28 天购买此品类 3 次",
    ),
    (TypeEvidence("type_popular", baskets_28d=0), "Not bought before", "未买过"),
]


@pytest.mark.parametrize(("evidence", "english", "chinese"), TYPES)
def test_types_have_sentences_too(evidence: TypeEvidence, english: str, chinese: str) -> None:
    offer = TypeOffer("BABY FOOD", "p", "Peas", evidence)
    assert [type_reason(offer, WRITERS[language]).text for language in ("en", "zh")] == [english, chinese]


@pytest.fixture
def named(tmp_path: Path) -> dict[str, Writer]:
    """Writers with names of products and types, some in Chinese only."""
    file = tmp_path / "names.csv"
    file.write_text(
        "kind,id,en,zh\nproduct,p,Espresso beans,浓缩咖啡豆\nproduct,m,,牛奶\nproduct,b,Rye bread,黑麦面包\n"
        "type,COFFEE,Coffee,咖啡\ntype,DIAPERS,Nappies,纸尿裤\ntype,BABY FOOD,Baby food,婴儿食品\n",
        encoding="utf-8",
    )
    return make_writers(TextSettings(names=file))


def test_products_and_types_have_the_names_of_the_business(named: dict[str, Writer]) -> None:
    evidence = Evidence("together", second_id="b", second_name="BRD RYE", **ANCHOR)
    english, chinese = (answer(evidence, "cross_sell", writer=named[language]) for language in ("en", "zh"))
    assert (english.name, english.type) == ("Espresso beans", "Coffee")
    assert (chinese.name, chinese.type) == ("浓缩咖啡豆", "咖啡")
    assert english.text.startswith("Buyers of “Milk” and “Rye bread” are")  # milk has no English name
    assert chinese.text.startswith("买过“牛奶”和“黑麦面包”的客户")
    assert english.evidence["second_name"] == chinese.evidence["second_name"] == "BRD RYE"
    assert "“咖啡”" in answer(BETTER, "up_sell", writer=named["zh"]).text
    assert "“纸尿裤”" in answer(replace(evidence, anchor_id=None, anchor_type="DIAPERS"), writer=named["zh"]).text


def test_types_have_the_names_of_the_business(named: dict[str, Writer]) -> None:
    together = TypeEvidence("type_together", anchor_type="DIAPERS", together=40, lift=3.1, customers=900)
    told = type_reason(TypeOffer("BABY FOOD", "p", "Peas", together), named["zh"])
    assert (told.type, told.name) == ("婴儿食品", "浓缩咖啡豆")
    assert "“纸尿裤”" in told.text
    assert (told.evidence["type"], told.evidence["anchor_type"]) == ("BABY FOOD", "DIAPERS")


def test_names_are_shortened_where_a_text_would_be_too_long() -> None:
    long: dict[str, Any] = ANCHOR | {"anchor_name": "SFT DRNK 2 LITER BTL CARB INCL, 2 L"}
    evidence = Evidence("together", second_id="b", second_name="FLUID MILK WHITE ONLY, 1 GALLON", **long)
    text = answer(evidence, "cross_sell").text
    assert text.startswith("Buyers of “SFT DRNK 2 LITER BTL…” and “FLUID MILK WHITE ONLY…” are 2.5 times")
    assert len(text) <= LONGEST
    whole = answer(replace(evidence, second_name="Milk"), "cross_sell").text
    assert whole.startswith("Buyers of “SFT DRNK 2 LITER BTL CARB INCL, 2 L” and “Milk” are")
