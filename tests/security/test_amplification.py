"""However wrong a request is, its answer is short, soon there, and others are answered meanwhile."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.settings import StoreSettings
from serving.access.keys import ROLES, KeyFile
from serving.api.app import create_app
from serving.settings import default_settings
from tests.conftest import bearer

_PURCHASE = {"kind": "purchase", "event_id": "a", "customer_id": "1", "order_id": "o"}
_UNKNOWN = {f"x{place}": 1 for place in range(80_000)}
#: A request and the number of errors in it, where all of them are counted.
ATTACKS: list[tuple[str, Any, int | None]] = [
    ("events", {"events": [{**_PURCHASE, "lines": [{}] * 500}] * 480}, 480 * 3),
    ("events", {"events": [{}] * 500}, 500),
    ("events", {"events": [{**_PURCHASE, "lines": [], **dict.fromkeys("abcde", 1)}] * 400}, 400 * 6),
    ("events", {"events": [{**_PURCHASE, "lines": [], **_UNKNOWN}]}, 1),
    ("events", {"events": [{**_PURCHASE, "lines": [_UNKNOWN]}]}, 1),
    ("events", {"events": [0] * 300_000}, 1),
    ("events", {"events": [], **_UNKNOWN}, 1),
    ("scores", {"customer_ids": ["1"], "include": ["risk"] * 90_000}, 1),
    ("scores", {"customer_ids": ["1"], "include": ["none"] * 90_000}, 1),
    ("scores", {"customer_ids": ["1"], **_UNKNOWN}, 1),
    ("scores", {"customer_ids": [""] * 1_000}, 1_000),
    ("scores", {"customer_ids": [""] * 200_000}, None),
    ("scores", {"customer_ids": "a" * 900_000}, 1),
    ("segments", {"name": "x", "rule": {"all": [{}] * 300_000}}, 1),
    ("segments", {"name": "x", "rule": {"all": [{"any": [0] * 200}] * 200}}, 1),
    ("segments", {"name": "x", "rule": {"column": "risk", "in": [{}] * 100_000}}, 1),
    ("segments", {"name": "x", "rule": {"column": "risk", "in": [{}] * 1_000}}, 2_000),
    ("segments", {"name": "x", "rule": {"column": "risk", "below": 1, **_UNKNOWN}}, 1),
    ("segments", {"name": "x", "rule": {"column": "risk", "below": 1}, "titles": _UNKNOWN}, 1),
    ("segments", {"name": "a" * 900_000, "rule": {"column": "risk", "below": 1}}, 1),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    settings = default_settings(StoreSettings(data=tmp_path_factory.mktemp("api")))
    secret = KeyFile(settings[StoreSettings]).create("a", ROLES, datetime.now(UTC), per_minute=100_000)
    # not started: nothing is loaded, which validation does not need
    return TestClient(create_app(settings), raise_server_exceptions=False, headers=bearer(secret))


@pytest.mark.parametrize(("route", "body", "count"), ATTACKS)
def test_an_answer_lists_20_errors_and_counts_the_others(
    client: TestClient, route: str, body: Any, count: int | None
) -> None:
    answer = client.post(f"/v1/{route}", json=body)
    assert (answer.status_code, len(answer.content) < 6_000) == (422, True), answer.text[:500]
    problem = answer.json()
    assert len(problem["errors"]) <= 20
    found = len(problem["errors"]) + problem.get("more_errors", 0)
    assert found == count or (count is None and found <= 1_001)
    assert all(len(error["message"]) + len(error.get("found", "")) < 600 for error in problem["errors"])


@pytest.mark.parametrize(
    "raw", [b"[" * 900_000, b'{"events":' + b"[" * 500_000 + b"]" * 500_000 + b"}", b"1" * 900_000]
)
def test_what_cannot_be_parsed_is_refused(client: TestClient, raw: bytes) -> None:
    for route in ("events", "scores", "segments"):
        answer = client.post(f"/v1/{route}", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}
        assert len(answer.content) < 1_000


def test_a_body_that_is_too_long_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/events", json={"events": [_PURCHASE] * 100_000})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:encore:content-too-large")


def test_every_list_of_a_request_has_a_maximum() -> None:
    document = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
    requests = {name: schema for name, schema in document["components"]["schemas"].items() if _is_asked(document, name)}
    assert {"EventRequest", "ScoreRequest", "Purchase", "Line"} <= set(requests)
    parameters = [
        one["schema"]
        for path in document["paths"].values()
        for way in path.values()
        for one in way.get("parameters", [])
    ]
    lists = [one for schema in [*requests.values(), *parameters] for one in _arrays(schema)]
    assert len(lists) >= 5
    assert all("maxItems" in one for one in lists), lists


def _is_asked(document: dict[str, Any], name: str) -> bool:
    """Return whether a schema is part of a request's body."""
    reference, seen = f"#/components/schemas/{name}", set[str]()
    waiting = [
        json.dumps(way["requestBody"])
        for path in document["paths"].values()
        for way in path.values()
        if "requestBody" in way
    ]
    while waiting:
        text = waiting.pop()
        if reference + '"' in text:
            return True
        for other in document["components"]["schemas"]:
            if f'#/components/schemas/{other}"' in text and other not in seen:
                seen.add(other)
                waiting.append(json.dumps(document["components"]["schemas"][other]))
    return False


def _arrays(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [one for item in schema for one in _arrays(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "array" else []
    return own + [
        one for name, value in schema.items() if name not in {"examples", "default"} for one in _arrays(value)
    ]
