"""Candidates, ranking and offers: what each promises, checked on real customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import DataError
from features.store import Store
from serving.scorer import Scorer
from tests.conftest import World
from training.next_product.baselines import simple_scores
from training.next_product.candidates import FEATURES, find_candidates, steps_up
from training.next_product.catalogue import make_catalogue
from training.next_product.dataset import Moment, Moments
from training.next_product.history import History, TypeHistory, read_history
from training.next_product.metrics import compare
from training.next_product.model import NextProductModel
from training.next_product.offers import KINDS, make_offers
from training.next_product.pipeline import evaluate_next_product, train_next_product
from training.next_product.reference import LAMBDA, fit_reference
from training.next_product.sources import fit_sources, top
from training.next_product.tifu import customer_vectors
from training.next_product.types import fit_types, types_of


@pytest.fixture(scope="module")
def moment(world: World, store: Store) -> Moment:
    return Moments(world.settings, store).at(world.schedule.next_test[0])


@pytest.fixture(scope="module")
def model(world: World, scorer: Scorer, moment: Moment) -> NextProductModel:
    """The champion's ranker with sources of the test snapshot, as the evaluation has it."""
    sources = fit_sources(moment.histories, moment.catalogue, threads=2)
    champion = scorer.models.next_product
    types = fit_types(moment.histories, moment.catalogue)
    rankers = champion.general, champion.novel
    return NextProductModel(
        *rankers, sources, types, moment.catalogue, world.settings.next_product, champion.labels_end
    )


def test_candidates_are_distinct_and_own_places_are_right(model: NextProductModel, moment: Moment) -> None:
    histories = [history for history, _ in moment.questions()][:50]
    candidates = find_candidates(histories, model.sources, model.catalogue, model.settings)
    for history, found in zip(histories, candidates, strict=True):
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
    histories = [history for history, _ in moment.questions()][:60]
    for history, offers in zip(histories, make_offers(model, histories, kind, 10), strict=True):  # type: ignore[arg-type]
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
    histories = [history for history, _ in moment.questions()][:80]
    for offers in make_offers(model, histories, "cross_sell", 5):
        for offer in offers:
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
        (offers,) = make_offers(model, [moment.histories[place]], "repeat", 3)
        for offer in offers:
            own = mine[mine["product_id"] == offer.product_id]
            since = (moment.snapshot - own["event_timestamp"].max()).total_seconds() / 86400
            assert offer.evidence.baskets == own["order_id"].nunique()
            assert offer.evidence.days_since == pytest.approx(since, abs=1e-4)
            checked += 1
    assert checked > 20


def test_a_customer_without_history_gets_what_is_popular(model: NextProductModel) -> None:
    nobody = read_history({}, model.catalogue, 0.0, 0.0)
    (offers,) = make_offers(model, [nobody], "next", 5)
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
        (wanted,) = make_offers(served, [offline.histories[place]], "next", 10)
        (found,) = scorer.offers([customers[place]], as_of, "next", 10, "en")
        assert [o.product_id for o in found.offers] == [o.product_id for o in wanted]
        assert [o.score for o in found.offers] == pytest.approx([o.score for o in wanted])


def test_saved_and_loaded_ranks_the_same_and_names_no_customer(
    model: NextProductModel, moment: Moment, tmp_path: Path
) -> None:
    history = moment.histories[moment.asked[0]]
    model.save(tmp_path)
    loaded = NextProductModel.load(tmp_path)
    for novel in (False, True):
        (wanted,), (found,) = (m.rank([history], novel=novel) for m in (model, loaded))
        np.testing.assert_array_equal(found.candidates.codes, wanted.candidates.codes)
        np.testing.assert_allclose(found.scores, wanted.scores)
    np.testing.assert_allclose(
        loaded.types.scores(history, model.catalogue), model.types.scores(history, model.catalogue)
    )
    with np.load(tmp_path / "als.npz") as arrays:
        assert "user_factors" not in arrays


def test_customers_ranked_together_are_ranked_as_alone(model: NextProductModel, moment: Moment) -> None:
    histories = [history for history, _ in moment.questions()][:70]
    for place, together in enumerate(model.rank(histories)):
        if place in {0, 30, 69}:
            (alone,) = model.rank([histories[place]])
            np.testing.assert_array_equal(alone.candidates.codes, together.candidates.codes)


def test_two_stage_beats_every_baseline(at_home: World) -> None:
    version = train_next_product(at_home.settings)
    assert version.skipped
    metrics = version.version.metrics
    for name in ("g_top_freq", "p_top_freq", "gp_top_freq"):
        assert metrics["two_stage.ndcg"] > metrics[f"{name}.ndcg"]
    assert metrics["candidate_recall_new.2017-11-01"] < metrics["candidate_recall.2017-11-01"]
    found = evaluate_next_product(at_home.settings)
    assert set(found["views"]) == {"all", "new_product", "new_type", "repeat"}
    for dates in found["views"].values():
        assert set(dates) == {"2017-11-15", "2017-11-29"}
        for methods in dates.values():
            for name, measured in methods.items():
                assert 0 <= measured["ndcg"] <= 1
                assert (name == "two_stage") == ("gain" not in measured)
    methods = found["views"]["all"]["2017-11-15"]
    for name in ("item_knn", "als", "ease", "user_knn"):
        assert methods[name]["gain"]["value"] > 0
    measured = methods["two_stage"]["ndcg"]
    assert measured == pytest.approx(metrics["two_stage.ndcg.2017-11-15"])


