"""What offers say of themselves, counted again in the raw order lines."""

import numpy as np
import pandas as pd
import pytest

from tests.training.next_product.asking import offered
from training.next_product.dataset import Dataset
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.recommend import Offer


def test_what_lies_in_the_basket_brings_what_goes_with_it(
    model: NextProductModel, histories: list[History], raw: pd.DataFrame
) -> None:
    popular = model.catalogue.head[:3]
    checked = 0
    for history in histories[:10]:
        (offers,) = offered(model, [history], "cross_sell", 10, basket=popular)
        assert not {offer.product_id for offer in offers} & set(model.catalogue.ids[popular])
        of_basket = [offer.evidence.path == "basket" for offer in offers]
        assert of_basket == sorted(of_basket, reverse=True)  # these come first
        checked += check_counts(raw, offers, {"basket"})
        (mixed,) = offered(model, [history], "next", 10, basket=popular)
        assert not {offer.product_id for offer in mixed} & set(model.catalogue.ids[popular])
    assert checked > 20


def check_counts(raw: pd.DataFrame, offers: list[Offer], paths: set[str]) -> int:
    """Count again who bought the anchors and the product; return how many offers were checked."""
    checked = 0
    listed = raw[raw["listed"]]
    by_product, customers = listed.groupby("product_id")["customer_id"].agg(set), listed["customer_id"].nunique()
    for offer in offers:
        evidence = offer.evidence
        if evidence.path in paths:
            anchors = set(by_product[str(evidence.anchor_id)])
            if evidence.second_id is not None:
                anchors &= by_product[evidence.second_id]
            both = len(anchors & by_product[offer.product_id])
            assert evidence.together == both
            assert evidence.customers == customers
            chance = len(anchors) * len(by_product[offer.product_id]) / customers
            assert evidence.lift == pytest.approx(both / chance)
            assert both >= 5
            checked += 1
    return checked


def test_evidence_of_products_bought_together_is_counted_in_the_raw_lines(
    model: NextProductModel, histories: list[History], raw: pd.DataFrame
) -> None:
    offers = [offer for offers in offered(model, histories[:80], "cross_sell", 5) for offer in offers]
    assert check_counts(raw, offers, {"together"}) > 20
    assert check_counts(raw, offers, {"similar"}) > 5


def test_evidence_of_a_type_is_counted_in_the_raw_lines(
    model: NextProductModel, histories: list[History], raw: pd.DataFrame
) -> None:
    facts, listed = model.facts, raw[raw["listed"]]
    customers = listed["customer_id"].nunique()
    by_type, by_product = (listed.groupby(name)["customer_id"].agg(set) for name in ("type", "product_id"))
    checked = 0
    for history in histories[:40]:
        for code in model.catalogue.head.tolist()[:5]:
            evidence = facts._with_type(history, code)  # reached where nothing similar was bought, which is seldom
            if evidence is not None:
                buyers, product = by_type[str(evidence.anchor_type)], by_product[str(model.catalogue.ids[code])]
                assert evidence.together == len(buyers & product)
                assert evidence.lift == pytest.approx(len(buyers & product) * customers / len(buyers) / len(product))
                checked += 1
    assert checked > 20


def test_evidence_of_prices_is_counted_in_the_raw_lines(
    model: NextProductModel, dataset: Dataset, raw: pd.DataFrame
) -> None:
    known = sorted(raw["customer_id"].unique())
    start = pd.Timestamp(dataset.snapshot) - pd.Timedelta(days=182)
    contents = dict(zip(model.catalogue.ids, model.catalogue.contents, strict=True))
    checked = 0
    for place in dataset.active[:40]:
        mine = raw[(raw["customer_id"] == known[place]) & (raw["event_timestamp"] >= start)]
        (offers,) = offered(model, [dataset.histories[place]], "up_sell", 3)
        for offer in offers:
            of_type = mine[mine["type"] == offer.type]
            assert offer.evidence.baskets == of_type["order_id"].nunique()
            paid = (of_type["amount"] + of_type["discount"].fillna(0.0)) / of_type["quantity"]
            per_unit = (paid / of_type["product_id"].map(contents)).dropna()
            if of_type["product_id"].isin(model.catalogue.ids).all():
                assert offer.evidence.usual_price == pytest.approx(per_unit.median())
                checked += 1
            sold = raw[raw["product_id"] == offer.product_id]
            price = (sold["amount"] + sold["discount"].fillna(0.0)).sum() / sold["quantity"].sum()
            assert offer.evidence.price == pytest.approx(price / contents[offer.product_id], rel=1e-4)
    assert checked > 5


def test_evidence_of_a_cycle_is_counted_in_the_raw_lines(
    model: NextProductModel, dataset: Dataset, raw: pd.DataFrame
) -> None:
    known = sorted(raw["customer_id"].unique())
    checked = 0
    for place in dataset.active[:40]:
        mine = raw[raw["customer_id"] == known[place]]
        (offers,) = offered(model, [dataset.histories[place]], "repeat", 3)
        for offer in offers:
            own = mine[mine["product_id"] == offer.product_id]
            firsts = own.groupby("order_id")["event_timestamp"].min()
            since = (dataset.snapshot - firsts.max()).total_seconds() / 86400
            assert offer.evidence.baskets == len(firsts)
            assert offer.evidence.days_since == pytest.approx(since, abs=1e-4)
            if offer.evidence.cycle_is_own:
                cycle = (firsts.max() - firsts.min()).total_seconds() / 86400 / (len(firsts) - 1)
                assert offer.evidence.cycle_days == pytest.approx(cycle, abs=1e-4)
            checked += 1
    assert checked > 20


def test_a_rare_product_in_the_basket_hides_no_common_one(model: NextProductModel, histories: list[History]) -> None:
    popular = model.catalogue.head[:1]
    rare = np.argsort(model.sources.buyers)[:3]
    for code in model.catalogue.head[1:6].tolist():
        alone = model.facts.basket(popular, code)
        assert model.facts.basket(np.concatenate([popular, rare]), code) == alone
