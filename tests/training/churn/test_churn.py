"""The fitted churn model: explanations add up, files bring it back, and it beats the rule it replaces."""

import json
from datetime import timedelta
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import shap

from core.arrays import matrix
from core.errors import ConfigError, DataError, StateError
from features.store.feature_store import Store
from tests.conftest import World, inside
from training.churn.baselines import RFM, logistic
from training.churn.dataset import ChurnSet, churn_set, usable_features
from training.churn.definition import check_definition
from training.churn.evaluation import grade
from training.churn.fit import fit
from training.churn.leakage import leakage_report
from training.churn.model import ChurnModel
from training.churn.pictures import bar, beeswarm
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.churn.slices import slices_of
from training.churn.trees import Trees
from training.evaluation.bootstrap import Draws
from training.evaluation.metrics import Scored, measure
from training.lifecycle.judge import unseen_by
from training.lifecycle.runner import champion, context_of, evaluate, train


@pytest.fixture(scope="module")
def rows(world: World, store: Store) -> ChurnSet:
    return churn_set(world.settings, store, world.schedule.splits["churn"].test)


@pytest.fixture(scope="module")
def model(world: World) -> ChurnModel:
    with inside(world.directory):
        return champion(CHURN, world.settings).artifact


def test_contributions_and_base_value_sum_to_the_margin(model: ChurnModel, rows: ChurnSet) -> None:
    inputs = model.inputs(rows.columns, len(rows))
    np.testing.assert_allclose(model.contributions(inputs).sum(axis=1), model.margin(inputs), atol=1e-9)


def test_contributions_are_those_of_shap(model: ChurnModel, rows: ChurnSet) -> None:
    inputs = model.inputs(rows.columns, len(rows))[:50]
    assert isinstance(model.scorer, Trees)
    explained = shap.TreeExplainer(model.scorer.booster).shap_values(inputs)
    np.testing.assert_allclose(np.asarray(explained), model.contributions(inputs)[:, :-1], atol=1e-9)


def test_a_single_row_is_scored_like_a_batch(model: ChurnModel, rows: ChurnSet) -> None:
    inputs = model.inputs(rows.columns, len(rows))[:20]
    alone = np.concatenate([model.risk(row.reshape(1, -1)) for row in inputs])
    np.testing.assert_array_equal(alone, model.risk(inputs))


def test_saved_and_loaded_is_the_same(model: ChurnModel, rows: ChurnSet, tmp_path: Path) -> None:
    inputs = model.inputs(rows.columns, len(rows))
    model.save(tmp_path)
    again = ChurnModel.load(tmp_path)
    np.testing.assert_array_equal(again.risk(inputs), model.risk(inputs))
    assert again.features == model.features
    assert again.definition == model.definition


def test_fitting_again_gives_the_same_model(world: World, store: Store) -> None:
    schedule = world.schedule
    rows = churn_set(world.settings, store, (*schedule.splits["churn"].train, *schedule.splits["churn"].validation))
    fitted, validation = rows.at(schedule.splits["churn"].train), rows.at(schedule.splits["churn"].validation)
    churn = world.settings[ChurnSettings]
    one, two = (fit(train=fitted, validation=validation, churn=churn, threads=2) for _ in range(2))
    assert isinstance(one.scorer, Trees)
    assert isinstance(two.scorer, Trees)
    assert one.scorer.booster.model_to_string() == two.scorer.booster.model_to_string()
    assert one.calibration == two.calibration


def test_the_champion_beats_recency(model: ChurnModel, rows: ChurnSet) -> None:
    risk = model.risk(model.inputs(rows.columns, len(rows)))
    measured = measure(rows.churned, Scored(risk, risk))
    recency = rows.columns["recency_days"]
    rule = measure(rows.churned, Scored(recency, None))
    assert measured["roc_auc"] > rule["roc_auc"] + 0.02
    assert measured["ece"] < 0.06


def test_rfm_is_fitted_on_the_training_rows_alone(rows: ChurnSet, world: World) -> None:
    earlier = rows.at(world.schedule.splits["churn"].test[:1])
    later = rows.at(world.schedule.splits["churn"].test[1:])
    scored = logistic(train=earlier, rows=later, features=RFM)
    assert scored.probabilities is not None
    assert len(scored.probabilities) == len(later)
    assert measure(later.churned, scored)["roc_auc"] > 0.7


def test_columns_that_cannot_exist_are_left_out(rows: ChurnSet) -> None:
    columns = {**rows.columns, "answer_rate": np.full(len(rows), np.nan), "contacts_84d": np.zeros(len(rows))}
    usable, left_out = usable_features(ChurnSet(rows.customers, rows.snapshots, columns, rows.churned))
    assert {"answer_rate", "contacts_84d"} <= set(left_out)
    assert "recency_days" in usable
    assert np.isnan(matrix({}, ["anything"], 2)).all()


