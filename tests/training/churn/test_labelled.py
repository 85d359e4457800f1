"""Flat files with a label from `encore init` to answers: with customers split, and with a split by time."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from core.stamps import read_stamp
from features.contract.tables import contract_directory
from features.engine.build import build_features, built_schedule
from features.ingest.pipeline import ingest
from features.snapshots import Schedule
from features.store.feature_store import Store
from features.views.profile import ATTRIBUTE
from serving.explain.fidelity import evaluate_reasons
from serving.settings import load_settings
from tests.conftest import Scoring, connected, inside
from tests.telecom import SNAPSHOTS, label_over_time, simulate, write_flat_file, write_with_snapshots
from tests.test_own_data import run
from training.churn.dataset import ChurnSet, churn_set
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.churn.split import OPTIMISTIC, groups
from training.churn.tuning import by_customers
from training.lifecycle import runner
from training.lifecycle.run import answering
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.readiness.check import check_data
from training.registry import MODELS

pytestmark = pytest.mark.world

LATER = datetime(2024, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Company:
    directory: Path
    rows: pd.DataFrame
    printed: dict[str, str]
    settings: Settings
    schedule: Schedule
    model: ChurnModel
    learned: ChurnSet


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Follow the commands of the documentation on the flat file, with the configuration as `encore init` writes it."""
    directory: Path = tmp_path_factory.mktemp("telecom")
    rows = simulate()
    write_flat_file(directory, rows)
    printed = {
        command: run(f"encore {command}", directory, threads=1)
        for command in (
            *("init --from exports", "ingest", "check-data", "demo --no-serve", "evaluate churn"),
            "score --output scores.csv",
        )
    }
    with inside(directory):
        yield company(directory, rows, printed)


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Learn from labels of five snapshots."""
    directory: Path = tmp_path_factory.mktemp("dated")
    rows = simulate(700)
    write_with_snapshots(directory, rows, label_over_time(rows))
    with inside(directory):
        settings = load_settings()
        ingest(settings, LATER)
        build_features(settings, LATER)
        Store(settings).apply()
        runner.train(CHURN, settings)
        Store(settings).materialize()
        yield company(directory, rows, {})


def company(directory: Path, rows: pd.DataFrame, printed: dict[str, str]) -> Company:
    """Return what was trained in the working directory."""
    settings = load_settings()
    schedule, _ = built_schedule(settings)
    model = runner.champion(CHURN, settings).artifact
    split = schedule.splits["churn"]
    learned = churn_set(settings, Store(settings), split.every, split=split)
    return Company(directory, rows, printed, settings, schedule, model, learned)


def test_init_proposes_labels_and_the_command_ends_in_a_served_model(flat: Company) -> None:
    written = (flat.directory / "encore.toml").read_text()
    assert 'kind = "labelled"' in written
    (attributes,) = re.findall(r"^model_attributes = (.*)$", written, re.MULTILINE)
    assert {"TenureMonths", "MonthlyCharges", "Contract"} <= set(json.loads(attributes))
    assert not {"Churn", "gender", "customerID"} & set(json.loads(attributes))
    demo = flat.printed["demo --no-serve"]
    assert "churn model" in demo
    assert "next product" not in demo
    assert "1,000" in next(line for line in demo.splitlines() if "labels read" in line)
    assert "order lines" not in demo


def test_the_model_ranks_as_the_true_odds_do(flat: Company) -> None:
    evaluation = runner.evaluate(CHURN, flat.settings)
    methods = evaluation["methods"]
    assert methods.keys() == {"champion", "one_feature", "all_features_logistic"}
    assert methods["champion"]["roc_auc"]["value"] > 0.75
    assert methods["champion"]["roc_auc"]["value"] > methods["one_feature"]["roc_auc"]["value"]
    assert evaluation["grading"]["best_rule"] == "one_feature"
    assert flat.model.definition.horizon_days is None


def test_attributes_are_numbers_or_categories_by_their_values(flat: Company) -> None:
    assert set(flat.model.numbers) == {"attribute_TenureMonths", "attribute_MonthlyCharges"}
    assert {"attribute_Contract", "attribute_Payment"} <= set(flat.model.categories)
    assert not [name for name in flat.model.features if "churn" in name.lower()]
    missing = flat.rows["TenureMonths"] == ""
    unknown = np.isnan(flat.learned.columns["attribute_TenureMonths"])
    assert set(flat.learned.customers[unknown]) == set(flat.rows.loc[missing, "customerID"])


def test_no_customer_is_in_two_groups(flat: Company) -> None:
    split = flat.schedule.splits["churn"]
    assert split.by_customers
    masks = groups(split, flat.learned.customers, flat.learned.snapshots)
    members = {name: set(flat.learned.customers[mask]) for name, mask in masks.items()}
    assert sum(len(one) for one in members.values()) == len(set().union(*members.values())) == len(flat.rows)
    assert min(len(one) for one in members.values()) > 100
    assert flat.model.origin.training_rows == len(members["train"])
    folds = by_customers(flat.learned)
    assert len(folds) == 3
    for train, validation in folds:
        assert not set(train.customers) & set(validation.customers)


def test_the_figures_are_marked_wherever_they_are_shown(flat: Company) -> None:
    for command in ("demo --no-serve", "evaluate churn"):
        assert OPTIMISTIC in flat.printed[command], command
    assert OPTIMISTIC in (flat.directory / "data" / "check.html").read_text()
    evaluation = json.loads(run("encore evaluate churn --format json", flat.directory, threads=1))
    assert (evaluation["protocol"]["split"], evaluation["protocol"]["caveat"]) == ("customers", OPTIMISTIC)
    auc = evaluation["methods"]["champion"]["roc_auc"]
    mark = f"{OPTIMISTIC}; few customers: AUC {auc['low']:.2f} to {auc['high']:.2f}"
    assert evaluation["grading"]["caveat"] == mark
    assert mark in evaluation["grading"]["summary"]
    version = Tracking(flat.settings[TrackingSettings]).champion("encore-churn")
    assert version.caveat == mark
    assert version.shown_grade == f"{version.grade} ({mark})"
    import mlflow  # noqa: PLC0415 - loaded by now

    with answering():
        assert mlflow.get_run(version.run_id).data.tags["encore.caveat"] == mark
        card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/model_card.md")
    assert card.splitlines()[0].endswith(f"({mark})")
    assert "**No time split: optimistic." in card
    with connected(flat.settings, lambda: LATER) as client:
        (listed,) = client.get("/v1/models").json()["models"]
        assert listed["caveat"] == mark
        customer = flat.rows["customerID"][0]
        answer = client.get(f"/v1/customers/{customer}/explanation").json()
        assert answer["models"]["churn"]["caveat"] == mark
    scores = pd.read_csv(flat.directory / "scores.csv")
    assert set(scores["churn_model_grade"]) == {version.shown_grade}
    assert OPTIMISTIC in run(f"encore explain {customer}", flat.directory, threads=1)


def test_everybody_is_scored_and_reasons_are_given_in_both_languages(flat: Company) -> None:
    scores = pd.read_csv(flat.directory / "scores.csv")
    assert set(scores["customer_id"]) == set(flat.rows["customerID"])
    assert set(scores["tier"]) == {"high", "medium", "low"}
    asked = flat.rows["customerID"].tolist()[:200]
    scoring = Scoring(flat.settings)
    said: dict[str, list[str]] = {}
    for language in ("en", "zh"):
        answers = scoring.ask(asked, "risk", "reasons", language=language)
        assert [one.customer_id for one in answers] == asked
        found = [reason for one in answers for reason in reasons_of(one)]
        said[language] = [reason.text for reason in found]
        themes = {reason.theme for reason in found}
        assert themes <= {name for name in flat.model.features if name.startswith(ATTRIBUTE)}
        assert {"attribute_TenureMonths", "attribute_MonthlyCharges", "attribute_Contract"} <= themes
    linked = r"Linked to a (higher|lower) risk\."
    numbers = re.compile(rf"Tenure months: \d+; typical for all customers: \d+(\.5)?\. {linked}")
    assert sum(bool(numbers.fullmatch(text)) for text in said["en"]) > 50
    charges = re.compile(
        rf"Monthly charges: [\d.]+; (slightly )?(above|below) what is typical for all customers \([\d.]+\)\. {linked}"
    )
    assert any(charges.fullmatch(text) for text in said["en"])
    assert any(re.search(r"Contract: Two year; \d+% of such customers left, \d+% of all", t) for t in said["en"])
    unknown = set(flat.rows.loc[flat.rows["TenureMonths"] == "", "customerID"])
    of_tenure = {
        (one.customer_id in unknown, reason.values["attribute_TenureMonths"] is None)
        for one in scoring.ask(flat.rows["customerID"].tolist(), "reasons")
        for reason in reasons_of(one)
        if reason.theme == "attribute_TenureMonths"
    }
    assert (False, False) in of_tenure
    assert of_tenure <= {(False, False), (True, True)}
    chinese = re.compile(r"Tenure months：\d+；全体客户一般为 [\d.]+。与较[高低]流失风险相关。")
    assert any(chinese.fullmatch(text) for text in said["zh"])
    assert len(said["en"]) == len(said["zh"])


def reasons_of(one: Any) -> list[Any]:
    """Return all reasons of an answer."""
    value = one.parts["reasons"].value
    return [*value.reasons, *value.strengths]


def test_the_api_answers_and_lists_without_offers(flat: Company) -> None:
    with connected(flat.settings, lambda: LATER) as client:
        customer = flat.rows["customerID"][1]
        explained = client.get(f"/v1/customers/{customer}/explanation").json()
        assert explained["models"]["churn"]["definition"]["kind"] == "labelled"
        assert explained["risk"]["tier"] in {"high", "medium", "low"}
        assert explained["reasons"]["reasons"] + explained["reasons"]["strengths"]
        body = {"customer_ids": [customer], "include": ["profile"]}
        profile = client.post("/v1/scores", json=body).json()["scores"][0]["profile"]["profile"]
        row = flat.rows.set_index("customerID").loc[customer]
        assert profile["attribute_MonthlyCharges"] == row["MonthlyCharges"]
        assert profile["attribute_Contract"] == row["Contract"]
        assert client.get(f"/v1/customers/{customer}/offers").status_code == 409
        listed = client.get("/v1/scores", params={"limit": 5}).json()
        assert "attribute_TenureMonths" in json.dumps(listed)


def test_numbers_online_are_those_offline(flat: Company) -> None:
    customers = flat.rows["customerID"].tolist()
    vectors = Store(flat.settings).online.vectors(ChurnSettings.service, customers)
    moments = np.full(len(customers), flat.schedule.as_of.timestamp())
    online = flat.model.columns([vector.values for vector in vectors if vector], moments)
    place = {customer: number for number, customer in enumerate(flat.learned.customers)}
    order = [place[customer] for customer in customers]
    assert len(order) == len(flat.rows)
    for name in flat.model.features:
        np.testing.assert_array_equal(online[name], flat.learned.columns[name][order])


def test_reasons_are_true_on_customers_that_it_did_not_learn_from(flat: Company) -> None:
    measured = evaluate_reasons(flat.settings)
    tests = groups(flat.schedule.splits["churn"], flat.learned.customers, flat.learned.snapshots)["test"]
    assert measured["protocol"]["customers"] == tests.sum()
    assert measured["direction_agreement"]["value"] >= 0.98
    assert measured["missing_values"]["shown_as_known"] == 0


def test_the_moment_stays_while_the_data_do(flat: Company) -> None:
    stamp = read_stamp(contract_directory(flat.settings[StoreSettings]))
    ingest(flat.settings, datetime.now(UTC), full_refresh=True)
    again = read_stamp(contract_directory(flat.settings[StoreSettings]))
    assert again["ingested"] == stamp["ingested"]
    assert build_features(flat.settings, LATER).skipped
    assert runner.train(CHURN, flat.settings).skipped


def test_a_leak_is_refused_in_training_and_named_by_check_data(flat: Company, tmp_path: Path) -> None:
    rows = flat.rows.assign(Standing=np.where(flat.rows["Churn"] == "Yes", "closed", "open"))
    write_flat_file(tmp_path, rows)
    run("encore init --from exports", tmp_path, threads=1)
    written = (tmp_path / "encore.toml").read_text()
    config = re.sub(r"(?m)^model_attributes = .*$", 'model_attributes = ["Contract", "Standing"]', written)
    excluded = re.sub(r"(?m)^excluded_attributes = .*$", 'excluded_attributes = ["gender"]', config)
    (tmp_path / "encore.toml").write_text(excluded)
    with pytest.raises(AssertionError, match=r"customers\.Standing alone separates") as refused:
        run("encore demo --no-serve", tmp_path, threads=1)
    assert "customers.excluded_attributes" in str(refused.value)
    with inside(tmp_path):
        (fitness,) = check_data(load_settings(), LATER, [registered.load() for registered in MODELS]).fitness
    assert fitness.verdict == "unfit"
    assert [finding.what for finding in fitness.findings if finding.verdict == "unfit"] == [
        "customers.Standing alone separates who churned from who stayed, AUC 1.000 on customers held out; from 0.98 on "
        "a column is taken to be written when a customer leaves"
    ]


def test_an_event_leaves_the_risk_of_attributes_as_it_was(flat: Company) -> None:
    customer, at = flat.rows["customerID"][2], flat.schedule.as_of
    body = {"customer_ids": [customer], "include": ["risk", "profile"]}
    with connected(flat.settings, lambda: at) as client:
        before = client.post("/v1/scores", json=body).json()["scores"][0]
        visit = {"kind": "visit", "event_id": "v1", "customer_id": customer, "event_timestamp": at.isoformat()}
        assert client.post("/v1/events", json={"events": [visit]}).json()["applied"]
        after = client.post("/v1/scores", json=body).json()["scores"][0]
    assert after["feature_timestamp"] > before["feature_timestamp"]
    assert after["risk"] == before["risk"]
    name = "attribute_MonthlyCharges"
    assert after["profile"]["profile"][name] == before["profile"]["profile"][name] == flat.rows["MonthlyCharges"][2]


def test_snapshots_are_split_by_time_and_figures_are_not_optimistic(dated: Company) -> None:
    split = dated.schedule.splits["churn"]
    assert not split.by_customers
    assert split.every == SNAPSHOTS
    assert max(split.train) < min(split.validation) <= max(split.validation) < min(split.test)
    assert dated.schedule.as_of == SNAPSHOTS[-1]
    evaluation = runner.evaluate(CHURN, dated.settings)
    assert (evaluation["protocol"]["split"], evaluation["protocol"]["caveat"]) == ("time", None)
    assert OPTIMISTIC not in json.dumps(evaluation)
    version = Tracking(dated.settings[TrackingSettings]).champion("encore-churn")
    assert str(version.caveat).startswith("few customers: AUC 0.")


def test_two_snapshots_are_split_by_customers_and_measured(tmp_path: Path) -> None:
    rows = simulate(700)
    labelled = label_over_time(rows)
    write_with_snapshots(tmp_path, rows, labelled[labelled["snapshot"] <= SNAPSHOTS[1].isoformat()])
    with inside(tmp_path):
        settings = load_settings()
        ingest(settings, LATER)
        split = build_features(settings, LATER).schedule.splits["churn"]
        Store(settings).apply()
        runner.train(CHURN, settings)
        evaluation = runner.evaluate(CHURN, settings)
        tuned = CHURN.tune(settings, 1, lambda _share, _doing: None)
    assert (split.by_customers, split.every) == (True, SNAPSHOTS[:2])
    assert evaluation["protocol"]["test_snapshots"] == ["2024-01-01", "2024-02-01"]
    assert evaluation["protocol"]["caveat"] == OPTIMISTIC
    assert tuned.trials == 1


def test_labels_of_each_snapshot_are_those_of_the_file(dated: Company) -> None:
    given = pd.read_csv(dated.directory / "exports" / "labels.csv")
    moments = pd.to_datetime(given["snapshot"])
    wanted = dict(
        zip(zip(given["customer_id"], moments, strict=True), given["churned"].astype(int).tolist(), strict=True)
    )
    rows = dated.learned
    found = {
        (customer, pd.Timestamp(moment, tz="UTC")): churned
        for customer, moment, churned in zip(rows.customers, rows.snapshots, rows.churned.tolist(), strict=True)
    }
    assert found == wanted


def test_the_configuration_reads_a_number_as_a_category(dated: Company) -> None:
    assert dated.model.numbers == ("attribute_MonthlyCharges",)
    assert "attribute_TenureMonths" in dated.model.categories
    assert "attribute_Region" in dated.learned.categories


def test_customers_without_a_label_are_scored(dated: Company) -> None:
    last = pd.read_csv(dated.directory / "exports" / "labels.csv")
    labelled = set(last.loc[last["snapshot"] == SNAPSHOTS[-1].isoformat(), "customer_id"])
    active = active_customers(dated.settings, dated.schedule.as_of)
    assert set(active) == set(dated.rows["customerID"])
    without = sorted(set(active) - labelled)[:20]
    answers = Scoring(dated.settings).ask(without, "risk")
    assert len(answers) == len(without) == 20
    assert all(one.parts["risk"].value.risk is not None for one in answers)


def test_check_data_judges_labels(dated: Company) -> None:
    checked = check_data(dated.settings, LATER, [registered.load() for registered in MODELS])
    (fitness,) = checked.fitness
    assert checked.silence is None
    assert fitness.verdict == "fit", fitness.findings
    said = " ".join(finding.what for finding in fitness.findings)
    assert "700 customers have a label" in said
    assert "5 snapshots" in said
    assert "silen" not in said.lower()
    assert [one["snapshot"] for one in fitness.values["labels"]] == [f"{moment:%Y-%m-%d}" for moment in SNAPSHOTS]
