"""What is learned, kept and measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import World
from tests.training.next_product.asking import offered
from training.lifecycle.runner import evaluate, train
from training.next_product.dataset import Dataset
from training.next_product.fit import examples, fit_purchases
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.pipeline import NEXT_PRODUCT
from training.next_product.settings import NextProductSettings


def test_nothing_of_the_label_window_is_in_a_history(world: World, dataset: Dataset) -> None:
    assert all((history.days_since > 0).all() for history in dataset.histories)
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    later = lines[lines["event_timestamp"] >= dataset.snapshot]
    bought = set(later["product_id"])
    assert all(following <= bought for following in dataset.bought)


def test_saved_and_loaded_ranks_the_same_and_names_no_customer(
    model: NextProductModel, histories: list[History], tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = NextProductModel.load(tmp_path)
    (wanted,), (ranked,) = (m.rank(histories[:1]) for m in (model, loaded))
    np.testing.assert_array_equal(ranked.codes, wanted.codes)
    np.testing.assert_allclose(ranked.probabilities, wanted.probabilities)
    assert loaded.habits.step(histories[0]) == model.habits.step(histories[0])
    assert offered(loaded, histories[:1], "next", 5) == offered(model, histories[:1], "next", 5)
    with np.load(tmp_path / "als.npz") as arrays:
        assert "user_factors" not in arrays


def test_customers_ranked_together_are_ranked_as_alone(model: NextProductModel, histories: list[History]) -> None:
    for place, together in enumerate(model.rank(histories[:70])):
        if place in {0, 30, 69}:
            (alone,) = model.rank([histories[place]])
            np.testing.assert_array_equal(alone.codes, together.codes)


def test_one_training_snapshot_has_honest_odds(world: World, dataset: Dataset) -> None:
    fitted = fit_purchases([dataset], world.settings[NextProductSettings], threads=2)
    labelled = examples(dataset, world.settings[NextProductSettings], threads=2)
    odds = fitted.calibration.probability(np.asarray(fitted.booster.predict(labelled.inputs, raw_score=True)))
    assert odds.mean() == pytest.approx(labelled.labels.mean(), rel=0.1)


def test_two_stage_beats_every_baseline(at_home: World) -> None:
    version = train(NEXT_PRODUCT, at_home.settings)
    assert version.skipped
    assert version.version.grade in {"A", "B", "C", "D"}
    metrics = version.version.metrics
    for name in ("g_top_freq", "p_top_freq", "gp_top_freq"):
        assert metrics["two_stage.ndcg"] > metrics[f"{name}.ndcg"]
    assert metrics["candidate_recall_new.2017-11-01"] < metrics["candidate_recall.2017-11-01"]
    evaluation = evaluate(NEXT_PRODUCT, at_home.settings)
    assert evaluation["grade"] == version.version.grade
    assert set(evaluation["views"]) == {"all", "new_product", "new_type", "up_sell", "repeat"}
    for view, dates in evaluation["views"].items():
        assert set(dates) == {"2017-11-15", "2017-11-29"}
        for methods in dates.values():
            assert methods
            first = next(iter(methods))
            assert first == ("ease" if view == "new_type" else "two_stage")
            for name, measured in methods.items():
                assert 0 <= measured["ndcg"] <= 1
                assert (name == first) == ("gain" not in measured)
    methods = evaluation["views"]["all"]["2017-11-15"]
    for name in ("item_knn", "als", "ease", "user_knn"):
        assert methods[name]["gain"]["value"] > 0
    assert methods["two_stage"]["ndcg"] == pytest.approx(metrics["two_stage.ndcg.2017-11-15"])
    up_sell = evaluation["views"]["up_sell"]["2017-11-15"]["two_stage"]
    assert up_sell["pairs"] > up_sell["pairs_bought"] > 0
    assert 0.5 < up_sell["pair_auc"] < 1
    assert set(evaluation["candidate_recall"]) == {"2017-11-15", "2017-11-29"}
    for recall in evaluation["candidate_recall"].values():
        assert 0 < recall["new_product"] < recall["all"] < 1
    assert set(evaluation["probability"]) == {"all", "new_product"}
    for outcomes in evaluation["probability"].values():
        assert outcomes["ece"] < 0.05
        assert outcomes["offers"] > 1000
