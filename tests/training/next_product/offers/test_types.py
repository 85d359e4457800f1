"""Offers of types that a customer never bought."""

from dataclasses import replace

import pandas as pd
import pytest

from training.next_product.candidates.types import types_of
from training.next_product.dataset import Dataset
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import Block, BlockedKinds, Rules
from training.next_product.offers.types import recommend_types


def test_types_bought_before_are_not_suggested_and_their_evidence_counts(
    model: NextProductModel, dataset: Dataset, histories: list[History], raw: pd.DataFrame
) -> None:
    policy = Policy(Rules(), model.catalogue)
    names, customers = model.catalogue.types.names, len(dataset.histories)
    # what is not listed counts for half a year
    lately = raw["event_timestamp"] >= pd.Timestamp(dataset.snapshot) - pd.Timedelta(days=182)
    by_type = raw[raw["listed"] | lately].groupby("type")["customer_id"].agg(set)
    checked = 0
    for history, offers in zip(histories[:20], recommend_types(model, policy, histories[:20], 5), strict=True):
        known = set(names[types_of(history, model.catalogue)].tolist())
        assert len({offer.type for offer in offers}) == 5
        for offer in offers:
            assert offer.type
            assert offer.type not in known
            assert model.catalogue.texts["type"][model.catalogue.codes([offer.product_id])[0]] == offer.type
            if offer.evidence.path == "type_together":
                checked += 1
                assert offer.evidence.anchor_type in known
                assert offer.evidence.customers == customers
                anchor, buyers = by_type[str(offer.evidence.anchor_type)], by_type[offer.type]
                assert offer.evidence.together == len(anchor & buyers)
                lift = len(anchor & buyers) * customers / (len(anchor) * len(buyers))
                assert offer.evidence.lift == pytest.approx(lift)
                assert lift >= 1.2
    assert checked > 50


def test_lists_of_types_keep_the_rules(model: NextProductModel, histories: list[History]) -> None:
    catalogue = model.catalogue
    rules = Rules(max_per_category=1, block=Block(types=("FLUID MILK WHITE ONLY",)))
    for offers in recommend_types(model, Policy(rules, catalogue), histories[:10], 8):
        categories = catalogue.texts["category"][catalogue.codes([offer.product_id for offer in offers])].tolist()
        assert len(set(categories)) == len(categories) == 8
        assert "FLUID MILK WHITE ONLY" not in {offer.type for offer in offers}
    ((first, *_),) = recommend_types(model, Policy(Rules(), catalogue), histories[:1], 1)
    old_only = Block(kinds=(BlockedKinds(types=(first.type,), kinds=("cross_sell",)),))
    (offers,) = recommend_types(model, Policy(Rules(block=old_only), catalogue), histories[:1], 8)
    assert first.type not in {offer.type for offer in offers}
    pair = first.product_id, str(catalogue.ids[histories[0].codes[0]])
    apart = Policy(Rules(block=Block(pairs=(pair,))), catalogue)
    ((other, *_),) = recommend_types(model, apart, histories[:1], 1)
    assert other.type != first.type
    withdrawn = [replace(histories[0], consent=False)]
    assert list(recommend_types(model, Policy(Rules(), catalogue), withdrawn, 3)) == [[]]
