"""The file of decisions: actions, the policy and the moments, and what of it contradicts itself."""

import datetime as dt
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.files import written
from core.settings import Settings
from core.stamps import fingerprint
from serving.decisions.actions import DO_NOTHING, RESERVED, Action, Goal, OfferChoice
from serving.decisions.moments import MOMENT_KINDS, Moment, MomentDefinition
from serving.decisions.policy import Policy, in_global_holdout
from serving.segments.rules import NODE_TAGS
from serving.settings import DecisionSettings

__all__ = [
    "DO_NOTHING",
    "Action",
    "DecisionFile",
    "Decisions",
    "Goal",
    "Moment",
    "OfferChoice",
    "Policy",
    "decisions_of",
    "in_global_holdout",
    "load_decisions",
]

_REMEDY = "Correct the file; it has the tables [policy], [actions.<name>] and [moments.<name>]."
_TABLES = ("policy", "actions", "moments")
_log = structlog.get_logger(__name__)
#: Of unions, which an error's place has and a file has not.
_TAGS = NODE_TAGS | MOMENT_KINDS
_Model = TypeVar("_Model")
_ACTION, _POLICY = TypeAdapter(Action), TypeAdapter(Policy)
_MOMENT: TypeAdapter[MomentDefinition] = TypeAdapter(MomentDefinition)


@dataclass(frozen=True)
class Decisions:
    """Everything that a file of decisions says.

    Attributes
    ----------
    actions
        By name, in the order of the names; `do_nothing` is none of them, and always possible.
    version
        Names what was read: other content has another one, comments and order do not matter.
    tables
        What was read, as JSON has it; `decisions_of` makes the same decisions of it.
    """

    actions: Mapping[str, Action]
    policy: Policy
    moments: Mapping[str, Moment]
    version: str
    tables: Mapping[str, Any]

    @property
    def channels(self) -> frozenset[str]:
        """The channels of the actions."""
        return frozenset(action.channel for action in self.actions.values())


def load_decisions(path: Path | None) -> Decisions | None:
    """Read a file of decisions. None is no file.

    Raises
    ------
    ConfigError
        If the file cannot be read, one of its tables is not acceptable, or names something that is not there.
    """
    if path is None:
        return None
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The decisions cannot be read: {error}.", "Correct decisions.file or the file.") from error
    return decisions_of(tables, str(path))


def decisions_of(tables: Mapping[str, Any], place: str) -> Decisions:
    """Return what tables say, as TOML or JSON has them.

    Parameters
    ----------
    place
        Where they are from, for errors.

    Raises
    ------
    ConfigError
        If one is not acceptable, or names something that is not there.
    """
    unknown = sorted(tables.keys() - set(_TABLES))
    if unknown:
        raise ConfigError(f"{place}: expected the tables {', '.join(_TABLES)}, found {unknown[0]!r}.", _REMEDY)
    actions = {}
    for name, table in _tables_of(tables, "actions", place):
        if name in RESERVED:
            raise ConfigError(f"{place}: actions.{name}: {RESERVED[name]}.", "Choose another name for the action.")
        actions[name] = _checked(_ACTION, {**table, "name": name}, place, f"actions.{name}")
    moments: dict[str, Moment] = {
        name: _checked(_MOMENT, table, place, f"moments.{name}") for name, table in _tables_of(tables, "moments", place)
    }
    policy = _checked(_POLICY, tables.get("policy", {}), place, "policy")
    plain = _plain(tables)
    found = Decisions(actions, policy, moments, fingerprint(plain), plain)
    for problem in _unknown_names(found):
        raise ConfigError(f"{place}: {problem}.", "Correct the name, or add what it names.")
    return found


def _tables_of(tables: Mapping[str, Any], kind: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables of a kind with their names, in the order of the names."""
    of_kind = tables.get(kind, {})
    if not isinstance(of_kind, dict):
        raise ConfigError(f"{place}: expected tables [{kind}.<name>], found {kind} = {of_kind!r}.", _REMEDY)
    for name, table in sorted(of_kind.items()):
        if not isinstance(table, dict):
            raise ConfigError(f"{place}: expected the table [{kind}.{name}], found {name} = {table!r}.", _REMEDY)
        yield name, table


def _checked(kind: TypeAdapter[_Model], table: object, place: str, name: str) -> _Model:
    try:
        return kind.validate_python(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in (name, *first["loc"]) if part not in _TAGS)
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: {key}: {problem}.", _REMEDY) from error


def _unknown_names(decisions: Decisions) -> Iterator[str]:
    """Yield what is named and not there."""
    for action in decisions.actions.values():
        for moment in action.moments:
            if moment not in decisions.moments:
                yield f"actions.{action.name}.moments: expected {_one_of(decisions.moments)}, found {moment!r}"
    for key, channel in decisions.policy.channels():
        if channel not in decisions.channels:
            yield f"policy.{key}: expected a channel of an action, {_one_of(decisions.channels)}; found {channel!r}"


def _one_of(names: Collection[str]) -> str:
    return f"one of {', '.join(sorted(names))}" if names else "none, as there is none"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML has
    """Return a value of TOML as JSON has it: moments, days and times as texts."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


class DecisionFile:
    """The file of a deployment, read again when it changes. Safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings[DecisionSettings].file
        self._seen: tuple[str, ...] | None = None
        self._last: Decisions | None = None

    def current(self) -> Decisions | None:
        """Return what the file says now, None where there is no file.

        Where it was changed and cannot be read any more, that is logged once, and what it said before counts.

        Raises
        ------
        ConfigError
            If it never could be read.
        """
        seen = written(self._path)
        if seen != self._seen:
            try:
                self._last = load_decisions(self._path)
            except ConfigError as error:
                if self._last is None:
                    raise
                _log.warning("decisions_not_read", problem=error.problem, remedy=error.remedy)
            self._seen = seen
        return self._last
