"""What pages give away: every customer that a page names is in the audit log, and nothing of a page runs inline."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from core.settings import StoreSettings
from serving.api.state import State
from serving.scoring.part import Question
from tests.conftest import World
from tests.serving.console.routes import Route, routes_of
from tests.serving.console.visits import Visit
from training.churn.labels import active_customers

pytestmark = pytest.mark.world
#: Values for the parameters of addresses: what the world has of each kind.
VALUES: dict[str, dict[str, str]] = {
    "models": {"name": "churn", "number": "1"},
    "segments": {"name": "at-risk"},
    "campaigns": {"name": "none", "export": "none"},
}
#: Addresses with what makes a page show more than it does without.
ASKED = [
    "/console/customers?sort=-value_at_risk&columns=tier,value",
    "/console/customers?q=6",
    "/console/contact?budget=100",
]
_CUSTOMER = re.compile(r'"/console/customer/([^"?#]+)')


class _Inline(HTMLParser):
    """Collects what a page would run or style by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (tag == "script" and not given.get("src")) or tag == "style":
            self.found.append(tag)
        for name, value in attrs:
            runs = (value or "").lower().lstrip().startswith("javascript:")
            if name.startswith(("on", "hx-on")) or name == "style" or runs:
                self.found.append(f"{tag} {name}={value}")
        for name in ("src", "href", "action", "hx-get", "hx-post"):
            address = given.get(name) or "/"
            if not address.startswith(("/", "#", "?", "data:")) or address.startswith("//"):
                self.found.append(f"{tag} {name}={address}")


def addresses(routes: list[Route]) -> Iterator[str]:
    for route in routes:
        if not route.changes and route.role is not None:
            kind = route.path.split("/")[1].split("-")[0]
            yield route.address(customer_id="6", **VALUES.get(kind, {}))
    yield from ASKED


def named(folder: Path) -> list[str]:
    """Return the customers in the audit log, in its order."""
    file = folder / "audit/audit.jsonl"
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [customer for line in lines for customer in orjson.loads(line)["customers"]]


def _score(state: State, world: World, language: str) -> None:
    """Put some customers into the score table, which lists read."""
    customers = tuple(active_customers(world.settings, world.schedule.as_of)[:30])
    question = Question(customers, ("risk", "reasons", "value", "segments"), language)
    deployment = state.reloader.deployment
    state.service.prepare(deployment, question, state.reloader.as_of(deployment))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_run_nothing_inline_and_log_whom_they_name(
    visit: Callable[..., Visit], world: World, language: str
) -> None:
    visitor = visit("admin", language=language)
    folder = world.settings[StoreSettings].data
    pages = shown = 0
    app: Any = visitor.client.app
    _score(app.state.encore, world, language)
    for address in addresses(routes_of(app)):
        before = len(named(folder))
        answer = visitor.get(address)
        assert answer.status_code in {200, 303, 404, 409, 422}, (address, answer.text[:2000])
        assert "sign-in" not in answer.headers.get("location", ""), address
        assert "unsafe" not in answer.headers["content-security-policy"], address
        assert answer.headers["cache-control"] == "no-store", address
        inline = _Inline()
        if "html" in answer.headers.get("content-type", ""):
            inline.feed(answer.text)
            pages += 1
        assert not inline.found, address
        customers = {unquote(one) for one in _CUSTOMER.findall(answer.text)}
        assert customers <= set(named(folder)[before:]), address
        shown += len(customers)
    assert pages > 6
    assert shown > 10
