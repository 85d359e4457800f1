"""Signing in with OpenID Connect, at a provider that answers as real ones do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import flask
import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from fastapi import FastAPI
from oidc_provider_mock import User, init_app
from pydantic import SecretStr
from werkzeug.serving import make_server

from core.errors import ConfigError
from serving.settings import ConsoleSettings, OpenIdSettings
from tests.serving.console.visits import Visit, bare, is_in, visitor_of

ROLES = {"crm-marketing": "marketer", "crm-analysts": "analyst"}
PEOPLE = [
    User(sub="anna", claims={"name": "Anna <b>Bell</b>", "groups": ["staff", "crm-marketing"]}),
    User(sub="ben", claims={"groups": "crm-analysts"}),
    User(sub="carl", claims={"groups": ["staff"]}),
    User(sub="dora"),
]


@contextmanager
def provider() -> Iterator[str]:
    """Serve a provider on a port of its own; yields its address."""
    server = make_server("localhost", 0, init_app(flask.Flask("provider"), user_claims=PEOPLE), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # of the provider's; it speaks HTTP here
        with provider() as url:
            yield url


def settings(issuer: str, **more: Any) -> ConsoleSettings:
    openid = OpenIdSettings(issuer=issuer, client_id="encore", client_secret=SecretStr("s"), roles=ROLES)
    return ConsoleSettings(openid=openid, **more)


@pytest.fixture
def app(issuer: str, tmp_path: Path) -> FastAPI:
    return bare(tmp_path, settings(issuer))


def left(visit: Visit, wanted: str = "") -> str:
    """Go to the provider; returns its address."""
    answer = visit.get(f"/console/openid?next={wanted}")
    assert answer.status_code == 302
    return str(answer.headers["location"])


def agreed(address: str, person: str, **changed: str) -> str:
    """Sign in at the provider; returns the address that it sends the browser back to."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query)) | changed
    answer = httpx.post(f"{parts.scheme}://{parts.netloc}{parts.path}", params=query, data={"sub": person})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def arrived(visit: Visit, back: str) -> Any:
    parts = urlsplit(back)
    return visit.get(f"{parts.path}?{parts.query}")