def test_baselines_by_hand(model: NextProductModel, moment: Moment) -> None:
    place = moment.asked[0]
    history = moment.histories[place]
    lists = {name: top(of[0], 10) for name, of in simple_scores(moment, [place]).items()}
    popular = moment.catalogue.statistics["product_baskets_28d"]
    assert popular[lists["g_top_freq"]].min() >= np.sort(popular)[-10]
    places = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["p_top_freq"]]
    assert sorted(history.baskets[places], reverse=True) == sorted(history.baskets, reverse=True)[:10]
    faded = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["decayed_p_top_freq"][: len(history)]]
    assert sorted(history.decayed[faded], reverse=True) == sorted(history.decayed, reverse=True)[: len(faded)]
    few = next(i for i, h in enumerate(moment.histories) if 0 < len(h) < 5)
    filled = top(simple_scores(moment, [few])["gp_top_freq"][0], 10)
    assert set(moment.histories[few].codes) <= set(filled)
    assert len(filled) == 10


def test_ease_by_customers_equals_ease_by_products() -> None:
    rng = np.random.default_rng(3)
    bought = [np.sort(rng.choice(30, rng.integers(1, 9), replace=False)) for _ in range(12)]
    histories = [a_history(codes) for codes in bought]
    matrix = np.zeros((12, 30))
    for row, codes in enumerate(bought):
        matrix[row, codes] = 1
    inverse = np.linalg.inv(matrix.T @ matrix + LAMBDA * np.eye(30))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    found = fit_reference(histories, 30).ease(histories)
    np.testing.assert_allclose(found, matrix @ weights, rtol=1e-3, atol=1e-5)


def a_history(codes: np.ndarray) -> History:
    ones = np.ones(len(codes))
    nothing = TypeHistory(np.zeros(0, dtype="int64"), *(np.zeros(0) for _ in range(3)))
    return History(codes, ones, ones, ones * np.nan, ones, nothing, np.zeros(3))


def test_neighbours_leave_out_the_customers_own_row() -> None:
    histories = [a_history(np.array(codes)) for codes in ([0, 1], [0, 1, 2], [3], [3, 4])]
    scores = fit_reference(histories, 5).neighbours(histories)
    assert scores[0, 2] > 0
    assert scores[0, 3] == scores[0, 4] == 0
    assert scores[2, 4] > 0


def test_tifu_fades_within_and_across_groups() -> None:
    rows = [{"customer": 0, "product": place, "place": place, "orders": 9} for place in range(9)]
    vectors = customer_vectors(pd.DataFrame(rows), 2, 9).toarray()[0]
    starts = [-(-group * 9 // 7) for group in range(8)]
    wanted = np.zeros(9)
    for group in range(7):
        members = list(range(starts[group], starts[group + 1]))
        for number, place in enumerate(members):
            wanted[place] = 0.9 ** (len(members) - 1 - number) / len(members) * 0.7 ** (6 - group) / 7
    np.testing.assert_allclose(vectors, wanted)
    assert (vectors > 0).all()


def test_lists_are_compared_on_the_same_customers() -> None:
    good, bad = [np.array([1, 2]), np.array([3])], [np.array([7, 2]), np.array([8])]
    found = compare({"good": good, "bad": bad}, [frozenset({1}), frozenset({3})], [1, 2], frozenset({7}), 10)
    ideal = 1 + 1 / np.log2(3)
    assert found["good"]["ndcg"] == pytest.approx((1 + 1 / ideal) / 2)
    assert found["good"]["recall"] == pytest.approx(0.75)
    assert found["bad"]["hit_rate"] == 0.0
    assert found["good"]["coverage"] == pytest.approx(0.3)
    assert found["bad"]["head_share"] == pytest.approx(1 / 3)
    assert "gain" not in found["good"]


def test_types_bought_before_are_not_suggested(model: NextProductModel, moment: Moment) -> None:
    for history, _ in list(moment.questions())[:20]:
        suggested = top(model.types.scores(history, model.catalogue), 10)
        assert not set(suggested) & set(types_of(history, model.catalogue))
        assert "" not in model.catalogue.type_names[suggested]


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
        product_new_buyers_28d=0.0,
        product_trend=1.0,
        product_price=1.0,
        product_repeat_rate=0.0,
        product_cycle_days=np.nan,
    )
    assert make_catalogue(products, statistics, 5).ids.tolist() == ["a", "c", "d"]
