"""API keys: made at random, kept as hashes, each with the roles it may use."""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

import structlog

from core.errors import ConfigError
from core.files import write_file
from core.locks import locked
from core.settings import StoreSettings
from features.contract.ids import is_visible

#: Of the API: score: CRM applications; explain: marketers; events: sources; admin: models, erasure; monitor: metrics.
#: Of the console: viewer reads; marketer plans, contacts and exports too; analyst sees models and data too; and admin.
Role = Literal["score", "explain", "events", "admin", "monitor", "viewer", "marketer", "analyst"]
ROLES: tuple[Role, ...] = get_args(Role)
#: What each role of the console may do: that of others too.
CONSOLE_ROLES: dict[Role, frozenset[Role]] = {
    "viewer": frozenset({"viewer"}),
    "marketer": frozenset({"viewer", "marketer"}),
    "analyst": frozenset({"viewer", "analyst"}),
    "admin": frozenset({"viewer", "marketer", "analyst", "admin"}),
}
#: Seconds after which a changed file is noticed at the latest.
_LOOK = 1.0
_log = structlog.get_logger(__name__)


def granted(roles: Iterable[Role]) -> frozenset[Role]:
    """Return what somebody may do in the console who has these roles."""
    return frozenset[Role]().union(*(CONSOLE_ROLES[role] for role in roles if role in CONSOLE_ROLES))


@dataclass(frozen=True)
class Key:
    """A key as it is kept.

    Attributes
    ----------
    id
        The first part of the key, which logs name.
    digest
        SHA-256 of the whole key. A slow hash would protect a secret that somebody chose; 256 random bits need none.
    per_minute
        Requests that it may make; None is the configured default.
    until
        When it ends, as ISO 8601; None is never.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    digest: str
    created: str
    per_minute: int | None = None
    until: str | None = None

    def ended(self, now: datetime) -> bool:
        """Tell whether it is no longer accepted."""
        return self.until is not None and datetime.fromisoformat(self.until) <= now


class KeyFile:
    """The keys of a deployment. Changes are written aside and renamed, one writer at a time."""

    def __init__(self, stores: StoreSettings) -> None:
        self.path = (stores.data / "keys.json").resolve()

    def read(self) -> list[Key]:
        """Return all keys, ended ones too.

        Raises
        ------
        ConfigError
            If the file is there and cannot be read.
        """
        try:
            content = json.loads(self.path.read_text())
            return [Key(**{**one, "roles": tuple(one["roles"])}) for one in content["keys"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                f"The API keys in {self.path} cannot be read: {error!r}.", "Restore the file from a backup."
            ) from error

    def named(self, name: str, now: datetime) -> Key:
        """Return the latest key of a name.

        Raises
        ------
        ConfigError
            If none is in use.
        """
        return _named(self.read(), name, now)

    def create(self, name: str, roles: tuple[Role, ...], now: datetime, per_minute: int | None = None) -> str:
        """Make a key and return it; only its hash is kept.

        Raises
        ------
        ConfigError
            If a key of that name is there, or the name cannot be read in a list and a log.
        """
        if not (name.isprintable() and is_visible(name)):
            raise ConfigError(f"Expected a name for the key, found {name!r}.", "Name who uses the key, such as crm.")
        with self._changing() as keys:
            if any(key.name == name and not key.ended(now) for key in keys):
                raise ConfigError(f"There is a key {name!r} already.", "Choose another name, or rotate it.")
            key, secret = _make(name, roles, now, per_minute)
            keys.append(key)
        return secret

    def renew(self, name: str, roles: tuple[Role, ...], now: datetime) -> str:
        """Make a key in the place of those of its name."""
        with self._changing() as keys:
            keys[:] = [key for key in keys if key.name != name]
            key, secret = _make(name, roles, now, None)
            keys.append(key)
        return secret

    def rotate(self, name: str, now: datetime, grace: timedelta) -> str:
        """Make a new key with the rights of the last one; all of that name end after the grace time, or before.

        Raises
        ------
        ConfigError
            If there is no such key.
        """
        with self._changing() as keys:
            old = _named(keys, name, now)
            made, secret = _make(name, old.roles, now, old.per_minute)
            for key in [key for key in keys if key.name == name and not key.ended(now + grace)]:
                _end(keys, key, now + grace)
            keys.append(made)
        return secret

    def revoke(self, name: str, now: datetime) -> None:
        """End all keys of a name at once.

        Raises
        ------
        ConfigError
            If there is no such key.
        """
        with self._changing() as keys:
            _named(keys, name, now)
            for key in [key for key in keys if key.name == name and not key.ended(now)]:
                _end(keys, key, now)

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        with locked(self.path.with_suffix(".lock")):
            keys = self.read()
            yield keys
            write_file(self.path, json.dumps({"keys": [asdict(key) for key in keys]}, indent=2).encode(), 0o600)


class KeyRing:
    """Finds the key that a request carries; follows changes of the file within a second."""

    def __init__(self, file: KeyFile, clock: Callable[[], datetime]) -> None:
        self._file = file
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._seen: int | None = None
        self._problem: ConfigError | None = None
        self._looked = 0.0
        self._lock = threading.Lock()

    def find(self, secret: str) -> Key | None:
        """Return the key, or None for one that is unknown or has ended.

        Raises
        ------
        ConfigError
            If the file could not be read since the start.
        """
        self._follow()
        key = self._keys.get(_digest(secret))
        return None if key is None or key.ended(self._clock()) else key

    def of_id(self, key_id: str) -> Key | None:
        """Return the key of an id, or None for one that is unknown or has ended.

        Raises
        ------
        ConfigError
            If the file could not be read since the start.
        """
        self._follow()
        key = next((one for one in self._keys.values() if one.id == key_id), None)
        return None if key is None or key.ended(self._clock()) else key

    def _follow(self) -> None:
        if time.monotonic() - self._looked > _LOOK:
            self._look()
        if self._problem is not None and not self._keys:
            raise self._problem

    def _look(self) -> None:
        with self._lock:
            self._looked = time.monotonic()
            try:
                seen = self._file.path.stat().st_mtime_ns
            except FileNotFoundError:
                seen = 0
            if seen == self._seen:
                return
            try:
                self._keys = {key.digest: key for key in self._file.read()}
                self._problem, self._seen = None, seen
            except ConfigError as error:  # the keys of before are in use until it can be read again
                if self._problem is None:
                    _log.error("keys_not_read", problem=error.problem)
                self._problem = error


def _make(name: str, roles: tuple[Role, ...], now: datetime, per_minute: int | None) -> tuple[Key, str]:
    place = secrets.token_hex(4)
    secret = f"encore_{place}_{secrets.token_urlsafe(32)}"
    return Key(place, name, roles, _digest(secret), now.isoformat(timespec="seconds"), per_minute), secret


def _named(keys: list[Key], name: str, now: datetime) -> Key:
    matches = [key for key in keys if key.name == name and not key.ended(now)]
    if not matches:
        known = sorted({key.name for key in keys if not key.ended(now)})
        raise ConfigError(f"No key {name!r} is in use; there are {', '.join(known) or 'none'}.", "Correct the name.")
    return matches[-1]


def _end(keys: list[Key], key: Key, moment: datetime) -> None:
    keys[keys.index(key)] = replace(key, until=moment.isoformat())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
