"""The value model of the world: what it reads, what it answers, and what is registered with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from core.errors import StateError
from core.settings import StoreSettings
from features.engine.duckdb import connect
from features.store.feature_store import Store
from tests.conftest import World, inside
from training.customer_value.dataset import ValueSet, value_set
from training.customer_value.model import ValueModel
from training.customer_value.pipeline import VALUE
from training.customer_value.settings import ValueSettings
from training.evaluation.amounts import METRICS
from training.lifecycle.runner import champion, evaluate, model_fingerprint, train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.monitoring.realised import offer_weeks, risk_weeks, with_outcomes

TEST = datetime(2017, 10, 3, tzinfo=UTC)
METHODS = {"champion", "recent_spend", "rate", "bg_nbd_gamma_gamma", "dynamics"}


@pytest.fixture(scope="module")
def model(world: World) -> ValueModel:
    with inside(world.directory):
        return champion(VALUE, world.settings).artifact


@pytest.fixture(scope="module")
def rows(world: World) -> ValueSet:
    with inside(world.directory):
        return value_set(world.settings, Store(world.settings), [TEST])


def test_the_split_is_by_time(at_home: World, model: ValueModel) -> None:
    split = at_home.schedule.splits["value"]
    assert split.test == (TEST,)
    assert len(split.train) > 10
    assert model.labels_end == max(split.train) + timedelta(days=91) <= TEST
    assert list(model.origin.training_snapshots) == [f"{moment:%Y-%m-%d}" for moment in split.train]


def test_labels_are_what_was_bought_after_the_test_snapshot(at_home: World, rows: ValueSet) -> None:
    con = connect(at_home.settings)
    file = at_home.settings[StoreSettings].data / "contract" / "transactions.parquet"
    lines = con.to_pandas(con.read_parquet(file))
    known = lines[(lines.event_timestamp < TEST) & (lines.quantity > 0)]
    assert list(rows.customers) == sorted(known.customer_id.unique())
    later = lines[
        (lines.event_timestamp >= TEST) & (lines.event_timestamp < TEST + timedelta(days=91)) & (lines.quantity > 0)
    ]
    wanted = later.groupby("customer_id").amount.sum().reindex(rows.customers).fillna(0.0)
    np.testing.assert_allclose(rows.spent, wanted.to_numpy(dtype="float64"), rtol=1e-9)
    orders = later.groupby("customer_id").order_id.nunique().reindex(rows.customers).fillna(0)
    np.testing.assert_array_equal(rows.orders, orders.to_numpy(dtype="float64"))
    assert ((rows.next_days >= 0) & (rows.next_days < 91)).sum() == (rows.orders > 0).sum()


def test_every_amount_has_its_interval_and_reasons_that_add_up(model: ValueModel, rows: ValueSet) -> None:
    one = model.forecast(rows.columns, len(rows))
    for middle, low, high in (
        (one.amount, one.amount_low, one.amount_high),
        (one.orders, one.orders_low, one.orders_high),
    ):
        assert (low >= 0).all()
        assert (low <= middle).all()
        assert (middle <= high).all()
    expected = ~np.isnan(one.next_days)
    assert 0.5 < expected.mean() <= 1
    assert (one.next_low[expected] <= one.next_days[expected]).all()
    assert (one.next_days[expected] <= one.next_high[expected]).all()
    assert ((one.alive >= 0) & (one.alive <= 1)).all()
    contributions = model.contributions(model.inputs(rows.columns, len(rows)))
    assert contributions.shape == (len(rows), len(model.features) + 1)
    np.testing.assert_allclose(contributions.sum(axis=1), np.log(one.amount), atol=1e-8)
    assert np.abs(contributions[:, :-1]).sum() > 0


def test_one_customer_is_answered_as_all_together(model: ValueModel, rows: ValueSet) -> None:
    every = model.forecast(rows.columns, len(rows))
    for place in (0, len(rows) // 2, len(rows) - 1):
        own = rows.rows(np.array([place]))
        one = model.forecast(own.columns, 1)
        for name, values in vars(every).items():
            np.testing.assert_array_equal(getattr(one, name), values[[place]])


def test_saved_and_loaded_is_the_same(model: ValueModel, rows: ValueSet, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = ValueModel.load(tmp_path)
    assert again.start == model.start
    assert (again.ratios, again.origin, again.typical) == (model.ratios, model.origin, model.typical)
    for name, values in vars(model.forecast(rows.columns, len(rows))).items():
        np.testing.assert_array_equal(getattr(again.forecast(rows.columns, len(rows)), name), values)
    assert not [file for file in tmp_path.rglob("*") if file.suffix in {".pkl", ".pickle"}]


def test_a_changed_file_of_trees_is_refused(model: ValueModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    file = tmp_path / "amount" / "booster.txt"
    file.write_text(file.read_text() + " ")
    with pytest.raises(StateError, match="checksum"):
        ValueModel.load(tmp_path)


def test_the_money_behind_an_amount_is_no_input(model: ValueModel) -> None:
    assert model.features
    assert not [name for name in model.features if name.startswith(("cycle_", "margin_"))]
    assert model.background.shape[1] == len(model.features)
    assert model.background.shape[0] > 5


def test_a_customer_without_a_purchase_has_no_forecast(model: ValueModel) -> None:
    one = model.forecast({"contacts_84d": np.array([3.0])}, 1)
    assert all(np.isnan(values).all() for values in vars(one).values())


def test_evaluation_has_every_method_with_intervals(at_home: World) -> None:
    found = evaluate(VALUE, at_home.settings)
    assert set(found) == {
        "protocol",
        "methods",
        "orders",
        "next_order",
        "interval_coverage",
        "grade",
        "grading",
    }
    assert set(found["methods"]) == METHODS
    for metrics in found["methods"].values():
        assert tuple(metrics) == METRICS
        for metric, one in metrics.items():
            assert one["low"] < one["high"]
            # draws add noise to a sum of distances, so that they lie above it where customers are few
            assert one["low"] <= one["value"] <= one["high"] or metric == "decile_error"
    assert 0.65 < found["interval_coverage"]["value"] < 0.95
    assert set(found["next_order"]["methods"]) == {"champion", "last_plus_mean_gap", "own_rate"}
    days = {name: one["median_error_days"]["value"] for name, one in found["next_order"]["methods"].items()}
    assert days["champion"] < days["last_plus_mean_gap"]
    assert found["protocol"]["test_snapshots"] == ["2017-10-03"]
    assert found["grading"]["best_rule"] in METHODS - {"champion"}
    assert "amounts" in found["grading"]["words"]


def test_the_run_holds_metrics_pictures_and_a_card(at_home: World) -> None:
    version = Tracking(at_home.settings[TrackingSettings]).champion("encore-value")
    assert version.metrics["champion.mae"] < version.metrics["rate.mae"]
    pictures = mlflow.artifacts.list_artifacts(run_id=version.run_id, artifact_path="pictures")
    assert {Path(one.path).stem for one in pictures} == {"lorenz", "deciles"}
    card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/model_card.md")
    for words in (
        "# Value model, grade",
        "recent_spend",
        "error over deciles",
        "Inside their interval",
        "Gini: normalised",
    ):
        assert words in card
    (mean, mae, gini) = VALUE.headlines(version.metrics)
    assert mean.baseline is None
    assert float(mae.value.replace(",", "")) == pytest.approx(version.metrics["champion.mae"], abs=0.06)
    assert gini.baseline_name in METHODS


def test_training_again_is_skipped_whatever_the_money_costs(at_home: World) -> None:
    settings = at_home.settings
    assert train(VALUE, settings).skipped
    costly = settings[ValueSettings].model_copy(update={"contact_cost": 2.0, "months": 36, "discount_rate": 0.2})
    before = model_fingerprint(VALUE, settings, "built")
    assert model_fingerprint(VALUE, settings.replaced(costly), "built") == before
    longer = settings[ValueSettings].model_copy(update={"horizon_days": 56})
    assert model_fingerprint(VALUE, settings.replaced(longer), "built") != before


def test_a_version_of_another_horizon_is_refused(at_home: World, model: ValueModel) -> None:
    VALUE.check("encore-value/1", model, at_home.settings)
    other = replace(model, start=replace(model.start, horizon_days=30))
    with pytest.raises(StateError, match=r"30 days; value\.horizon_days is 91"):
        VALUE.check("encore-value/1", other, at_home.settings)


def test_outcomes_are_the_amounts_that_were_spent(at_home: World, rows: ValueSet) -> None:
    asked = pd.DataFrame({"customer_id": rows.customers[:40].tolist(), "as_of": pd.Timestamp(TEST)})
    asked["as_of"] = asked["as_of"].dt.as_unit("us")
    asked["snapshot"] = asked["as_of"]
    found = VALUE.outcomes(at_home.settings, asked)
    assert found["customer_id"].tolist() == rows.customers[:40].tolist()
    np.testing.assert_allclose(found["outcome"], rows.spent[:40])
    assert (found["outcome"] > 0).sum() > 20


def test_monitoring_joins_amounts_and_measures_no_risk(at_home: World, rows: ValueSet) -> None:
    answers = pd.DataFrame(
        {"customer_id": rows.customers[:40].tolist(), "model": "encore-value/1", "risk": None, "offers": None}
    )
    answers["as_of"] = pd.Series([pd.Timestamp(TEST)] * len(answers)).dt.as_unit("us")
    answers["snapshot"] = answers["as_of"]
    known = with_outcomes(VALUE, at_home.settings, answers, at_home.schedule.as_of)
    found = dict(zip(known["customer_id"], known["outcome"], strict=True))
    assert [found[one] for one in rows.customers[:40]] == pytest.approx(rows.spent[:40].tolist())
    assert risk_weeks(known[known["risk"].notna()]) == []
    assert offer_weeks(known[known["offers"].notna()]) == []
    earlier = with_outcomes(VALUE, at_home.settings, answers, TEST + timedelta(days=60))
    assert earlier["outcome"].isna().all()
