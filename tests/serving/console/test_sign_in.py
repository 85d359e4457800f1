"""Signing in, staying signed in, and signing out."""

from collections.abc import Callable

import pytest

from tests.serving.console.visits import Visit

pytestmark = pytest.mark.world


def test_a_page_without_a_session_leads_to_the_form(visit: Callable[..., Visit]) -> None:
    visitor = visit("viewer")
    visitor.client.cookies.clear()
    answer = visitor.get("/console/")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=")


def test_signed_in_until_signed_out(visit: Callable[..., Visit]) -> None:
    visitor = visit("viewer")
    assert visitor.get("/console/").status_code == 200
    cookies = dict(visitor.client.cookies)
    assert visitor.post("/console/sign-out").status_code == 303
    # a copy of the cookie is worth nothing any more
    visitor.client.cookies.update(cookies)
    assert visitor.get("/console/").status_code == 303
