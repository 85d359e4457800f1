"""Contractual churn from raw files to a graded model, on a business whose true hazard is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from core.errors import DataError
from core.settings import Settings
from features.engine.build import build_features
from features.ingest.pipeline import ingest
from features.snapshots import Schedule
from features.store.feature_store import Store
from serving.explain.contributions import explain
from serving.explain.fidelity import evaluate_reasons
from serving.explain.reasons import write_reasons
from serving.explain.wording import Writer
from serving.settings import load_settings
from tests.conftest import connected, inside
from tests.subscriptions import Business, simulate, write_business
from training.churn.dataset import ChurnSet, churn_set
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.lifecycle import runner
from training.next_product.pipeline import NEXT_PRODUCT

pytestmark = pytest.mark.world

#: After the last contract has started.
LATER = datetime(2024, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trained:
    directory: Path
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
        settings, schedule, model = train()
        rows = churn_set(settings, Store(settings), schedule.splits["churn"].test, model.attributes)
        evaluation, reasons = runner.evaluate(CHURN, settings), evaluate_reasons(settings)
        yield Trained(directory, business, settings, schedule, model, rows, evaluation, reasons)


def train() -> tuple[Settings, Schedule, ChurnModel]:
    """Go from the exports of the working directory to a champion."""
    settings = load_settings()
    ingest(settings, LATER)
    built = build_features(settings, LATER)
    Store(settings).apply()
    runner.train(CHURN, settings)
    return settings, built.schedule, runner.champion(CHURN, settings).artifact


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


def test_it_is_measured_beside_the_rules_of_contracts(trained: Trained) -> None:
    methods = trained.evaluation["methods"]
    assert set(methods) == {"champion", "contract_end", "earlier_renewals", "plan_rate", "all_features_logistic"}
    rules = {"contract_end", "earlier_renewals", "plan_rate"}
    best = max(rules, key=lambda name: methods[name]["roc_auc"]["value"])
    assert methods["champion"]["roc_auc"]["value"] > methods[best]["roc_auc"]["value"] + 0.1
    assert trained.evaluation["grade"] in {"A", "B", "C"}
    assert trained.evaluation["grading"]["best_rule"] == best
    definition = trained.evaluation["protocol"]["definition"]
    assert (definition["kind"], definition["grace_days"]) == ("contractual", 10)
    assert definition["activity_window_days"] is None
    assert trained.evaluation["leakage"]["features_before_labels"]
    assert {"tenure", "value"} <= set(trained.evaluation["by_slice"])


def test_labels_wait_for_the_grace_period(trained: Trained) -> None:
    schedule = trained.schedule
    assert max(schedule.splits["churn"].test) + timedelta(days=40) <= schedule.as_of
    assert max(schedule.splits["churn"].validation) + timedelta(days=40) <= min(schedule.splits["churn"].test)


def test_a_notice_is_among_the_reasons(trained: Trained) -> None:
    notice = trained.rows.columns["contract_cancelled"] == 1
    assert notice.sum() > 5
    model = trained.model
    inputs = model.inputs(trained.rows.columns, len(trained.rows))
    explanations = [
        write_reasons(one, Writer("en")) for one in explain(model, inputs[notice], trained.rows.rows(notice).columns)
    ]
    texts = [reason.text for reasons in explanations for reason in reasons]
    assert texts.count("The customer has given notice. Linked to a higher risk of not renewing.") > 0.9 * notice.sum()
    assert model.risk(inputs[notice]).mean() > 2 * model.risk(inputs[~notice]).mean()


def test_reasons_are_as_honest_as_elsewhere(trained: Trained) -> None:
    assert trained.reasons["direction_agreement"]["value"] >= 0.98
    assert trained.reasons["missing_values"]["shown_as_known"] == 0


def test_an_attribute_is_a_category_and_a_reason_and_what_must_never_be_one_is_none(trained: Trained) -> None:
    model = trained.model
    assert set(model.categories) == {"attribute_segment"}
    assert {"attribute_gender", "marketing_consent"} & set(model.features) == set()
    left = dict(zip(model.categories["attribute_segment"], model.left["attribute_segment"], strict=True))
    assert left["student"] > model.left[""][0] > left["business"]
    inputs = model.inputs(trained.rows.columns, len(trained.rows))
    explanations = [write_reasons(one, Writer("en")) for one in explain(model, inputs, trained.rows.columns)]
    own = [reason for reasons in explanations for reason in reasons if reason.theme == "attribute_segment"]
    sentences = {reason.text for reason in own if reason.values == {"attribute_segment": "student"}}
    assert f"Segment: student; {left['student']:.0%} of such customers did not renew" in "".join(sentences)
    assert not any("gender" in reason.text.lower() for reasons in explanations for reason in reasons)


def test_use_and_calls_are_among_the_reasons(trained: Trained) -> None:
    assert {"visits_28d", "visits_trend", "days_since_visit", "service_requests_84d"} <= set(trained.model.features)
    inputs = trained.model.inputs(trained.rows.columns, len(trained.rows))
    explanations = [write_reasons(one, Writer("en")) for one in explain(trained.model, inputs, trained.rows.columns)]
    findings = {reason.finding for reasons in explanations for reason in reasons}
    assert {"uses_less_than_usual", "asks_more", "notice_given"} <= findings


def test_nothing_is_said_of_purchases_that_cannot_be(trained: Trained) -> None:
    assert not {"recency_days", "baskets_28d", "amount_84d", "contacts_total"} & set(trained.model.features)
    inputs = trained.model.inputs(trained.rows.columns, len(trained.rows))
    themes = {
        reason.theme
        for one in explain(trained.model, inputs, trained.rows.columns)
        for reason in write_reasons(one, Writer("en"))
    }
    assert themes <= {"usage", "service", "contract", "price", "loyalty", "attribute_segment", "season"}


def test_the_api_answers_without_offers(trained: Trained) -> None:
    with inside(trained.directory):
        Store(trained.settings).materialize()
        with connected(trained.settings, lambda: LATER) as client:
            customer = active_customers(trained.settings, trained.schedule.as_of)[0]
            explained = client.get(f"/v1/customers/{customer}/explanation").json()
            assert explained["reasons"]["reasons"] + explained["reasons"]["strengths"]
            offers = client.get(f"/v1/customers/{customer}/offers")
            assert (offers.status_code, offers.json()["type"]) == (409, "urn:encore:no-model")
            assert client.get("/v1/offers").status_code == 409
            body = {"customer_ids": [customer], "include": ["risk", "reasons", "offers"]}
            answer = client.post("/v1/scores", json=body).json()
            assert answer["models"].keys() == {"churn"}
            (score,) = answer["scores"]
            assert score["risk"] == explained["risk"]
            assert (score["offers"]["status"], score["offers"]["offers"]) == ("no_model", None)
            assert "encore train next-product" in score["offers"]["reason"]
            assert len(client.get("/v1/models").json()["models"]) == 1
        with pytest.raises(DataError, match="order lines to learn the next product from"):
            runner.train(NEXT_PRODUCT, trained.settings)


def test_contracts_are_valued_by_price_and_renewal(trained: Trained) -> None:
    """The formula by hand, for one whose contract ends within the horizon of the risk."""
    with inside(trained.directory):
        Store(trained.settings).materialize()
        with connected(trained.settings, lambda: LATER) as client:
            customers = active_customers(trained.settings, trained.schedule.as_of)
            include = ["risk", "value", "segments", "profile"]
            body = {"customer_ids": customers, "include": include, "order": "value_at_risk"}
            scores = client.post("/v1/scores", json=body).json()["scores"]
    assert len(scores) > 100
    for one in scores:
        value, risk, profile = one["value"], one["risk"]["risk"], one["profile"]["profile"]
        end, term = profile["days_to_contract_end"], profile["contract_age_days"] + profile["days_to_contract_end"]
        paid, left, kept = min(end, 91.0), 91.0 - end, 0.0 if profile["contract_cancelled"] else 1.0
        while left > 0:  # renewal after renewal, each for as long as the contract runs
            kept *= 1 - risk
            paid += kept * min(left, term)
            left -= term
        # prices are of a month, and money is counted by months
        expected = profile["contract_price"] * paid / 30.4375
        assert value["amount"]["value"] == pytest.approx(expected, rel=0.02), profile
        assert value["at_risk"] == pytest.approx(risk * value["amount"]["value"])
        assert value["model"] == one["risk"]["model"]
        assert (value["amount"]["low"], value["orders"], value["next_order"], value["reasons"]) == (
            None,
            None,
            None,
            [],
        )
        assert value["lifetime"]["total"] > value["amount"]["value"]
        assert one["segments"]["stage"]["name"] in {"new", "mature", "declining", "won_back"}
    at_risk = [one["value"]["at_risk"] for one in scores]
    assert at_risk == sorted(at_risk, reverse=True)


def test_contracts_alone_carry_a_model(tmp_path: Path) -> None:
    write_business(tmp_path, simulate(300), contracts_alone=True)
    with inside(tmp_path):
        _, _, model = train()
    assert model.rule is None
    assert "contract_cancelled" in model.features
    assert not [name for name in model.features if "visit" in name or name.startswith("attribute_")]


def test_where_nothing_learned_is_better_the_best_rule_is_registered_with_its_grade(tmp_path: Path) -> None:
    business = simulate(300)
    # without notices nothing about a contract says whether it is renewed
    business.subscriptions["cancelled_timestamp"] = None
    write_business(tmp_path, business, contracts_alone=True)
    with inside(tmp_path):
        settings, _, model = train()
        version = runner.champion(CHURN, settings).version
        card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/model_card.md")
        served = mlflow.pyfunc.load_model("models:/encore-churn@champion")
    assert model.rule in {"contract_end", "earlier_renewals", "plan_rate"}
    assert version.grade == "D"
    assert str(version.caveat).startswith(f"the rule {model.rule}: nothing learned beats it; few customers: AUC ")
    assert f"This is the rule {model.rule}: nothing learned beats it." in card
    inputs = np.array([[2.0], [np.nan]])
    predicted = served.predict(pd.DataFrame(inputs, columns=list(model.features)))
    np.testing.assert_array_equal(predicted["risk"], model.risk(inputs))


def test_serving_and_labels_ask_about_the_same_customers(trained: Trained) -> None:
    columns = trained.rows.columns
    assert trained.model.definition.active(columns).all()
    ends = trained.business.subscriptions.groupby("customer_id")["end_timestamp"].max()
    with inside(trained.directory):
        Store(trained.settings).materialize()
        with connected(trained.settings, lambda: LATER) as client:
            body = {"customer_ids": sorted(ends.index), "include": ["risk"]}
            scores = client.post("/v1/scores", json=body).json()["scores"]
    with_risk = sorted(score["customer_id"] for score in scores if score["risk"]["risk"] is not None)
    assert with_risk == active_customers(trained.settings, trained.schedule.as_of)
    assert {score["risk"]["tier"] for score in scores} >= {"inactive"}


def test_active_are_those_with_a_contract(trained: Trained) -> None:
    as_of = pd.Timestamp(trained.schedule.as_of)
    contracts = trained.business.subscriptions
    runs = (contracts["start_timestamp"] < as_of) & (contracts["end_timestamp"] >= as_of)
    active = active_customers(trained.settings, trained.schedule.as_of)
    assert active == sorted(set(contracts.loc[runs, "customer_id"]))


def test_a_customer_whose_contract_does_not_end_soon_is_not_due(trained: Trained) -> None:
    as_of = trained.schedule.as_of
    customer = active_customers(trained.settings, as_of)[0]
    contract = {
        "event_id": "renewed for a year",
        "kind": "subscription",
        "customer_id": customer,
        "start_timestamp": f"{as_of - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "end_timestamp": f"{as_of + timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}",
    }
    with inside(trained.directory):
        Store(trained.settings).materialize()
        with connected(trained.settings, lambda: LATER) as client:
            before = client.get(f"/v1/customers/{customer}/risk").json()
            assert before["risk"]["tier"] in {"high", "medium", "low"}, before
            applied = client.post("/v1/events", json={"events": [contract]}).json()
            assert applied["applied"], applied
            after = client.get(f"/v1/customers/{customer}/explanation").json()
            assert (after["risk"]["risk"], after["risk"]["tier"]) == (None, "not_due")
            assert after["reasons"]["reasons"] == after["reasons"]["strengths"] == []
            assert after["what_if"]["what_if"] is None
