"""Sessions as somebody who attacks them would try: copies, old tokens, foreign forms, links used twice."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.access.sessions import LONGEST_LINK, Sessions, link_path
from serving.scoring import metrics
from serving.settings import ConsoleSettings
from tests.serving.console.visits import Visit, bare, is_in, signed_in, visitor_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return bare(tmp_path, clock=lambda: NOW)


@pytest.fixture
def anna(app: FastAPI, tmp_path: Path) -> Visit:
    return signed_in(app, KeyFile(StoreSettings(data=tmp_path)).create("anna", ("marketer",), NOW))


def sessions(folder: Path, hours: int = 12) -> Sessions:
    return Sessions(StoreSettings(data=folder), timedelta(hours=hours))


def id_of(folder: Path, name: str = "anna") -> str:
    return KeyFile(StoreSettings(data=folder)).named(name, NOW).id


def cookie(answer: Any) -> str:
    return str(answer.headers["set-cookie"]).lower()


def test_signing_in_begins_another_session_with_another_token(app: FastAPI, tmp_path: Path) -> None:
    secret = KeyFile(StoreSettings(data=tmp_path)).create("anna", ("marketer",), NOW)
    visit = visitor_of(app)
    known_token, known_cookies = visit.token(), dict(visit.client.cookies)
    visit.post("/console/sign-in", {"key": secret})
    assert is_in(visit)
    assert visit.post("/console/preferences", token=known_token).status_code == 403
    assert not is_in(visitor_of(app, cookies=known_cookies))
    # signing in again ends the session of before
    before = dict(visit.client.cookies)
    visit.post("/console/sign-in", {"key": secret})
    assert is_in(visit)
    assert not is_in(visitor_of(app, cookies=before))


def test_signing_out_ends_copies_of_the_cookie(app: FastAPI, anna: Visit) -> None:
    copy = visitor_of(app, cookies=dict(anna.client.cookies))
    assert is_in(copy)
    assert anna.post("/console/sign-out").status_code == 303
    assert not is_in(anna)
    assert not is_in(copy)


@pytest.mark.parametrize("https", [False, True])
def test_the_cookie_is_kept_from_scripts_other_sites_and_the_api(tmp_path: Path, https: bool) -> None:
    visit = visitor_of(bare(tmp_path, ConsoleSettings(https_only=https)), base_url="https://testserver")
    for answer in (visit.get("/console/sign-in"), visit.post("/console/preferences", {"theme": "dark"})):
        given = cookie(answer)
        assert "httponly" in given
        assert "samesite=lax" in given
        assert "path=/console" in given
        assert ("secure" in given) == https


def test_a_cookie_that_was_changed_is_worth_nothing(app: FastAPI, anna: Visit) -> None:
    name, value = next(iter(anna.client.cookies.items()))
    assert not is_in(visitor_of(app, cookies={name: f"e30={value}"}))
    assert not is_in(visitor_of(app, cookies={name: "null"}))
    assert not is_in(visitor_of(app, cookies={name: value[:-1] + ("A" if value[-1] != "A" else "B")}))


def test_a_session_ends_by_itself(app: FastAPI, anna: Visit, tmp_path: Path) -> None:
    (file,) = (tmp_path / "console").glob("session-*")
    ago = time.time() - 13 * 3600
    os.utime(file, (ago, ago))
    assert not is_in(anna)
    sessions(tmp_path).begin()
    assert not file.exists()


@pytest.mark.parametrize("ended", [True, False])
def test_a_key_that_ends_or_loses_its_roles_ends_what_its_sessions_may_do(
    anna: Visit, tmp_path: Path, ended: bool
) -> None:
    keys = KeyFile(StoreSettings(data=tmp_path))
    assert is_in(anna)
    if ended:
        keys.revoke("anna", NOW)
    else:
        keys.path.write_text(keys.path.read_text().replace('"marketer"', '"score"'))
    deadline = time.monotonic() + 3
    while (answer := anna.get("/console/")).status_code not in {303, 403}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.status_code == (303 if ended else 403)


@pytest.mark.parametrize("token", ["", "x", "None", "\0"])
def test_a_form_needs_the_token_of_its_session(anna: Visit, token: str) -> None:
    for path in ("/console/sign-out", "/console/preferences", "/console/sign-in"):
        assert anna.post(path, token=token).status_code == 403
        assert anna.client.post(path, headers={"X-CSRF-Token": token.strip("\0")}).status_code == 403
        assert anna.client.post(path, json={"csrf": anna.token()}).status_code == 403
    assert is_in(anna)
    good = {"X-CSRF-Token": anna.token()}
    assert anna.client.post("/console/preferences", headers=good).status_code == 303


def test_the_token_of_somebody_else_is_refused(app: FastAPI, anna: Visit) -> None:
    other = visitor_of(app)
    assert anna.post("/console/sign-out", token=other.token()).status_code == 403
    nobody = visitor_of(app)
    assert nobody.client.post("/console/preferences", data={"csrf": ""}).status_code == 403


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "x",
        "/docs",
        "/console",
        "//[",
        "//evil.example/console/",
        "https://evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "/console/\\x",
        "/console/\nx",
        "\t//evil.example",
    ],
)
def test_no_address_leads_elsewhere(anna: Visit, wanted: str) -> None:
    assert anna.post("/console/preferences", {"back": wanted}).headers["location"] == "/console/"
    assert anna.post("/console/preferences", {"back": "/console/x?y=%5C"}).headers["location"] == "/console/x?y=%5C"


def test_redirects_do_not_name_the_host_of_the_request(anna: Visit) -> None:
    evil = {"Host": "evil.example"}
    for path in ("/console", "/console/", "/console/customers/", "/console/sign-in/"):
        for cookies in (anna.client.cookies, None):
            anna.client.cookies = cookies or {}
            assert "evil" not in anna.client.get(path, headers=evil).headers.get("location", "")
    assert anna.client.get("/console").headers["location"] == "/console/"


def test_a_link_signs_in_once(app: FastAPI, anna: Visit, tmp_path: Path) -> None:
    path = link_path(sessions(tmp_path), id_of(tmp_path), NOW, timedelta(hours=1))
    first, second = visitor_of(app), visitor_of(app)
    assert first.client.head(path).status_code == 405  # who looks at it in advance does not use it up
    assert first.get(path).headers["location"] == "/console/"
    assert is_in(first)
    answer = second.get(path)
    assert answer.status_code == 403
    assert "This link was used already" in answer.text
    assert not is_in(second)


def test_a_link_that_is_too_old_or_of_a_key_that_ended_signs_nobody_in(
    app: FastAPI, anna: Visit, tmp_path: Path
) -> None:
    kept = sessions(tmp_path)
    old = link_path(kept, id_of(tmp_path), NOW - timedelta(hours=1), timedelta(hours=1))
    unknown = link_path(kept, "nobody", NOW, timedelta(hours=1))
    KeyFile(StoreSettings(data=tmp_path)).create("crm", ("score",), NOW)
    api = link_path(kept, id_of(tmp_path, "crm"), NOW, timedelta(hours=1))
    for path in (old, unknown, api, "/console/sign-in?once=..%2Fsecret", "/console/sign-in?once=%00"):
        visit = visitor_of(app)
        assert visit.get(path).status_code == 403
        assert not is_in(visit)


def test_of_many_who_use_a_link_at_a_time_one_gets_in(tmp_path: Path) -> None:
    kept = sessions(tmp_path)
    token = kept.link("key", NOW, timedelta(hours=1))
    taken: list[str | None] = []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait()
        taken.append(kept.take(token, NOW))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, taken)) == ["None"] * 7 + ["key"]
    assert not list((tmp_path / "console").glob("link-*"))


def test_what_lies_in_the_folder_signs_nobody_in(app: FastAPI, anna: Visit, tmp_path: Path) -> None:
    token = sessions(tmp_path).link("key", NOW, timedelta(hours=1))
    files = list((tmp_path / "console").iterdir())
    assert all(token not in file.name and token not in file.read_text(errors="replace") for file in files)
    private = [file for file in files if file.name.startswith(("session-", "link-", "secret"))]
    assert len(private) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in private)


def test_links_that_nobody_used_are_removed(tmp_path: Path) -> None:
    kept = sessions(tmp_path)
    kept.link("key", NOW, timedelta(hours=1))
    (link,) = (tmp_path / "console").glob("link-*")
    kept.begin()
    assert link.exists()
    ago = time.time() - LONGEST_LINK.total_seconds() - 1
    os.utime(link, (ago, ago))
    kept.begin()
    assert not link.exists()


def test_attempts_of_an_address_are_few_and_use_up_no_key(app: FastAPI, tmp_path: Path) -> None:
    visit = visitor_of(app)
    answers = [visit.post("/console/sign-in", {"key": f"encore_{number}"}) for number in range(25)]
    assert {answer.status_code for answer in answers} == {403, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Too many attempts" in answers[-1].text
    assert not (tmp_path / "rates.bin").read_bytes().strip(b"\0")


def test_errors_are_pages_with_the_headers_of_all_answers(app: FastAPI, anna: Visit) -> None:
    answers = {
        "found": anna.get("/console/sign-in"),
        "not found": anna.get("/console/nowhere"),
        "method": anna.client.put("/console/sign-in"),
        "options": anna.client.options("/console/"),
        "form": anna.client.post("/console/sign-out"),
        "redirect": visitor_of(app).get("/console/"),
        "first": anna.get("/console"),
        "too long": anna.client.post("/console/sign-in", data={"key": "x" * 2_000_000}),
        "asset": anna.get("/console/assets/x"),
        "script": anna.get("/console/assets/console.js"),
    }
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        "found": 200, "not found": 404, "method": 405, "options": 405, "form": 403, "redirect": 303, "first": 303,
        "too long": 413, "asset": 404, "script": 200,
    }  # fmt: skip
    for name, answer in answers.items():
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, name
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert (answer.headers["cache-control"] == "no-store") == (name != "script"), name
        assert not answer.content or "text/" in answer.headers["content-type"], name
    assert answers["method"].headers["allow"]


def test_labels_of_metrics_are_patterns(anna: Visit) -> None:
    for path in ("/console/assets/of-great-renown", "/console/customer/of-great-renown", "/console/of-great-renown"):
        anna.get(path)
    shown = metrics.exposition().decode()
    assert 'route="/console/assets/{name}"' in shown
    assert "of-great-renown" not in shown


def test_a_console_that_is_off_is_not_there(tmp_path: Path) -> None:
    visit = visitor_of(bare(tmp_path, ConsoleSettings(enabled=False)))
    for path in ("/console", "/console/", "/console/sign-in", "/console/assets/console.js"):
        assert visit.get(path).status_code == 404
    assert visit.client.post("/console/sign-in").status_code == 404
    assert not (tmp_path / "console").exists()
