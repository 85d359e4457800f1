"""Who may open which page: every route of the console with every role."""

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from core.settings import StoreSettings
from serving.access.keys import CONSOLE_ROLES, KeyFile, Role
from serving.settings import ConsoleSettings, OpenIdSettings
from tests.serving.console.routes import Route, routes_of
from tests.serving.console.visits import Visit, bare, signed_in, visitor_of

#: Routes for everybody, with those that sign in.
OPEN = {
    "GET /assets/{name}",
    "GET /openid",
    "GET /openid/callback",
    "GET /sign-in",
    "POST /preferences",
    "POST /sign-in",
    "POST /sign-out",
}
#: Who may change what: a route that is not listed here fails the tests.
CHANGES: dict[str, Role] = {
    "POST /campaigns/look": "marketer",
    "POST /campaigns/{name}/export": "marketer",
    "POST /campaigns/{name}/exports/{export}/send": "marketer",
    "POST /campaigns/{name}/start": "marketer",
    "POST /campaigns/{name}/stop": "marketer",
    "POST /consent/{customer_id:path}": "marketer",
    "POST /contact/save": "marketer",
    "POST /data/check": "analyst",
    "POST /forget/{customer_id:path}": "admin",
    "POST /models/{name}/{number}/promote": "analyst",
    "POST /models/{name}/{number}/roll-back": "analyst",
    "POST /record/{customer_id:path}": "marketer",
    "POST /segments-preview": "marketer",
    "POST /segments/new": "marketer",
    "POST /segments/{name}/delete": "marketer",
}
#: Who may read what, by the beginning of its address; all the rest is for viewers.
READS: dict[str, Role] = {
    "/campaigns/{name}/exports": "marketer",
    "/customers/export": "marketer",
    "/data": "analyst",
    "/erasures": "admin",
    "/forget": "admin",
    "/models": "analyst",
    "/segments/new": "marketer",
    "/segments/{name}/customers.csv": "marketer",
}


def expected(route: Route) -> Role | None:
    """Return the role that a route is listed with here."""
    if str(route) in OPEN:
        return None
    if route.changes:
        assert str(route) in CHANGES, f"{route} may change something: list it in CHANGES of {__file__}"
        return CHANGES[str(route)]
    return next((role for start, role in READS.items() if route.path.startswith(start)), "viewer")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A deployment without data: who may not see a page learns nothing of whether there are any."""
    openid = OpenIdSettings(issuer="http://localhost:9", client_id="x", client_secret=SecretStr("x"), roles={})
    return bare(tmp_path_factory.mktemp("console"), ConsoleSettings(openid=openid))


@pytest.fixture(scope="module")
def routes(app: FastAPI) -> list[Route]:
    return routes_of(app)


def test_every_route_takes_the_role_that_is_listed(routes: list[Route]) -> None:
    assert len(routes) > 10
    assert {str(route): route.role for route in routes} == {str(route): expected(route) for route in routes}


def test_no_page_is_shown_without_a_session(app: FastAPI, routes: list[Route]) -> None:
    nobody = visitor_of(app)
    token = nobody.token()
    for route in routes:
        if route.role is None:
            continue
        answer = nobody.client.request(route.method, route.address(), headers={"X-CSRF-Token": token})
        assert answer.status_code == 303, route
        assert answer.headers["location"].startswith("/console/sign-in"), route
        answer = nobody.client.request(
            route.method, route.address(), headers={"X-CSRF-Token": token, "HX-Request": "true"}
        )
        assert (answer.status_code, answer.content) == (204, b""), route
        assert answer.headers["hx-redirect"].startswith("/console/sign-in"), route


@pytest.mark.parametrize("role", [*CONSOLE_ROLES, "score"])
def test_a_role_opens_its_routes_and_no_others(app: FastAPI, routes: list[Route], role: Role) -> None:
    visit = _with_role(app, role)
    token = visit.token()
    may = CONSOLE_ROLES.get(role, frozenset())
    for route in routes:
        if route.role is not None:
            answer = visit.client.request(route.method, route.address(), headers={"X-CSRF-Token": token})
            assert (answer.status_code == 403) == (route.role not in may), (route, answer.status_code)
            assert answer.status_code != 500, (route, answer.text)


def _with_role(app: FastAPI, role: Role) -> Visit:
    """Sign in; who has no role of the console had one at that moment."""
    keys = KeyFile(app.state.encore.settings[StoreSettings])
    secret = keys.renew(role, ("viewer", role) if role == "score" else (role,), app.state.encore.clock())
    visit = signed_in(app, secret)
    if role == "score":
        keys.path.write_text(keys.path.read_text().replace('"viewer",\n        "score"', '"score"'))
        app.state.encore.keys._look()
    return visit


def test_every_change_needs_the_token_of_the_session(app: FastAPI, routes: list[Route]) -> None:
    visit, other = _with_role(app, "admin"), visitor_of(app)
    for route in (route for route in routes if route.changes):
        for token in (None, "", other.token()):
            answer = visit.client.request(route.method, route.address(), data={} if token is None else {"csrf": token})
            assert answer.status_code == 403, route
            assert "of another session" in answer.text, route


def test_nothing_changes_by_a_link(routes: list[Route]) -> None:
    assert {route.method for route in routes} <= {"GET", "POST"}
