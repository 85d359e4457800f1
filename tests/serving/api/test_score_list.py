"""The score table through the API: who is in it, in which order, and whose row is stale."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile, Role
from serving.parts import make_scoring
from serving.scoring.export import materialize_scores
from tests.conftest import NOW, World, bearer, connected, copied
from training.churn.labels import active_customers


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with copied(world, tmp_path_factory.mktemp("list")) as settings:
        yield settings


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[Role, dict[str, str]]:
    """A key for each role, made before the API starts, which reads new ones after a while."""
    file = KeyFile(settings[StoreSettings])
    return {role: bearer(file.create(f"only-{role}", (role,), NOW)) for role in ("score", "events")}


@pytest.fixture(scope="module")
def client(settings: Settings, keys: object) -> Iterator[TestClient]:
    """An API whose score table a nightly run has filled."""
    service, reloader = make_scoring(settings, lambda: NOW)
    deployment = reloader.load()
    as_of = reloader.as_of(deployment)
    materialize_scores(service, deployment, active_customers(settings, as_of), as_of, ("risk", "reasons", "offers"))
    with connected(settings) as client:
        yield client


def pages(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        answer = client.get("/v1/scores", params=parameters)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["scores"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return rows
        parameters["cursor"] = cursor


def test_every_active_customer_is_listed_once_the_riskiest_first(client: TestClient, settings: Settings) -> None:
    rows = pages(client, limit=37)
    assert sorted(row["customer_id"] for row in rows) == sorted(active_customers(settings, NOW))
    risks = [row["risk"] for row in rows if row["risk"] is not None]
    assert risks == sorted(risks, reverse=True)
    assert all(row["risk"] is None for row in rows[len(risks) :])
    assert rows == pages(client)


def test_a_row_has_the_values_of_the_single_answer(client: TestClient) -> None:
    row = pages(client, limit=1000)[0]
    body = {"customer_ids": [row["customer_id"]], "include": ["risk", "reasons", "offers"]}
    score = client.post("/v1/scores", json=body).json()["scores"][0]
    assert score["computed"] == "materialised"
    assert row["risk"] == score["risk"]["risk"]
    assert row["tier"] == score["risk"]["tier"]
    assert row["reason_1"] == score["reasons"]["reasons"][0]["finding"]
    assert row["best_offer"] == score["offers"]["offers"][0]["product_id"]


def test_filters_hold_together(client: TestClient) -> None:
    everyone = pages(client)
    tier = everyone[0]["tier"]
    limit = everyone[len(everyone) // 3]["risk"]
    wanted = [row for row in everyone if row["tier"] == tier and row["risk"] is not None and row["risk"] >= limit]
    assert wanted
    assert pages(client, tier=tier, min_risk=limit, limit=5) == wanted


def test_what_happened_since_makes_a_row_stale_until_it_is_asked_for(client: TestClient) -> None:
    customer = pages(client, sort="customer_id", limit=1000)[0]["customer_id"]

    def status() -> str:
        return str(next(row["status"] for row in pages(client) if row["customer_id"] == customer))

    assert status() == "ok"
    moment = (NOW - timedelta(hours=1)).isoformat()
    event = {"event_id": "contact", "customer_id": customer, "kind": "contact", "event_timestamp": moment}
    assert client.post("/v1/events", json={"events": [event]}).status_code == 200
    assert status() == "stale"
    body = {"customer_ids": [customer], "include": ["risk", "reasons", "offers"]}
    assert client.post("/v1/scores", json=body).json()["scores"][0]["computed"] == "now"
    assert status() == "ok"


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"cursor": "no cursor"}, "cursor"),
        ({"cursor": "WzEsMl0"}, "cursor"),
        ({"min_risk": "much"}, "min_risk"),
        ({"sort": "tier"}, "sort"),
        ({"limit": "1001"}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, parameters: dict[str, str], name: str) -> None:
    answer = client.get("/v1/scores", params=parameters)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [name]


def test_a_cursor_of_another_order_is_refused(client: TestClient) -> None:
    cursor = client.get("/v1/scores", params={"limit": 1}).json()["next_cursor"]
    answer = client.get("/v1/scores", params={"cursor": cursor, "sort": "customer_id"})
    assert answer.status_code == 422
    assert "sorted by customer_id" in answer.json()["errors"][0]["message"]


def test_the_list_takes_the_role_score_and_is_in_the_audit_log(
    client: TestClient, settings: Settings, keys: dict[Role, dict[str, str]]
) -> None:
    assert client.get("/v1/scores", headers=keys["events"]).status_code == 403
    (row,) = client.get("/v1/scores", params={"limit": 1}, headers=keys["score"]).json()["scores"]
    logs = "".join(path.read_text() for path in Path(settings[StoreSettings].data, "audit").glob("*"))
    name = keys["score"]["Authorization"].split("_")[1]
    line = next(one for one in logs.splitlines() if name in one)
    assert row["customer_id"] in line
