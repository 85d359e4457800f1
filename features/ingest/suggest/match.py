"""Which contract column a source's column is: by its name, as listed in names.toml, and by its values."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from features.contract.tables import CONTRACT, Column, TableName
from features.ingest.suggest.profile import Profile

#: Names that fit less are no evidence.
_LIKE = 0.3
#: Products that are no goods, by words in their id or name.
NO_GOODS = (
    r"(?i)\b(post|postage|shipping|freight|delivery|carriage|versand|porto|bank charges|fee|adjust|manual|test)\b|运费"
)
#: What says yes, and what may say no.
YES = ("1", "true", "t", "yes", "y", "是")
_YES_OR_NO = {*YES, "0", "false", "f", "no", "n", "否"}
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}


def assign(profiles: Mapping[str, Profile], tables: Sequence[TableName]) -> dict[str, Profile]:
    """Give each column of some tables the source column that fits it best by name, if its content can be it."""
    kinds = {column.name: column for name in tables for column in CONTRACT[name].mapped}
    pairs = sorted(
        (
            (likeness(name, column), column, name)
            for name, profile in profiles.items()
            for column, contract in kinds.items()
            if column != "created_timestamp" and _can_be(profile, contract)
        ),
        key=lambda pair: (-pair[0], list(profiles).index(pair[2])),
    )
    chosen: dict[str, Profile] = {}
    used: set[str] = set()
    for like, column, name in pairs:
        if like >= _LIKE and column not in chosen and name not in used:
            chosen[column] = profiles[name]
            used.add(name)
    if "event_timestamp" in kinds and "event_timestamp" not in chosen:
        moments = [profile for profile in profiles.values() if profile.is_moment and profile.name not in used]
        if len(moments) == 1:
            chosen["event_timestamp"] = moments[0]
    return chosen


def _can_be(profile: Profile, column: Column) -> bool:
    if profile.filled == 0:
        return False
    if column.type == "DOUBLE":
        return profile.is_number and not (profile.is_moment and not profile.points)
    if column.type in {"TIMESTAMPTZ", "DATE"}:
        return profile.is_moment
    return True


def likeness(name: str, column: str) -> float:
    """Return how well a source's name fits a contract column, from 0 to 1."""
    plain, known = _plain(name), _names()["columns"].get(column, [])
    if plain in known:
        return 1.0 - 0.02 * known.index(plain)
    inside = [other for other in known if len(other) > 3 and other in plain]
    return 0.5 * max((len(other) / len(plain) for other in inside), default=0.0)


def is_sensitive(name: str) -> bool:
    """Return whether an attribute must not be a reason to treat a customer in another way."""
    return any(word in _plain(name) for word in _names()["attributes"]["sensitive"])


def says_cancelled(profile: Profile) -> bool:
    """Return whether a column says by yes or no that its row ends a contract early."""
    flag = profile.distinct <= 2 and {value.lower() for value in profile.examples} <= _YES_OR_NO
    return flag and _plain(profile.name) in _names()["flags"]["cancels"]


@cache
def _names() -> dict[str, dict[str, list[str]]]:
    names: dict[str, dict[str, list[str]]] = tomllib.loads(
        (resources.files("features.ingest.suggest") / "names.toml").read_text(encoding="utf-8")
    )
    return names


def _plain(name: str) -> str:
    """Return a name in lower case, without blanks, signs and umlauts."""
    lower = "".join(_UMLAUTS.get(letter, letter) for letter in name.lower())
    return re.sub(r"[\W_]+", "", lower)