def test_a_churn_rate_of_one_is_refused(at_home: World, store: Store) -> None:
    churn = at_home.settings[ChurnSettings].model_copy(update={"gap_days": 365})
    settings = at_home.settings.replaced(churn)
    with pytest.raises(DataError, match=r"churn rate of 100%.*at the test snapshots.*activity_window_days"):
        churn_set(settings, store, at_home.schedule.splits["churn"].test).check("test")


def test_a_model_is_not_measured_on_what_it_was_trained_on(at_home: World, model: ChurnModel) -> None:
    churn = at_home.settings[ChurnSettings]
    tests = at_home.schedule.splits["churn"].test
    context = context_of(CHURN, at_home.settings)
    assert unseen_by("m", model.labels_end, context) is context
    check_definition("m", model.definition, churn)
    assert max(at_home.schedule.splits["churn"].validation) + timedelta(days=28) == model.labels_end
    assert unseen_by("m", tests[1], context).split.test == tests[1:]
    with pytest.raises(StateError, match="train again"):
        unseen_by("m", tests[-1] + timedelta(days=1), context)
    with pytest.raises(StateError, match="horizon_days=14"):
        check_definition("m", model.definition, churn.model_copy(update={"horizon_days": 14}))


def test_training_again_is_skipped_and_a_challenger_leaves_the_champion(at_home: World) -> None:
    first = train(CHURN, at_home.settings)
    assert first.skipped
    churn = at_home.settings[ChurnSettings].model_copy(update={"validation_snapshots": 2})
    other = train(CHURN, at_home.settings.replaced(churn), promote=False)
    assert not other.skipped
    assert other.version.aliases == ("challenger",)
    assert train(CHURN, at_home.settings).version.number == first.version.number


def test_the_run_holds_metrics_pictures_and_a_servable_model(at_home: World, rows: ChurnSet, model: ChurnModel) -> None:
    version = train(CHURN, at_home.settings).version
    assert version.metrics["champion.roc_auc"] > version.metrics["recency.roc_auc"]
    pictures = mlflow.artifacts.list_artifacts(run_id=version.run_id, artifact_path="pictures")
    assert {Path(p.path).stem for p in pictures} == {"calibration", "lift_and_gain", "shap_beeswarm", "shap_bar"}
    served = mlflow.pyfunc.load_model("models:/encore-churn@champion")
    inputs = model.inputs(rows.columns, len(rows))[:5]
    predicted = served.predict(pd.DataFrame(inputs, columns=list(model.features)))
    np.testing.assert_array_equal(predicted["risk"], model.risk(inputs))
    assert served.metadata.signature is not None


def test_pictures_show_the_strongest_features(model: ChurnModel, rows: ChurnSet) -> None:
    inputs = model.inputs(rows.columns, len(rows))[:200]
    strength = np.abs(model.contributions(inputs)[:, :-1]).mean(axis=0)
    strongest = model.features[int(strength.argmax())]
    for figure in (beeswarm(model, inputs), bar(model, inputs)):
        names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert strongest in names
        assert len(set(names) & set(model.features)) >= 10


def test_the_version_carries_its_grade_and_its_card(at_home: World) -> None:
    version = train(CHURN, at_home.settings).version
    assert version.grade in {"A", "B", "C"}
    folder = f"runs:/{version.run_id}"
    card = mlflow.artifacts.load_text(f"{folder}/model_card.md")
    assert card.startswith(f"# Churn model, grade {version.shown_grade}\n")
    assert "buy nothing in the 28 days" in card
    assert "| bg_nbd | 0." in card
    environment = mlflow.artifacts.load_text(f"{folder}/environment.txt")
    assert "lightgbm==" in environment
    params = mlflow.get_run(version.run_id).data.params
    assert params["feature_service"] == "churn_v1"
    assert params["data_start"] == "2017-01-01"
    assert "season_cos" in params["features_left_out"]


def test_evaluation_reports_every_method_with_intervals(at_home: World) -> None:
    evaluation = evaluate(CHURN, at_home.settings)
    methods = {"champion", "recency", "recency_over_gap", "rfm_logistic", "all_features_logistic", "bg_nbd"}
    parts = [evaluation["methods"], *evaluation["by_snapshot"].values()]
    parts += [group for groups in evaluation["by_slice"].values() for group in groups.values()]
    assert len(parts) > 10
    for part in parts:
        assert set(part) == methods
        for metrics in part.values():
            for estimate in metrics.values():
                assert estimate["low"] <= estimate["high"]
    assert set(evaluation["by_snapshot"]) == {"2017-11-01", "2017-11-15", "2017-12-03"}
    assert set(evaluation["by_slice"]) == {"tenure", "value", "income", "age"}
    assert evaluation["protocol"]["training_labels_end"] == "2017-10-31"
    sizes = evaluation["protocol"]["slices"]
    assert sum(group["customers"] for group in sizes["value"].values()) == evaluation["protocol"]["customers"]
    assert evaluation["grade"] == evaluation["grading"]["grade"]
    leakage = evaluation["leakage"]
    assert leakage["features_before_labels"]
    assert 0.5 < leakage["strongest_feature"]["roc_auc"] < leakage["time_split"]["roc_auc"] + 0.05
    assert len(leakage["timestamps"]) == sum(
        len(evaluation["protocol"][f"{group}_snapshots"]) for group in ("training", "validation", "test")
    )


