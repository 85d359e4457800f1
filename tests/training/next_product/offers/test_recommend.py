"""Offers keep what their kind promises, checked on real customers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.store.feature_store import Store
from serving.parts.offers import OfferOptions
from tests.conftest import Scoring, World
from tests.training.next_product.asking import offered
from training.next_product.candidates.frequency import simple_scores
from training.next_product.dataset import DatasetReader
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.rules import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS)
def test_offers_keep_what_their_kind_promises(model: NextProductModel, histories: list[History], kind: Kind) -> None:
    count = 0
    for history, offers in zip(histories[:60], offered(model, histories[:60], kind, 10), strict=True):
        ids = [offer.product_id for offer in offers]
        assert len(set(ids)) == len(ids) <= 10
        likely = [offer.probability for offer in offers if offer.probability is not None]
        assert likely == sorted(likely, reverse=True)
        assert all(0 < probability < 1 for probability in likely)
        own = {str(model.catalogue.ids[code]) for code in history.codes}
        better = set(model.catalogue.ids[model.upgrades.better(history)].tolist())
        for offer in offers:
            count += 1
            evidence = offer.evidence
            if kind != "next":
                assert offer.kind == kind
            if offer.kind == "repeat":
                assert offer.product_id in own
                assert evidence.days_since is not None
                assert evidence.cycle_days is not None
                assert evidence.cycle_days <= evidence.days_since <= 3 * evidence.cycle_days
            if offer.kind == "cross_sell":
                assert offer.product_id not in own
            if offer.kind == "up_sell":
                assert offer.product_id in better
                assert evidence.price is not None
                assert evidence.usual_price is not None
                assert evidence.baskets is not None
                assert 1.2 <= evidence.price / evidence.usual_price <= model.habits.step(history) <= 3.0
                assert evidence.baskets >= 3
                if kind == "next":
                    assert offer.product_id not in own
    assert count > 40


def test_what_was_bought_moments_ago_is_not_offered_unless_due(
    model: NextProductModel, histories: list[History]
) -> None:
    history = histories[0]
    (before,) = offered(model, [history], "next", 20)
    own = [offer.product_id for offer in before if offer.kind in {"next", "repeat"}]
    just_now = np.where(np.isin(model.catalogue.ids[history.codes], own[:3]), 0.01, history.days_since)
    (after,) = offered(model, [replace(history, days_since=just_now)], "next", 20)
    assert not {offer.product_id for offer in after} & set(own[:3])
    assert {offer.product_id for offer in after} & set(own[3:])


def test_larger_packs_are_larger_and_cheaper(model: NextProductModel, histories: list[History]) -> None:
    offers = [offer for offers in offered(model, histories, "cross_sell", 10) for offer in offers]
    larger = [offer for offer in offers if offer.evidence.path == "larger_pack"]
    assert larger
    for offer in larger:
        evidence = offer.evidence
        assert evidence.price is not None
        assert evidence.usual_price is not None
        assert evidence.saving == pytest.approx(1 - evidence.price / evidence.usual_price)
        assert (evidence.saving or 0) >= 0.05


def test_the_baseline_of_an_experiment_is_the_baseline_of_the_evaluation(
    model: NextProductModel, histories: list[History]
) -> None:
    for history, offers in zip(histories[:20], offered(model, histories[:20], "next", 5, baseline=True), strict=True):
        scores = simple_scores([history], model.catalogue)["gp_top_freq"][0]
        scores[history.codes[history.days_since < 0.125]] = 0.0  # bought moments ago
        shown = model.catalogue.codes([offer.product_id for offer in offers])
        assert scores[shown].tolist() == np.sort(scores)[::-1][:5].tolist()  # which of two equals comes first is open


def test_online_and_offline_offers_are_the_same(world: World, store: Store, scoring: Scoring) -> None:
    as_of = world.schedule.as_of
    offline = DatasetReader(world.settings, store).at(as_of)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    customers = sorted(lines["customer_id"].unique())
    served = scoring.next_product
    np.testing.assert_array_equal(served.catalogue.ids, offline.catalogue.ids)
    for name, values in offline.catalogue.statistics.items():
        np.testing.assert_array_equal(served.catalogue.statistics[name], values, err_msg=name)
    for place in range(0, 60, 6):
        (wanted,) = offered(served, [offline.histories[place]], "next", 10)
        (one,) = scoring.ask([customers[place]], "offers", options=OfferOptions(limit=10))
        online = one.parts["offers"].value
        assert [o.product_id for o in online.offers] == [o.product_id for o in wanted]
        assert [o.probability for o in online.offers] == pytest.approx([o.probability for o in wanted])
