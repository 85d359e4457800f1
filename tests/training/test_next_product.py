"""Candidates, ranking and offers: what each promises, checked on real customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import DataError
from features.store import Store
from serving.scorer import Scorer
from tests.conftest import World
from training.next_product.baselines import baselines
from training.next_product.candidates import FEATURES, find_candidates, steps_up
from training.next_product.catalogue import make_catalogue
from training.next_product.dataset import Moment, Moments
from training.next_product.history import read_history
from training.next_product.model import NextProductModel
from training.next_product.offers import KINDS, make_offers
from training.next_product.pipeline import evaluate_next_product, train_next_product
from training.next_product.sources import fit_sources, top


@pytest.fixture(scope="module")
def moment(world: World, store: Store) -> Moment:
    return Moments(world.settings, store).at(world.schedule.next_test[0])


@pytest.fixture(scope="module")
def model(world: World, scorer: Scorer, moment: Moment) -> NextProductModel:
    """The champion's ranker with sources of the test snapshot, as the evaluation has it."""
    sources = fit_sources(moment.histories, moment.catalogue, threads=2)
    champion = scorer.models.next_product
    return NextProductModel(
        champion.ranker, sources, moment.catalogue, world.settings.next_product, champion.labels_end
    )


def test_candidates_are_distinct_and_own_places_are_right(model: NextProductModel, moment: Moment) -> None:
    for history, _ in list(moment.questions())[:50]:
        found = find_candidates(history, model.sources, model.catalogue, model.settings)
        assert len(set(found.codes.tolist())) == len(found.codes)
        assert found.inputs.shape == (len(found.codes), len(FEATURES))
        for code, own in zip(found.codes, found.own, strict=True):
            assert (own == -1) == (code not in history.codes)
            assert own == -1 or history.codes[own] == code


def test_nothing_of_the_label_window_is_in_a_history(world: World, moment: Moment) -> None:
    assert all((history.days_since > 0).all() for history in moment.histories)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    later = lines[lines["event_timestamp"] >= moment.snapshot]
    bought = set(later["product_id"])
    assert all(truth <= bought for truth in moment.truth)


@pytest.mark.parametrize("kind", KINDS)
def test_offers_keep_what_their_kind_promises(model: NextProductModel, moment: Moment, kind: str) -> None:
    count = 0
    for history, _ in list(moment.questions())[:60]:
        offers = make_offers(model, history, kind, 10)  # type: ignore[arg-type]
        ids = [offer.product_id for offer in offers]
        assert len(set(ids)) == len(ids) <= 10
        assert [o.score for o in offers] == sorted((o.score for o in offers), reverse=True)
        own = {str(model.catalogue.ids[code]) for code in history.codes}
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
            if offer.kind in {"cross_sell", "up_sell"}:
                assert offer.product_id not in own
            if offer.kind == "up_sell":
                assert evidence.price is not None
                assert evidence.usual_price is not None
                assert evidence.baskets is not None
                assert 1.2 <= evidence.price / evidence.usual_price <= 2.0
                assert evidence.baskets >= 3
                code = model.catalogue.codes([offer.product_id])[0]
                same_type = history.codes[model.catalogue.types[history.codes] == offer.type]
                assert model.catalogue.sizes[code] in set(model.catalogue.sizes[same_type])
                if model.catalogue.tiers[code] == "private":
                    assert set(model.catalogue.tiers[same_type]) == {"private"}
    assert count > 40


def test_evidence_of_similar_products_is_counted_in_the_raw_lines(
    world: World, model: NextProductModel, moment: Moment
) -> None:
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    lines = lines[(lines["event_timestamp"] < moment.snapshot) & (lines["quantity"] > 0) & (lines["amount"] > 0)]
    buyers = lines.groupby("product_id")["customer_id"].agg(set)
    checked = 0
    for history, _ in list(moment.questions())[:80]:
        for offer in make_offers(model, history, "cross_sell", 5):
            if offer.evidence.path == "similar":
                anchor, product = buyers[str(offer.evidence.anchor_id)], buyers[offer.product_id]
                both = len(anchor & product)
                assert offer.evidence.together == both
                assert offer.evidence.lift == pytest.approx(
                    both * model.sources.customers / (len(anchor) * len(product)), rel=1e-3
                )
                checked += 1
    assert checked > 10


def test_evidence_of_a_cycle_is_counted_in_the_raw_lines(world: World, model: NextProductModel, moment: Moment) -> None:
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    lines = lines[(lines["event_timestamp"] < moment.snapshot) & (lines["quantity"] > 0) & (lines["amount"] > 0)]
    known = sorted(lines["customer_id"].unique())
    checked = 0
    for place in moment.asked[:40]:
        mine = lines[lines["customer_id"] == known[place]]
        for offer in make_offers(model, moment.histories[place], "repeat", 3):
            own = mine[mine["product_id"] == offer.product_id]
            since = (moment.snapshot - own["event_timestamp"].max()).total_seconds() / 86400
            assert offer.evidence.baskets == own["order_id"].nunique()
            assert offer.evidence.days_since == pytest.approx(since, abs=1e-4)
            checked += 1
    assert checked > 20


