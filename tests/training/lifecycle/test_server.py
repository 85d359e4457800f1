"""MLflow's server answers those who know the password."""

import base64

import pytest
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from training.lifecycle.server import PasswordGuard

WORD = "p@ss/w:ord#% 密"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def client() -> TestClient:
    return TestClient(PasswordGuard(PlainTextResponse("inside"), "encore", WORD))


def test_the_password_opens_every_path(client: TestClient) -> None:
    assert client.get("/api/2.0/mlflow/experiments/list", headers=basic("encore", WORD)).text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("encore", ""),
        basic("encore", WORD[:-1]),
        basic("other", WORD),
        {"Authorization": f"Bearer {WORD[:-1]}x"},
        {"Authorization": b"Basic \xff\xfe"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/list", "/health/", "//health", "/health/../x"])
def test_nothing_else_opens_anything(client: TestClient, headers: dict[str, str], path: str) -> None:
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Basic")
    assert "inside" not in answer.text


def test_health_needs_no_password(client: TestClient) -> None:
    assert client.get("/health").text == "inside"


def test_a_websocket_is_refused(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/x"):
        pass
