"""A visit of the console without a browser: pages as text, forms with their token."""

import re
import time
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

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
