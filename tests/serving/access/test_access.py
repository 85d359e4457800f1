"""What the API lets in: keys, roles, rates, sizes; and what it says of itself."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.errors import StoreError
from core.logs import _place_of_error
from core.settings import StoreSettings
from serving.access.audit import AuditLog
from serving.access.keys import KeyFile, Role
from serving.settings import ServingSettings
from tests.conftest import NOW, World, bearer, connected, inside

CUSTOMER = "6"


def key_for(world: World, *roles: Role, per_minute: int | None = None) -> dict[str, str]:
    file = KeyFile(world.settings[StoreSettings])
    with inside(world.directory):
        name = "-".join(roles) + str(per_minute)
        file.renew(name, roles, NOW)
        file.revoke(name, NOW)
        return bearer(file.create(name, roles, NOW, per_minute))


@pytest.fixture(scope="module")
def small(world: World) -> Any:
    """An API that takes small requests only, and pages of one origin."""
    serving = ServingSettings(max_body_kb=2, cors_origins=("https://crm.example",))
    settings = world.settings.replaced(serving)
    with inside(world.directory), connected(settings) as client:
        yield client


ROUTES: list[tuple[str, str, Role, Any]] = [
    ("GET", f"/v1/customers/{CUSTOMER}/risk", "score", None),
    ("GET", f"/v1/customers/{CUSTOMER}/explanation", "explain", None),
    ("GET", f"/v1/customers/{CUSTOMER}/offers", "score", None),
    ("GET", f"/v1/customers/{CUSTOMER}/types", "score", None),
    ("GET", "/v1/offers", "score", None),
    ("POST", "/v1/scores", "score", {"customer_ids": [CUSTOMER], "include": ["risk", "profile"]}),
    ("POST", "/v1/scores", "explain", {"customer_ids": [CUSTOMER], "include": ["reasons"]}),
    ("POST", "/v1/events", "events", {"events": []}),
    ("GET", "/v1/models", "admin", None),
    ("DELETE", "/v1/customers/nobody-at-all", "admin", None),
    ("GET", "/v1/erasures/none", "admin", None),
    ("GET", "/metrics", "monitor", None),
]


@pytest.mark.parametrize(("method", "path", "role", "body"), ROUTES)
def test_each_route_takes_a_key_with_its_role(
    client: TestClient, world: World, method: str, path: str, role: Role, body: Any
) -> None:
    def response_to(headers: dict[str, str]) -> Any:
        _forget_keys(client)
        return client.request(method, path, json=body, headers=headers)

    for headers in ({"Authorization": ""}, bearer("encore_0_wrong"), {"Authorization": "Basic eDp5"}):
        refused = response_to(headers)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:encore:unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
    others: tuple[Role, ...] = tuple(r for r in ("score", "explain", "events") if r != role)
    if role == "explain" and "explanation" in path:
        others = ("score",)
    refused = response_to(key_for(world, *others))
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:encore:forbidden")
    assert repr(role) in refused.json()["detail"]
    needed: tuple[Role, ...] = ("score", "explain") if "explanation" in path else (role,)
    wanted = 422 if path == "/v1/events" else 404 if "no" in path.rsplit("/", 1)[1] else 200
    assert response_to(key_for(world, *needed)).status_code == wanted


def _forget_keys(client: TestClient) -> None:
    """Let the key ring look again, which it does every second."""
    client.app.state.encore.keys._looked = 0.0  # type: ignore[attr-defined]


def test_a_key_that_asks_too_often_waits(client: TestClient, world: World) -> None:
    headers = key_for(world, "score", per_minute=30)  # five at once, then one every two seconds
    _forget_keys(client)
    path = f"/v1/customers/{CUSTOMER}/risk"
    statuses = [client.get(path, headers=headers).status_code for _ in range(12)]
    assert statuses.count(200) in {5, 6}
    refused = client.get(path, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:encore:too-many-requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert client.get(path).status_code == 200  # others are not concerned


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_too_long_is_not_read(small: TestClient, chunked: bool) -> None:
    body = json.dumps({"customer_ids": ["x" * 100 for _ in range(50)]}).encode()
    content = iter([body[:1000], body[1000:]]) if chunked else body
    refused = small.post("/v1/scores", content=content, headers={"Content-Type": "application/json"})
    assert refused.status_code == 413, refused.text
    assert refused.json()["type"] == "urn:encore:content-too-large"
    assert "2,048 bytes" in refused.json()["detail"]


def test_unknown_fields_are_refused_at_every_depth(client: TestClient) -> None:
    line = {"product_id": "1", "quantity": 1, "amount": 1, "colour": "red"}
    event = {"event_id": "x", "customer_id": "6", "kind": "purchase", "order_id": "o", "lines": [line]}
    refused = client.post("/v1/events", json={"events": [event]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"].endswith("lines.0.colour")


def test_every_answer_has_its_headers(client: TestClient) -> None:
    for path in (f"/v1/customers/{CUSTOMER}/risk", "/v1/nothing", "/health/live"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in headers
    assert "script-src 'self';" in client.get("/docs").headers["content-security-policy"]


def test_pages_of_other_origins_get_nothing_unless_configured(client: TestClient, small: TestClient) -> None:
    origin = {"Origin": "https://crm.example"}
    path = f"/v1/customers/{CUSTOMER}/risk"
    assert "access-control-allow-origin" not in client.get(path, headers=origin).headers
    assert small.get(path, headers=origin).headers["access-control-allow-origin"] == "https://crm.example"
    other = small.get(path, headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers


def test_an_answer_repeats_the_request_id(client: TestClient) -> None:
    path = "/v1/customers/nobody/risk"
    mine = client.get(path, headers={"X-Request-ID": "crm-42"})
    assert mine.headers["x-request-id"] == mine.json()["request_id"] == "crm-42"
    for odd in ("with space", "x" * 65, 'a"b'):
        given = client.get(path, headers={"X-Request-ID": odd}).headers["x-request-id"]
        assert given != odd
        assert len(given) == 32


def test_the_audit_log_names_the_key_and_the_customers(client: TestClient, world: World) -> None:
    client.get(f"/v1/customers/{CUSTOMER}/explanation", headers={"X-Request-ID": "audited"})
    lines = (world.directory / "data/audit/audit.jsonl").read_text().splitlines()
    (entry,) = (json.loads(line) for line in lines if '"audited"' in line)
    assert entry["customers"] == [CUSTOMER]
    assert entry["route"] == "GET /v1/customers/{customer_id:path}/explanation"
    assert entry["models"] == ["encore-churn/1", "encore-next-product/1", "encore-segments/1", "encore-value/1"]
    assert datetime.fromisoformat(entry["at"]) == NOW
    assert len(entry["key"]) == 8


@pytest.mark.parametrize("part", ["risk", "explanation", "offers", "types"])
def test_the_audit_log_names_unknown_customers_too(client: TestClient, world: World, part: str) -> None:
    name = f"for-nobody-{part}"
    assert client.get(f"/v1/customers/nobody/{part}", headers={"X-Request-ID": name}).status_code == 404
    lines = (world.directory / "data/audit/audit.jsonl").read_text().splitlines()
    (entry,) = (json.loads(line) for line in lines if f'"{name}"' in line)
    assert entry["customers"] == ["nobody"]


def test_errors_are_logged_without_their_values() -> None:
    try:
        int("customer-of-great-renown")
    except ValueError as error:
        entry = _place_of_error(None, "error", {"event": "failed", "exc_info": error})
    assert entry["error"] == "ValueError"
    assert "test_access.py" in entry["at"][0]
    assert "renown" not in json.dumps(entry)


def test_metrics_count_what_was_answered(client: TestClient) -> None:
    client.get(f"/v1/customers/{CUSTOMER}/risk")
    client.get(f"/v1/customers/{CUSTOMER}/offers")
    client.get("/v1/nothing")
    text = client.get("/metrics").text
    for line in (
        'encore_requests_total{method="GET",route="/v1/customers/{customer_id:path}/risk",status="200"}',
        'encore_request_seconds_bucket{le="0.005",route="/v1/customers/{customer_id:path}/risk"}',
        'encore_requests_total{method="GET",route="unknown",status="404"}',
        "encore_risk_count",
        'encore_offers_total{kind="',
        'encore_model_info{model="encore-churn",version="1"} 1.0',
        # the data end before the clock: ages are those at their end
        "encore_feature_age_seconds 0.0",
        "encore_data_age_seconds ",
        "encore_events_pending",
        "encore_event_lag_seconds",
    ):
        assert line in text, line


def test_the_audit_log_rotates_and_forgets(tmp_path: Path, world: World) -> None:
    stores = world.settings[StoreSettings].model_copy(update={"data": tmp_path})
    logs = [AuditLog(stores, max_bytes=2_000, keep=2) for _ in range(2)]  # of two workers
    for number in range(300):
        logs[number % 2].write({"number": number, "customers": ["a", f"c{number}"]})
    files = sorted((tmp_path / "audit").glob("audit*.jsonl"))
    assert len(files) == 3
    assert all(file.stat().st_size <= 2_100 for file in files)
    numbers = [json.loads(line)["number"] for file in files for line in file.read_text().splitlines()]
    assert sorted(numbers) == list(range(min(numbers), 300))  # the oldest file went, and nothing else
    named = logs[0].erase("c299")
    assert named == 1
    logs[1].write({"number": 300, "customers": ["a"]})
    text = "".join(file.read_text() for file in (tmp_path / "audit").glob("audit*.jsonl"))
    assert "c299" not in text
    assert '"customers":["a","erased"]' in text
    assert '"number":300' in text
    assert text.count('"number"') == len(numbers) + 1


def test_a_line_that_did_not_fit_leaves_no_half_of_itself(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(world.settings[StoreSettings].model_copy(update={"data": tmp_path}), 10**6, 3)
    log.write({"customers": ["a"]})
    whole = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, line: whole(file, line[:7]))
        with pytest.raises(StoreError, match="only a part"):
            log.write({"customers": ["b"]})
    log.write({"customers": ["c"]})
    lines = (tmp_path / "audit/audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["customers"] for line in lines] == [["a"], ["c"]]


def test_a_line_that_somebody_broke_does_not_keep_a_customer(tmp_path: Path, world: World) -> None:
    log = AuditLog(world.settings[StoreSettings].model_copy(update={"data": tmp_path}), 10**6, 3)
    log.write({"customers": ["a", "b"]})
    with (tmp_path / "audit/audit.jsonl").open("a") as file:
        file.write('{"customers": ["a"\n')
    assert log.erase("a") == 2
    assert '"a"' not in (tmp_path / "audit/audit.jsonl").read_text()
