"""A visit of the console without a browser: pages as text, forms with their token."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.settings import StoreSettings
from serving.api.app import create_app, utc_now
from serving.console.site import with_console
from serving.settings import ConsoleSettings, default_settings

_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class Visit:
    """Somebody who has signed in."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, *, fragment: bool = False, **options: Any) -> Any:
        """Ask for a page, or for a part of it as htmx does."""
        return self.client.get(path, headers={"HX-Request": "true"} if fragment else {}, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, *, token: str | None = None) -> Any:
        """Send a form with the token of this session, or another one."""
        return self.client.post(path, data={"csrf": self.token() if token is None else token, **(data or {})})

    def token(self) -> str:
        """Return the token that forms of this session have."""
        return token_of(self.client.get("/console/sign-in").text)


def token_of(page: str) -> str:
    """Return the token of the forms on a page."""
    found = _TOKEN.search(page)
    assert found, page[:500]
    return found[1]


def signed_in(app: FastAPI, key: str, language: str = "en") -> Visit:
    """Sign in with a key; the loaded models are those of the application."""
    client = TestClient(
        app, raise_server_exceptions=False, follow_redirects=False, headers={"Accept-Language": language}
    )
    visit = Visit(client)
    deadline = time.monotonic() + 5
    while (answer := visit.post("/console/sign-in", {"key": key})).status_code != 303:
        assert time.monotonic() < deadline, answer.text  # a new key is noticed within a second
        time.sleep(0.2)
    return visit


def bare(folder: Path, console: ConsoleSettings | None = None, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return API and console of a deployment that has no data yet: enough to sign in."""
    settings = default_settings(StoreSettings(data=folder), console or ConsoleSettings())
    return with_console(create_app(settings, clock))


def visitor_of(app: FastAPI, **options: Any) -> Visit:
    """Return somebody who has not signed in yet."""
    return Visit(TestClient(app, raise_server_exceptions=False, follow_redirects=False, **options))


def is_in(visit: Visit) -> bool:
    """Tell whether somebody has signed in: pages do not lead to the form."""
    return not str(visit.get("/console/").headers.get("location", "")).startswith("/console/sign-in")
