"""What is learned, kept and measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import World
from tests.training.next_product.asking import offered
from training.evaluation.lists import Shelf, Wanted, compare
from training.next_product.dataset import Moment
from training.next_product.fit import examples, fit_purchases
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.pipeline import evaluate_next_product, train_next_product
from training.next_product.settings import NextProductSettings


def test_nothing_of_the_label_window_is_in_a_history(world: World, moment: Moment) -> None:
    assert all((history.days_since > 0).all() for history in moment.histories)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    later = lines[lines["event_timestamp"] >= moment.snapshot]
    bought = set(later["product_id"])
    assert all(following <= bought for following in moment.bought)


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


def test_one_training_moment_has_honest_odds(world: World, moment: Moment) -> None:
    fitted = fit_purchases([moment], world.settings[NextProductSettings], threads=2)
    found = examples(moment, world.settings[NextProductSettings], threads=2)
    odds = fitted.calibration.probability(np.asarray(fitted.booster.predict(found.inputs, raw_score=True)))
    assert odds.mean() == pytest.approx(found.labels.mean(), rel=0.1)


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
