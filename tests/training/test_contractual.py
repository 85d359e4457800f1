"""Contractual churn from raw files to a graded model, on a business whose true hazard is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from features.build import build_features
from features.config import Settings, load_settings
from features.ingest.pipeline import ingest
from features.snapshots import Schedule
from features.store import Store
from serving.contributions import explain
from serving.honesty import evaluate_reasons
from serving.playbook import load_playbook
from serving.reasons import risk_reasons
from tests.conftest import NOW, inside
from tests.subscriptions import Business, simulate, write_business
from training.churn.dataset import ChurnSet, churn_set
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN_MODEL, evaluate_churn, load_churn, train_churn
from training.tracking import Tracking


@dataclass(frozen=True)
class Trained:
    business: Business
    settings: Settings
    schedule: Schedule
    model: ChurnModel
    rows: ChurnSet
    evaluation: dict[str, Any]
    reasons: dict[str, Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    directory: Path = tmp_path_factory.mktemp("subscriptions")
    business = simulate()
    write_business(directory, business)
    with inside(directory):
        settings = load_settings()
        ingest(settings, NOW)
        built = build_features(settings, NOW)
        store = Store(settings)
        store.apply()
        train_churn(settings)
        tracking = Tracking(settings.tracking)
        model = load_churn(tracking, tracking.champion(CHURN_MODEL))
        rows = churn_set(settings, store, built.schedule.churn_test)
        found, reasons = evaluate_churn(settings), evaluate_reasons(settings)
        yield Trained(business, settings, built.schedule, model, rows, found, reasons)


def test_the_model_ranks_as_the_true_hazard_does(trained: Trained) -> None:
    """Of those whose contract ends in the horizon; the others cannot leave in it."""
    ends = trained.business.hazards
    truth = []
    for customer, snapshot in zip(trained.rows.customers, trained.rows.snapshots, strict=True):
        t = pd.Timestamp(snapshot, tz="UTC")
        inside_horizon = ends["end_timestamp"].between(t, t + timedelta(days=30), inclusive="left")
        hazards = ends.loc[(ends["customer_id"] == customer) & inside_horizon, "hazard"]
        truth.append(1 - np.prod(1 - hazards) if len(hazards) else np.nan)
    hazard = np.array(truth)
    risk = trained.model.risk(trained.model.inputs(trained.rows.columns, len(trained.rows)))
    known = ~np.isnan(hazard)
    assert known.mean() > 0.9
    assert spearmanr(risk[known], hazard[known])[0] > 0.5


def test_it_is_measured_beside_the_rule_of_a_contract(trained: Trained) -> None:
    methods = trained.evaluation["methods"]
    assert set(methods) == {"champion", "contract_end", "all_features_logistic"}
    assert methods["champion"]["roc_auc"]["value"] > methods["contract_end"]["roc_auc"]["value"] + 0.1
    assert trained.evaluation["grade"] in {"A", "B", "C"}
    assert trained.evaluation["grading"]["best_rule"] == "contract_end"
    definition = trained.evaluation["protocol"]["definition"]
    assert (definition["kind"], definition["grace_days"]) == ("contractual", 10)
    assert definition["activity_window_days"] is None
    assert trained.evaluation["leakage"]["features_before_labels"]
    assert {"tenure", "value"} <= set(trained.evaluation["by_slice"])


def test_labels_wait_for_the_grace_period(trained: Trained) -> None:
    schedule = trained.schedule
    assert max(schedule.churn_test) + timedelta(days=40) <= schedule.as_of
    assert max(schedule.churn_validation) + timedelta(days=40) <= min(schedule.churn_test)


def test_a_notice_is_among_the_reasons(trained: Trained) -> None:
    notice = trained.rows.columns["contract_cancelled"] == 1
    assert notice.sum() > 5
    model = trained.model
    inputs = model.inputs(trained.rows.columns, len(trained.rows))
    told = [risk_reasons(one, load_playbook(None), "en") for one in explain(model, inputs[notice])]
    texts = [reason.text for reasons in told for reason in reasons]
    assert texts.count("The customer has given notice. This raises the risk.") > 0.9 * notice.sum()
    assert model.risk(inputs[notice]).mean() > 2 * model.risk(inputs[~notice]).mean()


def test_reasons_are_as_honest_as_elsewhere(trained: Trained) -> None:
    assert trained.reasons["direction_agreement"]["value"] >= 0.98
    assert trained.reasons["missing_values"]["told_as_known"] == 0


def test_active_are_those_with_a_contract(trained: Trained) -> None:
    as_of = pd.Timestamp(trained.schedule.as_of)
    contracts = trained.business.subscriptions
    runs = (contracts["start_timestamp"] < as_of) & (contracts["end_timestamp"] >= as_of)
    found = active_customers(trained.settings, trained.schedule.as_of)
    assert found == sorted(set(contracts.loc[runs, "customer_id"]))