def test_a_person_of_a_group_is_signed_in_with_its_role(app: FastAPI) -> None:
    visit = visitor_of(app)
    address = left(visit, "/console/customers%3Fq%3D1")
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["redirect_uri"] == ["http://testserver/console/openid/callback"]
    before = dict(visit.client.cookies)
    answer = arrived(visit, agreed(address, "anna"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/customers?q=1")
    assert is_in(visit)
    page = visit.get("/console/models").text  # a page of analysts says who may not see it
    assert "Anna &lt;b&gt;Bell&lt;/b&gt; has the roles marketer, viewer" in page
    # the cookie of before signs nobody in
    other = visitor_of(app, cookies=before)
    assert not is_in(other)


def test_a_group_may_be_a_single_text(app: FastAPI) -> None:
    visit = visitor_of(app)
    arrived(visit, agreed(left(visit), "ben"))
    assert is_in(visit)
    assert "has the roles" not in visit.get("/console/models").text


@pytest.mark.parametrize("person", ["carl", "dora"])
def test_who_is_in_no_group_stays_outside(app: FastAPI, person: str) -> None:
    visit = visitor_of(app)
    answer = arrived(visit, agreed(left(visit), person))
    assert answer.status_code == 403
    assert "Your account has no role of the console" in answer.text
    assert not is_in(visit)


def refused(visit: Visit, answer: Any) -> None:
    assert answer.status_code == 403
    assert "did not succeed" in answer.text
    assert not is_in(visit)


def test_an_answer_that_nobody_asked_for_signs_nobody_in(app: FastAPI) -> None:
    mine, other = visitor_of(app), visitor_of(app)
    back = agreed(left(mine), "anna")
    refused(other, arrived(other, back))  # of another browser: its session has no such state
    left(other)
    refused(other, arrived(other, back))
    refused(mine, arrived(mine, back.replace("state=", "state=x")))
    left(mine)
    refused(mine, arrived(mine, back))  # of an attempt before
    refused(mine, arrived(mine, "/console/openid/callback"))


def test_an_answer_is_used_once(app: FastAPI) -> None:
    visit = visitor_of(app)
    back = agreed(left(visit), "anna")
    held = dict(visit.client.cookies)
    assert arrived(visit, back).status_code == 303
    again = visitor_of(app, cookies=held)  # with the state, nonce and verifier of before
    refused(again, arrived(again, back))


@pytest.mark.parametrize("changed", [{"nonce": "of another one"}, {"client_id": "another"}])
def test_a_token_for_another_attempt_or_client_is_refused(app: FastAPI, changed: dict[str, str]) -> None:
    visit = visitor_of(app)
    refused(visit, arrived(visit, agreed(left(visit), "anna", **changed)))


@pytest.mark.parametrize(
    "claims",
    [{"aud": "another"}, {"aud": ["another", "encore"], "azp": "another"}, {"iss": "https://other"}, {"exp": 9}],
)
def test_a_token_for_others_or_from_others_is_refused(
    app: FastAPI, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(self: Any, claims_: Any, *args: Any) -> None:
        genuine(self, {**claims_, **claims}, *args)

    genuine = CodeIDToken.__init__
    monkeypatch.setattr(CodeIDToken, "__init__", changed)
    visit = visitor_of(app)
    refused(visit, arrived(visit, agreed(left(visit), "anna")))


def test_who_changes_their_mind_or_finds_no_provider_can_try_again(app: FastAPI, tmp_path: Path) -> None:
    visit = visitor_of(app)
    left(visit)
    refused(visit, visit.get("/console/openid/callback?error=access_denied"))
    away = visitor_of(bare(tmp_path / "other", settings("http://localhost:9")))
    refused(away, away.get("/console/openid"))


def test_the_issuer_is_the_one_that_is_configured(issuer: str, tmp_path: Path) -> None:
    app = bare(tmp_path, settings(issuer.replace("localhost", "LOCALHOST")))
    app_of = visitor_of(app)
    refused(app_of, arrived(app_of, agreed(left(app_of), "anna")))


def test_groups_are_read_at_each_request(issuer: str, tmp_path: Path) -> None:
    visit = visitor_of(bare(tmp_path, settings(issuer)))
    arrived(visit, agreed(left(visit), "anna"))
    cookies = dict(visit.client.cookies)
    without = settings(issuer)
    assert without.openid is not None
    roles = without.openid.model_copy(update={"roles": {"crm-analysts": "analyst"}})
    changed = visitor_of(bare(tmp_path, without.model_copy(update={"openid": roles})), cookies=cookies)
    assert "has no role of the console" in changed.get("/console/").text
    assert not is_in(visitor_of(bare(tmp_path), cookies=cookies))


def test_the_secret_may_be_in_a_file(issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = settings(issuer)
    assert console.openid is not None
    openid = console.openid.model_copy(update={"client_secret": SecretStr("${OIDC_SECRET}")})
    console = console.model_copy(update={"openid": openid})
    with pytest.raises(ConfigError, match="OIDC_SECRET"):
        bare(tmp_path, console)
    (tmp_path / "secret").write_text("p@ss/w:ord#%\n")
    monkeypatch.setenv("OIDC_SECRET_FILE", str(tmp_path / "secret"))
    asked: list[str] = []
    visit = visitor_of(bare(tmp_path, console))
    monkeypatch.setattr(AsyncOAuth2Client, "fetch_token", lambda self, *_, **__: asked.append(self.client_secret))
    arrived(visit, agreed(left(visit), "anna"))
    assert asked == ["p@ss/w:ord#%"]


def test_behind_a_proxy_with_tls_people_come_back_over_https(issuer: str, tmp_path: Path) -> None:
    visit = visitor_of(bare(tmp_path, settings(issuer, https_only=True)), base_url="https://encore.example.com")
    asked = parse_qs(urlsplit(left(visit)).query)
    assert asked["redirect_uri"] == ["https://encore.example.com/console/openid/callback"]
    assert "/console/openid?next=" in visit.get("/console/sign-in").text
    plain = visitor_of(bare(tmp_path))
    assert "/console/openid" not in plain.get("/console/sign-in").text
    assert plain.get("/console/openid").status_code == 404
