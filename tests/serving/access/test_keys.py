"""Keys: only hashes are kept, roles bound what they open, and changes are followed."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import StoreSettings
from serving.access.keys import ROLES, KeyFile, KeyRing, Role, granted
from serving.access.rate import RateLimit
from serving.access.sessions import Sessions
from tests.serving.cli.test_cli import run

NOW = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(StoreSettings(data=tmp_path))


def test_a_key_is_known_by_its_hash_alone(file: KeyFile) -> None:
    secret = file.create("crm", ("score", "explain"), NOW, per_minute=60)
    assert secret not in file.path.read_text()
    assert file.path.stat().st_mode & 0o077 == 0
    key = KeyRing(file, lambda: NOW).find(secret)
    assert key is not None
    assert (key.name, key.roles, key.per_minute) == ("crm", ("score", "explain"), 60)
    assert KeyRing(file, lambda: NOW).find(secret + "x") is None
    assert KeyRing(file, lambda: NOW).find("") is None


def test_a_rotated_key_ends_after_the_grace_time(file: KeyFile) -> None:
    old = file.create("crm", ("score",), NOW)
    new = file.rotate("crm", NOW, timedelta(hours=24))
    for hours, works in ((1, True), (25, False)):
        ring = KeyRing(file, lambda at=NOW + timedelta(hours=hours): at)  # type: ignore[misc]
        assert (ring.find(old) is not None) == works
        key = ring.find(new)
        assert key is not None
        assert key.roles == ("score",)


def test_a_revoked_key_ends_within_a_second(file: KeyFile) -> None:
    secret = file.create("crm", ("score",), NOW)
    ring = KeyRing(file, lambda: NOW)
    assert ring.find(secret) is not None
    file.revoke("crm", NOW)
    deadline = time.monotonic() + 3
    while ring.find(secret) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    file.create("crm", ("score",), NOW)  # its name is free again


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164", "crm\u200b", "crm\n"])
def test_a_key_has_a_name_that_can_be_read(file: KeyFile, name: str) -> None:
    with pytest.raises(ConfigError, match="Expected a name for the key, found"):
        file.create(name, ("score",), NOW)
    assert file.read() == []
    file.create("客户 1", ("score",), NOW)


def test_known_names_are_listed_where_one_is_wrong(file: KeyFile) -> None:
    file.create("crm", ("score",), NOW)
    with pytest.raises(ConfigError, match="There is a key 'crm' already"):
        file.create("crm", ("score",), NOW)
    with pytest.raises(ConfigError, match="No key 'cmr' is in use; there are crm"):
        file.revoke("cmr", NOW)
    file.path.write_text("{")
    with pytest.raises(ConfigError, match="Restore the file"):
        file.read()


def test_rotating_without_grace_ends_all_keys_of_a_name(file: KeyFile) -> None:
    first = file.create("crm", ("score",), NOW)
    second = file.rotate("crm", NOW, timedelta(days=1))
    ring = KeyRing(file, lambda: NOW + timedelta(minutes=1))
    assert ring.find(first)
    assert ring.find(second)
    third = file.rotate("crm", NOW + timedelta(minutes=1), timedelta(0))
    later = KeyRing(file, lambda: NOW + timedelta(minutes=1))
    assert [later.find(one) is not None for one in (first, second, third)] == [False, False, True]


def test_the_commands_make_list_rotate_and_revoke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "serve") == 2
    assert "encore keys create" in capsys.readouterr().err
    assert run(monkeypatch, "keys", "create", "crm", "--role", "score", "--role", "explain") == 0
    first = capsys.readouterr().out.strip()
    assert first.startswith("encore_")
    assert run(monkeypatch, "keys", "rotate", "crm", "--grace-hours", "0") == 0
    second = capsys.readouterr().out.strip()
    ring = KeyRing(KeyFile(StoreSettings()), lambda: datetime.now(UTC))
    assert (ring.find(first), ring.find(second) is not None) == (None, True)
    assert run(monkeypatch, "keys", "list") == 0
    listing = capsys.readouterr().out
    assert "crm" in listing
    assert "ended" in listing
    assert second not in listing
    assert run(monkeypatch, "keys", "revoke", "crm") == 0
    assert run(monkeypatch, "serve") == 2
    assert run(monkeypatch, "keys", "create", "x", "--role", "king") == 2


def test_a_key_of_the_console_gets_a_link_that_works_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "keys", "create", "anna", "--role", "marketer", "--role", "analyst") == 0
    anna = KeyRing(KeyFile(StoreSettings()), lambda: datetime.now(UTC)).find(capsys.readouterr().out.strip())
    assert anna is not None
    assert anna.roles == ("marketer", "analyst")
    assert granted(anna.roles) == {"viewer", "marketer", "analyst"}
    for url, start in ((None, "http://127.0.0.1:8000"), ("https://encore.example.com/", "https://encore.example.com")):
        options = [] if url is None else ["--url", url]
        assert run(monkeypatch, "keys", "link", "anna", *options) == 0
        link = capsys.readouterr().out.strip()
        address, _, token = link.partition("/console/sign-in?once=")
        assert address == start
        sessions = Sessions(StoreSettings(), timedelta(hours=12))
        assert sessions.take(token, datetime.now(UTC)) == anna.id
        assert sessions.take(token, datetime.now(UTC)) is None


def test_a_key_of_the_api_gets_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "keys", "create", "crm", "--role", "score") == 0
    assert run(monkeypatch, "keys", "link", "crm") == 2
    assert "has no role of the console, but score" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "data/console").exists()


@pytest.mark.parametrize("role", ROLES)
def test_roles_of_the_console_include_what_others_may_do(role: Role) -> None:
    """A viewer reads, marketers and analysts read too, an admin does all; roles of the API open no page."""
    expected = {
        "viewer": {"viewer"},
        "marketer": {"viewer", "marketer"},
        "analyst": {"viewer", "analyst"},
        "admin": {"viewer", "marketer", "analyst", "admin"},
    }
    assert granted([role]) == expected.get(role, set())


def test_a_burst_is_let_through_and_then_an_even_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    limit = RateLimit(tmp_path / "rates.bin")
    waits = [limit.wait("a", 60) for _ in range(12)]  # one a second, ten at once
    assert waits[:10] == [0.0] * 10
    assert waits[10] == waits[11] == pytest.approx(1.0)
    assert limit.wait("b", 60) == 0.0
    clock[0] += 1.0
    assert limit.wait("a", 60) == 0.0
    assert limit.wait("a", 60) > 0
    clock[0] += 3600
    assert [limit.wait("a", 60) for _ in range(10)] == [0.0] * 10
    clock[0] = 5.0  # the machine was started again
    assert limit.wait("a", 60) == 0.0


def test_workers_share_a_rate(tmp_path: Path) -> None:
    one, other = (RateLimit(tmp_path / "rates.bin") for _ in range(2))
    allowed = sum((one if turn % 2 else other).wait("a", 60) == 0 for turn in range(30))
    assert 10 <= allowed <= 11
