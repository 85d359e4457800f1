"""Health of a server that has nothing to answer with yet."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from core.settings import StoreSettings
from serving.api.app import create_app
from serving.settings import default_settings

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def test_load_balancers_may_ask_with_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with TestClient(create_app(default_settings(StoreSettings(data=tmp_path)), lambda: NOW)) as client:
        for path, status in (("/health/live", 200), ("/health/ready", 503)):
            answer = client.head(path)
            assert (answer.status_code, answer.content) == (status, b"")
            assert answer.headers["Content-Type"] == client.get(path).headers["Content-Type"]