def test_a_customer_without_history_gets_what_is_popular(model: NextProductModel) -> None:
    nobody = read_history({}, model.catalogue, 0.0, 0.0)
    offers = make_offers(model, nobody, "next", 5)
    assert len(offers) == 5
    assert {offer.evidence.path for offer in offers} == {"popular"}
    assert len(steps_up(nobody, model.catalogue, model.settings)) == 0


def test_online_and_offline_offers_are_the_same(world: World, store: Store, scorer: Scorer) -> None:
    as_of = world.schedule.as_of
    offline = Moments(world.settings, store).at(as_of)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    customers = sorted(lines["customer_id"].unique())
    served = scorer.models.next_product
    np.testing.assert_array_equal(served.catalogue.ids, offline.catalogue.ids)
    for name, values in offline.catalogue.statistics.items():
        np.testing.assert_array_equal(served.catalogue.statistics[name], values, err_msg=name)
    for place in range(0, 60, 6):
        wanted = make_offers(served, offline.histories[place], "next", 10)
        (found,) = scorer.offers([customers[place]], as_of, "next", 10, "en")
        assert [o.product_id for o in found.offers] == [o.product_id for o in wanted]
        assert [o.score for o in found.offers] == [o.score for o in wanted]


def test_saved_and_loaded_ranks_the_same_and_names_no_customer(
    model: NextProductModel, moment: Moment, tmp_path: Path
) -> None:
    wanted = model.rank(moment.histories[moment.asked[0]])
    model.save(tmp_path)
    found = NextProductModel.load(tmp_path).rank(moment.histories[moment.asked[0]])
    np.testing.assert_array_equal(found[0].codes, wanted[0].codes)
    np.testing.assert_array_equal(found[1], wanted[1])
    with np.load(tmp_path / "als.npz") as arrays:
        assert "user_factors" not in arrays


def test_two_stage_beats_every_baseline(at_home: World) -> None:
    version = train_next_product(at_home.settings)
    assert version.skipped
    metrics = version.version.metrics
    for name in ("g_top_freq", "p_top_freq", "gp_top_freq", "item_knn", "als"):
        assert metrics["two_stage.ndcg"] > metrics[f"{name}.ndcg"]
    found = evaluate_next_product(at_home.settings)
    assert set(found["views"]["all"]) == {"2017-11-15", "2017-11-29"}
    measured = found["views"]["all"]["2017-11-15"]["two_stage"]["ndcg"]
    assert measured == pytest.approx(metrics["two_stage.ndcg.2017-11-15"])


def test_baselines_by_hand(model: NextProductModel, moment: Moment) -> None:
    history = moment.histories[moment.asked[0]]
    methods = baselines(moment.catalogue, model.sources)
    popular = moment.catalogue.statistics["product_baskets_28d"]
    everybody = methods["g_top_freq"](history)
    assert popular[everybody].min() >= np.sort(popular)[-10]
    own = methods["p_top_freq"](history)
    places = [int(np.flatnonzero(history.codes == code)[0]) for code in own]
    assert sorted(history.baskets[places], reverse=True) == sorted(history.baskets, reverse=True)[:10]
    nobody = read_history({}, moment.catalogue, 0.0, 0.0)
    np.testing.assert_array_equal(methods["gp_top_freq"](nobody), everybody)
    assert len(methods["p_top_freq"](nobody)) == 0


def test_top_takes_the_highest_positive_scores() -> None:
    assert top(np.array([0.0, 3.0, -1.0, 5.0]), 3).tolist() == [3, 1]
    assert top(np.zeros(0), 3).tolist() == []


def test_a_catalogue_without_products_is_told(at_home: World, store: Store) -> None:
    following = at_home.settings.next_product.model_copy(update={"min_baskets": 10**6})
    settings = at_home.settings.model_copy(update={"next_product": following})
    with pytest.raises(DataError, match=r"at least 1000000 baskets.*min_baskets"):
        Moments(settings, store).at(at_home.schedule.as_of)


def test_products_that_are_not_active_are_not_offered() -> None:
    products = pd.DataFrame(
        {
            "product_id": ["a", "b", "c"],
            "name": None,
            "type": "t",
            "brand_tier": None,
            "size": None,
            "active": [True, False, None],
        }
    )
    statistics = pd.DataFrame({"product_id": ["a", "b", "c", "d"]}).assign(
        product_baskets=9.0,
        product_buyers=3,
        product_baskets_28d=1.0,
        product_trend=1.0,
        product_price=1.0,
        product_repeat_rate=0.0,
        product_cycle_days=np.nan,
    )
    assert make_catalogue(products, statistics, 5).ids.tolist() == ["a", "c", "d"]
