"""Passwords of any character, from variables and files, and in no message."""

from pathlib import Path

import pytest
from feast.infra.online_stores.redis import RedisOnlineStore
from sqlalchemy import make_url

from core.errors import ConfigError, StoreError
from core.settings import StoreSettings, completed, database_url, redis_connection, secret
from core.stamps import fingerprint
from serving.settings import load_settings

ANY = [
    "p@ss/w:ord#%",
    "a,b=c,d",
    "12345",
    "true",
    r'say "\x"',
    "пароль 密码",
    "$HOME",
    "${HOME}",
    "a b+c&d?e",
    "%40",
    "*",
]


@pytest.mark.parametrize("value", ANY)
def test_any_character_arrives(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Feast and SQLAlchemy read the addresses that they get."""
    monkeypatch.setenv("WORD", value)
    (node,), options = RedisOnlineStore._parse_connection_string(redis_connection("redis://me:${WORD}@cache:1/2"))
    assert node == {"host": "cache", "port": "1"}
    assert options == {"db": 2, "password": value, "username": "me"}
    url = make_url(database_url("postgresql://me:${WORD}@host:1/name"))
    assert (url.username, url.password, url.host, url.port, url.database) == ("me", value, "host", 1, "name")
    assert make_url(completed("postgresql://host/name?password=${WORD}")).query["password"] == value


def test_paths_and_whole_addresses_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDER", "/srv/a b")
    monkeypatch.setenv("SHOP", "postgresql://me:p%40@host/name")
    assert completed("sqlite:///${FOLDER}/shop.db") == "sqlite:////srv/a b/shop.db"
    assert database_url("${SHOP}") == "postgresql+psycopg://me:p%40@host/name"
    assert completed("redis://cache:6379/0") == "redis://cache:6379/0"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_holds_the_value(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_bytes(f" {ANY[0]} {end}".encode())
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    assert secret("WORD") == f" {ANY[0]} "


def test_a_value_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"WORD and WORD_FILE, found none.*Put the value"):
        redis_connection("redis://:${WORD}@cache")
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    with pytest.raises(ConfigError, match=r"value of WORD in .*word, which cannot be read: No such file"):
        secret("WORD")
    (tmp_path / "word").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"it is not UTF-8"):
        secret("WORD")
    (tmp_path / "word").write_text("\n")
    with pytest.raises(ConfigError, match=r"found an empty file"):
        secret("WORD")
    monkeypatch.setenv("WORD", "x")
    with pytest.raises(ConfigError, match=r"found both"):
        secret("WORD")


def test_settings_hold_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a new password does not make stages run again, and no dump of settings shows one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENCORE_STORES__ONLINE", "redis://:${WORD}@cache:6379/0")
    monkeypatch.setenv("WORD", "first")
    first = load_settings()[StoreSettings]
    monkeypatch.setenv("WORD", "second")
    assert fingerprint(first) == fingerprint(load_settings()[StoreSettings])
    assert "first" not in repr(first)
    assert "second" in redis_connection(first.online)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ENCORE_STORES__ONLINE", "redis://:p@ss/w:ord#%@cache:6379/0"),
        ("ENCORE_STORES__ONLINE", "redis://:ss/w:ord#%@cache:6379/0"),
        ("ENCORE_STORES__ONLINE", "valkey://:w:ord@cache"),
        ("ENCORE_STORES__REGISTRY", "postgresql://me:p@ss/w:ord#%@host/name"),
        ("ENCORE_TRACKING__URI", "http://me:p#w:ord@mlflow:5000"),
        ("ENCORE_STORES__ONLINE_PASSWORD", "w:ord"),
    ],
)
def test_a_refused_setting_does_not_show_its_password(
    name: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, address)
    with pytest.raises(ConfigError, match=name) as caught:
        load_settings()
    assert "w:ord" not in str(caught.value)
    assert "***" in str(caught.value)


def test_no_error_shows_the_password_of_an_address() -> None:
    error = StoreError(
        "No answer of http://me:p@ss/w:ord#@host:1/x, or of cache:1,password=w:ord,db=0.", "See http://a/b."
    )
    assert error.problem == "No answer of http://me:***@host:1/x, or of cache:1,password=***,db=0."
    assert str(error) == f"{error.problem} See http://a/b."
