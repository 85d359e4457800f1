"""Candidates, ranking and offers: what each promises, checked on real customers."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.config import NextProductSettings
from features.errors import DataError
from features.store import Store
from serving.offering import Query
from serving.scorer import Scorer
from tests.conftest import NOW, World
from tests.training.shelf import a_history
from training.next_product.baselines import simple_scores
from training.next_product.candidates import find_candidates
from training.next_product.catalogue import STATISTICS, make_catalogue
from training.next_product.dataset import Moment, Moments
from training.next_product.fit import examples, fit_purchases
from training.next_product.history import History, read_history
from training.next_product.inputs import FEATURES
from training.next_product.metrics import Shelf, Wanted, compare
from training.next_product.model import NextProductModel
from training.next_product.offers import KINDS, Kind, Offer, Request, recommend
from training.next_product.pipeline import evaluate_next_product, model_at, train_next_product
from training.next_product.reference import LAMBDA, fit_reference
from training.next_product.rules import Block, Policy, Rules
from training.next_product.segments import fit_segments
from training.next_product.sources import top
from training.next_product.tifu import customer_vectors
from training.next_product.type_offers import recommend_types
from training.next_product.types import types_of


@pytest.fixture(scope="module")
def moment(world: World, store: Store) -> Moment:
    return Moments(world.settings, store).at(world.schedule.next_test[0])


@pytest.fixture(scope="module")
def model(world: World, scorer: Scorer, moment: Moment) -> NextProductModel:
    """The champion with everything but what it learned from labels as of the test snapshot."""
    assert scorer.offering.champion is not None
    return model_at(moment, scorer.offering.champion.learned, world.settings)


@pytest.fixture(scope="module")
def histories(moment: Moment) -> list[History]:
    """Active customers at the test snapshot."""
    return [moment.histories[place] for place in moment.active]


def offered(
    model: NextProductModel,
    histories: list[History],
    kind: Kind,
    limit: int,
    rules: Rules | None = None,
    **request: Any,
) -> list[list[Offer]]:
    policy = Policy(rules or Rules(), model.catalogue)
    return list(recommend(model, policy, histories, Request(kind, limit, NOW, **request)))


def test_candidates_are_distinct_and_own_places_are_right(model: NextProductModel, histories: list[History]) -> None:
    candidates = find_candidates(histories[:50], model.sources, model.upgrades)
    for history, found in zip(histories[:50], candidates, strict=True):
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
    assert all(following <= bought for following in moment.bought)


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


@pytest.fixture(scope="module")
def raw(world: World, moment: Moment) -> pd.DataFrame:
    """Order lines before the test snapshot that are evidence of taste, with type and whether the product is listed."""
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    lines = lines[(lines["event_timestamp"] < moment.snapshot) & (lines["quantity"] > 0) & (lines["amount"] > 0)]
    products = pd.read_parquet(world.directory / "data/contract/products.parquet")
    joined = lines.merge(products[["product_id", "type", "active"]], on="product_id", how="left")
    joined["listed"] = joined["product_id"].isin(moment.catalogue.ids)
    return joined[joined["active"].astype("boolean").fillna(value=True)]


def check_counts(raw: pd.DataFrame, offers: list[Offer], paths: set[str]) -> int:
    """Count again who bought the anchors and the product; return how many offers were checked."""
    checked = 0
    listed = raw[raw["listed"]]
    by_product, everybody = listed.groupby("product_id")["customer_id"].agg(set), listed["customer_id"].nunique()
    for offer in offers:
        evidence = offer.evidence
        if evidence.path in paths:
            anchors = set(by_product[str(evidence.anchor_id)])
            if evidence.second_id is not None:
                anchors &= by_product[evidence.second_id]
            both = len(anchors & by_product[offer.product_id])
            assert evidence.together == both
            assert evidence.customers == everybody
            chance = len(anchors) * len(by_product[offer.product_id]) / everybody
            assert evidence.lift == pytest.approx(both / chance)
            assert both >= 5
            checked += 1
    return checked


def test_evidence_of_products_bought_together_is_counted_in_the_raw_lines(
    model: NextProductModel, histories: list[History], raw: pd.DataFrame
) -> None:
    offers = [offer for some in offered(model, histories[:80], "cross_sell", 5) for offer in some]
    assert check_counts(raw, offers, {"together"}) > 20
    assert check_counts(raw, offers, {"similar"}) > 5


def test_evidence_of_a_type_is_counted_in_the_raw_lines(
    model: NextProductModel, histories: list[History], raw: pd.DataFrame
) -> None:
    facts, listed = model.facts, raw[raw["listed"]]
    everybody = listed["customer_id"].nunique()
    by_type, by_product = (listed.groupby(name)["customer_id"].agg(set) for name in ("type", "product_id"))
    checked = 0
    for history in histories[:40]:
        for code in model.catalogue.head.tolist()[:5]:
            evidence = facts._with_type(history, code)  # reached where nothing similar was bought, which is seldom
            if evidence is not None:
                buyers, product = by_type[str(evidence.anchor_type)], by_product[str(model.catalogue.ids[code])]
                assert evidence.together == len(buyers & product)
                assert evidence.lift == pytest.approx(len(buyers & product) * everybody / len(buyers) / len(product))
                checked += 1
    assert checked > 20


def test_evidence_of_prices_is_counted_in_the_raw_lines(
    model: NextProductModel, moment: Moment, raw: pd.DataFrame
) -> None:
    known = sorted(raw["customer_id"].unique())
    start = pd.Timestamp(moment.snapshot) - pd.Timedelta(days=182)
    contents = dict(zip(model.catalogue.ids, model.catalogue.contents, strict=True))
    checked = 0
    for place in moment.active[:40]:
        mine = raw[(raw["customer_id"] == known[place]) & (raw["event_timestamp"] >= start)]
        (offers,) = offered(model, [moment.histories[place]], "up_sell", 3)
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
    model: NextProductModel, moment: Moment, raw: pd.DataFrame
) -> None:
    known = sorted(raw["customer_id"].unique())
    checked = 0
    for place in moment.active[:40]:
        mine = raw[raw["customer_id"] == known[place]]
        (offers,) = offered(model, [moment.histories[place]], "repeat", 3)
        for offer in offers:
            own = mine[mine["product_id"] == offer.product_id]
            firsts = own.groupby("order_id")["event_timestamp"].min()
            since = (moment.snapshot - firsts.max()).total_seconds() / 86400
            assert offer.evidence.baskets == len(firsts)
            assert offer.evidence.days_since == pytest.approx(since, abs=1e-4)
            if offer.evidence.cycle_is_own:
                cycle = (firsts.max() - firsts.min()).total_seconds() / 86400 / (len(firsts) - 1)
                assert offer.evidence.cycle_days == pytest.approx(cycle, abs=1e-4)
            checked += 1
    assert checked > 20


def test_larger_packs_are_larger_and_cheaper(model: NextProductModel, histories: list[History]) -> None:
    offers = [offer for some in offered(model, histories, "cross_sell", 10) for offer in some]
    found = [offer for offer in offers if offer.evidence.path == "larger_pack"]
    assert found
    for offer in found:
        evidence = offer.evidence
        assert evidence.price is not None
        assert evidence.usual_price is not None
        assert evidence.saving == pytest.approx(1 - evidence.price / evidence.usual_price)
        assert (evidence.saving or 0) >= 0.05


def test_a_customer_without_history_gets_what_is_popular(model: NextProductModel) -> None:
    nobody = read_history({}, model.catalogue, 0.0, 0.0)
    (offers,) = offered(model, [nobody], "next", 5)
    assert len(offers) == 5
    assert {offer.evidence.path for offer in offers} == {"popular"}
    assert {offer.probability for offer in offers} == {None}
    assert len(model.upgrades.better(nobody)) == 0


@pytest.mark.parametrize(("stored", "consent"), [(0.0, False), (1.0, True), (None, None), (np.nan, None)])
def test_what_is_on_file_is_read_from_the_store(
    model: NextProductModel, stored: float | None, consent: bool | None
) -> None:
    values = {"marketing_consent": stored, "attribute_region": "north", "attribute_plan": None}
    history = read_history(values, model.catalogue, 0.0, 0.0)
    assert history.consent is consent
    assert history.attributes == {"region": "north"}
    policy = Policy(Rules(), model.catalogue)
    assert policy.withholds(history) == (consent is False)


def test_a_customer_of_whom_only_attributes_are_known_gets_what_others_like_them_buy(
    model: NextProductModel, histories: list[History], moment: Moment
) -> None:
    alike = [replace(h, attributes={"region": "north" if i % 2 else "south"}) for i, h in enumerate(moment.histories)]
    segments = fit_segments(alike, len(model.catalogue))
    told = replace(model, segments=segments)
    newcomer = replace(read_history({}, model.catalogue, 0.0, 0.0), attributes={"region": "north"})
    (offers,) = offered(told, [newcomer], "next", 5)
    north = [h for h in alike if h.attributes["region"] == "north" and (h.days_since < 28).any()]
    for offer in offers:
        assert offer.evidence.path == "popular_alike"
        assert (offer.evidence.attribute, offer.evidence.value) == ("region", "north")
        code = model.catalogue.codes([offer.product_id])[0]
        assert offer.evidence.buyers == sum((h.days_since[h.codes == code] < 28).any() for h in north)
        assert offer.evidence.of == len(north)
    bought = [offer.evidence.buyers or 0 for offer in offers]
    assert bought == sorted(bought, reverse=True)
    (with_basket,) = offered(told, [newcomer], "next", 5, basket=model.catalogue.codes([offers[0].product_id]))
    assert [offer.product_id for offer in with_basket[:4]] == [offer.product_id for offer in offers[1:]]


def test_a_product_without_sales_is_offered_to_who_buys_its_type(
    model: NextProductModel, histories: list[History]
) -> None:
    history = histories[0]
    types = model.catalogue.types
    mine = types.codes[history.codes[types.known[types.codes[history.codes]]]]
    kind = int(np.bincount(mine).argmax())
    unsold = next(c for c in np.flatnonzero(types.codes == kind) if c not in history.codes)
    arrivals = np.zeros(len(model.catalogue), dtype=bool)
    arrivals[unsold] = True
    fresh = replace(model, catalogue=replace(model.catalogue, arrivals=arrivals))
    (offers,) = offered(fresh, [history], "next", 5)
    assert offers[-1].product_id == str(model.catalogue.ids[unsold])
    assert offers[-1].evidence.path == "arrival"
    (none,) = offered(fresh, [history], "next", 5, Rules(arrivals=0))
    assert "arrival" not in {offer.evidence.path for offer in none}
    stranger = read_history({}, model.catalogue, 0.0, 0.0)
    (others,) = offered(fresh, [stranger], "next", 5)
    assert "arrival" not in {offer.evidence.path for offer in others}


def test_online_and_offline_offers_are_the_same(world: World, store: Store, scorer: Scorer) -> None:
    as_of = world.schedule.as_of
    offline = Moments(world.settings, store).at(as_of)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    customers = sorted(lines["customer_id"].unique())
    served = scorer.offering.champion
    assert served is not None
    np.testing.assert_array_equal(served.catalogue.ids, offline.catalogue.ids)
    for name, values in offline.catalogue.statistics.items():
        np.testing.assert_array_equal(served.catalogue.statistics[name], values, err_msg=name)
    for place in range(0, 60, 6):
        (wanted,) = offered(served, [offline.histories[place]], "next", 10)
        (found,) = scorer.offers([customers[place]], as_of, Query(limit=10), "en")
        assert [o.product_id for o in found.offers] == [o.product_id for o in wanted]
        assert [o.probability for o in found.offers] == pytest.approx([o.probability for o in wanted])


def test_saved_and_loaded_ranks_the_same_and_names_no_customer(
    model: NextProductModel, histories: list[History], tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = NextProductModel.load(tmp_path)
    (wanted,), (found,) = (m.rank(histories[:1]) for m in (model, loaded))
    np.testing.assert_array_equal(found.codes, wanted.codes)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities)
    assert loaded.habits.step(histories[0]) == model.habits.step(histories[0])
    assert offered(loaded, histories[:1], "next", 5) == offered(model, histories[:1], "next", 5)
    with np.load(tmp_path / "als.npz") as arrays:
        assert "user_factors" not in arrays


def test_customers_ranked_together_are_ranked_as_alone(model: NextProductModel, histories: list[History]) -> None:
    for place, together in enumerate(model.rank(histories[:70])):
        if place in {0, 30, 69}:
            (alone,) = model.rank([histories[place]])
            np.testing.assert_array_equal(alone.codes, together.codes)


def test_two_stage_beats_every_baseline(at_home: World) -> None:
    version = train_next_product(at_home.settings)
    assert version.skipped
    assert version.version.grade in {"A", "B", "C", "D"}
    metrics = version.version.metrics
    for name in ("g_top_freq", "p_top_freq", "gp_top_freq"):
        assert metrics["two_stage.ndcg"] > metrics[f"{name}.ndcg"]
    assert metrics["candidate_recall_new.2017-11-01"] < metrics["candidate_recall.2017-11-01"]
    found = evaluate_next_product(at_home.settings)
    assert found["grade"] == version.version.grade
    assert set(found["views"]) == {"all", "new_product", "new_type", "up_sell", "repeat"}
    for view, dates in found["views"].items():
        assert set(dates) == {"2017-11-15", "2017-11-29"}
        for methods in dates.values():
            first = next(iter(methods))
            assert first == ("ease" if view == "new_type" else "two_stage")
            for name, measured in methods.items():
                assert 0 <= measured["ndcg"] <= 1
                assert (name == first) == ("gain" not in measured)
    methods = found["views"]["all"]["2017-11-15"]
    for name in ("item_knn", "als", "ease", "user_knn"):
        assert methods[name]["gain"]["value"] > 0
    assert methods["two_stage"]["ndcg"] == pytest.approx(metrics["two_stage.ndcg.2017-11-15"])
    up_sell = found["views"]["up_sell"]["2017-11-15"]["two_stage"]
    assert up_sell["pairs"] > up_sell["pairs_bought"] > 0
    assert 0.5 < up_sell["pair_auc"] < 1
    for recall in found["candidate_recall"].values():
        assert 0 < recall["new_product"] < recall["all"] < 1
    for promised in found["probability"].values():
        assert promised["ece"] < 0.05
        assert promised["offers"] > 1000


def test_baselines_by_hand(model: NextProductModel, moment: Moment, histories: list[History]) -> None:
    history = histories[0]
    lists = {name: top(of[0], 10) for name, of in simple_scores([history], moment.catalogue).items()}
    popular = moment.catalogue.popularity
    assert popular[lists["g_top_freq"]].min() >= np.sort(popular)[-10]
    places = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["p_top_freq"]]
    assert sorted(history.baskets[places], reverse=True) == sorted(history.baskets, reverse=True)[:10]
    faded = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["decayed_p_top_freq"][: len(history)]]
    assert sorted(history.decayed[faded], reverse=True) == sorted(history.decayed, reverse=True)[: len(faded)]
    few = next(h for h in moment.histories if 0 < len(h) < 5)
    filled = top(simple_scores([few], moment.catalogue)["gp_top_freq"][0], 10)
    assert set(few.codes) <= set(filled)
    assert len(filled) == 10


def test_the_baseline_of_an_experiment_is_the_baseline_of_the_evaluation(
    model: NextProductModel, histories: list[History]
) -> None:
    for history, offers in zip(histories[:20], offered(model, histories[:20], "next", 5, baseline=True), strict=True):
        scores = simple_scores([history], model.catalogue)["gp_top_freq"][0]
        scores[history.codes[history.days_since < 0.125]] = 0.0  # bought moments ago
        found = model.catalogue.codes([offer.product_id for offer in offers])
        assert scores[found].tolist() == np.sort(scores)[::-1][:5].tolist()  # which of two equals comes first is open


def test_ease_by_customers_equals_ease_by_products() -> None:
    rng = np.random.default_rng(3)
    bought = [np.sort(rng.choice(30, rng.integers(1, 9), replace=False)) for _ in range(12)]
    histories = [a_history(codes.tolist()) for codes in bought]
    matrix = np.zeros((12, 30))
    for row, codes in enumerate(bought):
        matrix[row, codes] = 1
    inverse = np.linalg.inv(matrix.T @ matrix + LAMBDA * np.eye(30))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    found = fit_reference(histories, 30).ease(histories)
    np.testing.assert_allclose(found, matrix @ weights, rtol=1e-3, atol=1e-5)


def test_neighbours_leave_out_the_customers_own_row() -> None:
    histories = [a_history(codes) for codes in ([0, 1], [0, 1, 2], [3], [3, 4])]
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
    wanted = [Wanted(frozenset({1}), 1), Wanted(frozenset({3}), 2), Wanted(frozenset(), 0)]
    nothing = np.zeros(0, dtype="int64")
    lists = {"good": [*good, nothing], "bad": [*bad, nothing]}
    found = compare(lists, wanted, Shelf(10, frozenset({7})))
    ideal = 1 + 1 / np.log2(3)
    assert found["good"]["ndcg"] == pytest.approx((1 + 1 / ideal) / 2)
    assert found["good"]["recall"] == pytest.approx(0.75)
    assert found["bad"]["hit_rate"] == 0.0
    assert found["good"]["coverage"] == pytest.approx(0.3)
    assert found["bad"]["head_share"] == pytest.approx(1 / 3)
    assert "gain" not in found["good"]


def test_types_bought_before_are_not_suggested_and_their_evidence_counts(
    model: NextProductModel, moment: Moment, histories: list[History], raw: pd.DataFrame
) -> None:
    policy = Policy(Rules(), model.catalogue)
    names, everybody = model.catalogue.types.names, len(moment.histories)
    # what is not listed counts for half a year
    lately = raw["event_timestamp"] >= pd.Timestamp(moment.snapshot) - pd.Timedelta(days=182)
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
                assert offer.evidence.customers == everybody
                anchor, buyers = by_type[str(offer.evidence.anchor_type)], by_type[offer.type]
                assert offer.evidence.together == len(anchor & buyers)
                lift = len(anchor & buyers) * everybody / (len(anchor) * len(buyers))
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
    pair = first.product_id, str(catalogue.ids[histories[0].codes[0]])
    apart = Policy(Rules(block=Block(pairs=(pair,))), catalogue)
    ((other, *_),) = recommend_types(model, apart, histories[:1], 1)
    assert other.type != first.type
    withdrawn = [replace(histories[0], consent=False)]
    assert list(recommend_types(model, Policy(Rules(), catalogue), withdrawn, 3)) == [[]]


def test_one_training_moment_has_honest_odds(world: World, moment: Moment) -> None:
    fitted = fit_purchases([moment], world.settings.next_product, threads=2)
    found = examples(moment, world.settings.next_product, threads=2)
    odds = fitted.calibration.probability(np.asarray(fitted.booster.predict(found.inputs, raw_score=True)))
    assert odds.mean() == pytest.approx(found.labels.mean(), rel=0.1)


def test_a_rare_product_in_the_basket_hides_no_common_one(model: NextProductModel, histories: list[History]) -> None:
    popular = model.catalogue.head[:1]
    rare = np.argsort(model.sources.buyers)[:3]
    for code in model.catalogue.head[1:6].tolist():
        alone = model.facts.basket(popular, code)
        assert model.facts.basket(np.concatenate([popular, rare]), code) == alone


def test_top_takes_the_highest_positive_scores() -> None:
    assert top(np.array([0.0, 3.0, -1.0, 5.0]), 3).tolist() == [3, 1]
    assert top(np.zeros(0), 3).tolist() == []


def test_a_catalogue_without_products_is_told(at_home: World, store: Store) -> None:
    following = at_home.settings.next_product.model_copy(update={"min_baskets": 10**6})
    settings = at_home.settings.model_copy(update={"next_product": following})
    with pytest.raises(DataError, match=r"at least 1000000 baskets.*min_baskets"):
        Moments(settings, store).at(at_home.schedule.as_of)


def test_products_that_are_not_active_are_not_offered() -> None:
    products = pd.DataFrame({"product_id": ["a", "b", "c", "e", "f"], "type": "t"}).assign(
        **dict.fromkeys(("name", "category", "brand", "brand_tier", "size"))
    )
    products["active"] = pd.Series([True, False, None, True, True], dtype="boolean")
    # e came in lately and has too few baskets, f came long ago
    products["introduced_timestamp"] = pd.Series([None, None, None, "2017-12-20", "2017-06-01"])
    statistics = pd.DataFrame({"product_id": ["a", "b", "c", "d"]}).assign(
        **dict.fromkeys(STATISTICS, 1.0) | {"product_baskets": 9.0}
    )
    catalogue = make_catalogue(products, statistics, NOW, NextProductSettings())
    assert catalogue.ids.tolist() == ["a", "c", "d", "e"]
    assert catalogue.arrivals.tolist() == [False, False, False, True]
    later = catalogue.on_day(catalogue.statistics, NOW + timedelta(days=90), NextProductSettings())
    assert not later.arrivals.any()
    before = make_catalogue(products, statistics, NOW - timedelta(days=20), NextProductSettings())
    assert before.ids.tolist() == ["a", "c", "d"]