def test_a_slice_that_does_not_exist_is_refused(at_home: World, rows: ChurnSet) -> None:
    churn = at_home.settings[ChurnSettings].model_copy(update={"slices": ("shoe_size",)})
    with pytest.raises(ConfigError, match=r"'shoe_size'.*`customers` has .*income"):
        slices_of(at_home.settings.replaced(churn), rows)


def test_the_leakage_report_sees_a_leak(at_home: World, store: Store, model: ChurnModel, rows: ChurnSet) -> None:
    leaked = {**rows.columns, model.features[0]: rows.churned.astype(float), "recency_days": rows.churned - 1.0}
    with_leak = ChurnSet(rows.customers, rows.snapshots, leaked, rows.churned)
    report = leakage_report(model, everything=with_leak, test=with_leak, churn=at_home.settings[ChurnSettings])
    assert report["strongest_feature"]["roc_auc"] == 1.0
    assert not report["features_before_labels"]
    assert report["random_split"]["roc_auc"] > 0.99


@pytest.mark.parametrize(
    ("champion", "logistic", "ece", "wanted"),
    [
        (0.86, 0.85, 0.01, "A"),
        (0.86, 0.87, 0.01, "B"),
        (0.86, 0.85, 0.03, "B"),
        (0.82, 0.80, 0.01, "B"),
        (0.78, 0.70, 0.01, "C"),
        (0.86, 0.85, 0.09, "D"),
        (0.74, 0.70, 0.01, "D"),
    ],
)
def test_grades_follow_their_rule(champion: float, logistic: float, ece: float, wanted: str) -> None:
    auc = {"champion": champion, "recency": 0.75, "recency_over_gap": 0.6, "all_features_logistic": logistic}
    points = {name: {"roc_auc": value, "ece": ece} for name, value in auc.items()}
    draws = {name: {"roc_auc": value + np.linspace(-0.01, 0.01, 9)} for name, value in auc.items()}
    graded = grade(Draws(points, draws))
    assert graded.grade == wanted
    assert graded.best_rule == "recency"


def test_a_gain_that_may_be_chance_is_a_d() -> None:
    points = {name: {"roc_auc": value, "ece": 0.0} for name, value in (("champion", 0.9), ("recency", 0.7))}
    draws = {"champion": {"roc_auc": np.array([0.6, 0.9, 0.95])}, "recency": {"roc_auc": np.array([0.7, 0.7, 0.7])}}
    assert grade(Draws(points, draws)).grade == "D"


def test_peers_are_thirds_and_those_without_a_habit(model: ChurnModel, rows: ChurnSet) -> None:
    peers = model.peers
    assert peers.by == "amount_usual_28d"
    assert len(peers.groups) == 4
    low, high = (peers.like(value).usual["amount_84d"] for value in (peers.edges[0] - 1, peers.edges[1] + 1))
    assert low < peers.everyone["amount_84d"] < high
    assert peers.like(float("nan")).usual == peers.groups[0]
    assert (peers.like(float("nan")).kind, peers.like(1.0).kind) == ("new", "amount_usual_28d")
    assert peers.groups[0]["tenure_days"] < peers.everyone["tenure_days"]
    second = peers.like(peers.edges[0])
    assert second.usual == peers.groups[2]
    assert all(low <= second.usual[name] <= high for name, (low, high) in second.middle.items())
    spread = peers.all.middle["amount_84d"]
    assert spread == pytest.approx(np.nanquantile(rows.columns["amount_84d"], [0.25, 0.75]), rel=0.5)


def test_a_model_of_before_is_read_and_has_no_verdicts_about_others(model: ChurnModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    file = tmp_path / "model.json"
    meta = json.loads(file.read_text())
    for name in ("typical", "median_margin"):
        del meta[name]
    del meta["peers"]["middles"]
    file.write_text(json.dumps(meta))
    before = ChurnModel.load(tmp_path)
    assert before.peers.all.middle == {}
    assert before.typical_risk == before.base_risk
    assert before.background.tolist() == [[model.peers.everyone[name] for name in model.features]]
    assert model.typical_risk != model.base_risk
    assert model.background.shape == (12, len(model.features))


def test_season_needs_a_year(rows: ChurnSet) -> None:
    assert {"season_sin", "season_cos"} <= set(usable_features(rows)[1])
    years = rows.snapshots.copy()
    years[::2] -= np.timedelta64(400, "D")
    assert "season_sin" in usable_features(ChurnSet(rows.customers, years, rows.columns, rows.churned))[0]
