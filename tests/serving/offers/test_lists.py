"""What offers and types add to an exported list: keys once, texts for each language."""

from pathlib import Path

import pytest

from serving.explain.wording import Writer, make_writers
from serving.offers.reasons import offer_reason, type_reason
from serving.parts.offers import OffersAnswer, OffersPart
from serving.parts.types import TypesAnswer, TypesPart
from serving.settings import TextSettings
from training.next_product.candidates.evidence import Evidence
from training.next_product.offers.recommend import Offer
from training.next_product.offers.types import TypeEvidence, TypeOffer


@pytest.fixture
def writers(tmp_path: Path) -> dict[str, Writer]:
    names = tmp_path / "names.csv"
    names.write_text("kind,id,zh\nproduct,p,浓缩咖啡豆\ntype,COFFEE,咖啡\n", encoding="utf-8")
    return make_writers(TextSettings(names=names))


def test_offers_have_titles_names_and_reasons_in_each_language(writers: dict[str, Writer]) -> None:
    evidence = Evidence("own_cycle", baskets=14, cycle_days=19.0, days_since=53.0, cycle_is_own=True)
    offer = Offer("p", "Beans", "COFFEE", "repeat", 0.3, evidence)
    part, rows = OffersPart(), {}
    for language, writer in writers.items():
        value = OffersAnswer(kind="next", offers=[offer_reason(offer, writer, 365)])
        rows[language] = part.texts(value)
        assert part.exported(value)["offer_kind_1"] == "repeat"
        assert part.exported(value)["offer_product_1"] == "p"
    assert (rows["en"]["offer_title_1"], rows["zh"]["offer_title_1"]) == ("Possibly lapsed", "可能已停购")
    assert (rows["en"]["offer_name_1"], rows["zh"]["offer_name_1"]) == ("Beans", "浓缩咖啡豆")
    assert "53 days ago" in str(rows["en"]["offer_reason_1"])
    assert rows["en"]["offer_title_2"] is None
    assert part.texts(None).keys() == rows["en"].keys() == rows["zh"].keys()
    assert not part.texts(None).keys() & part.exported(None).keys()


def test_types_have_names_and_reasons_in_each_language(writers: dict[str, Writer]) -> None:
    offer = TypeOffer("COFFEE", "p", "Beans", TypeEvidence("type_popular", baskets_28d=3))
    part, rows = TypesPart(), {}
    for language, writer in writers.items():
        value = TypesAnswer(types=[type_reason(offer, writer)])
        rows[language] = part.texts(value)
        assert part.exported(value)["new_type_1"] == "COFFEE"
    assert (rows["en"]["new_type_name_1"], rows["zh"]["new_type_name_1"]) == ("COFFEE", "咖啡")
    assert rows["en"]["new_type_reason_1"] == "Other customers bought this 3 times in the last 28 days"
    assert rows["zh"]["new_type_reason_1"] == "其他客户最近 28 天购买此品类 3 次"
    assert part.texts(None).keys() == rows["en"].keys()
