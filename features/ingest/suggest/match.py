"""Which role a source's column can play: by the words of its name, as listed in names.toml, and by its values."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from features.contract.tables import CONTRACT, Type
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.words import words_of

#: From this likeness on a name says what a column is meant to be.
CALLED_SO = 0.8
#: Names that fit less are no evidence.
_LIKE = 0.3
#: Types of the roles that are no contract columns.
_TYPES: dict[str, Type] = {
    "order_total": "DOUBLE",
    "snapshot": "TIMESTAMPTZ",
    "cancelled_at": "TIMESTAMPTZ",
    "line_id": "VARCHAR",
    "contract_id": "VARCHAR",
}
#: Words that say no more than that something has a name.
_WEAK = frozenset({"id", "no", "nr", "number", "code", "key", "ref", "num"})
#: A shop has more customers than this, and more than this share of its rows: a few names are its staff.
_CUSTOMERS, _CUSTOMER_SHARE, _ROWS = 5, 0.0005, 50
#: More different values are no kinds, states or currencies.
_FEW = 60


def assign(profiles: Mapping[str, Profile], roles: Sequence[str]) -> dict[str, Profile]:
    """Give each role the column that fits it best by name, if its values can be it. A column has one role."""
    pairs = sorted(
        (
            # a column that is half blank says less than one that is not
            (likeness(name, role) * (1.0 if profile.filled > 0.95 else 0.5 + 0.4 * profile.filled), role, name)
            for name, profile in profiles.items()
            for role in roles
            if _can_be(profile, role)
        ),
        key=lambda pair: (-pair[0], list(profiles).index(pair[2]), roles.index(pair[1])),
    )
    chosen: dict[str, Profile] = {}
    used: set[str] = set()
    for like, role, name in pairs:
        if like >= _LIKE and role not in chosen and name not in used:
            chosen[role] = profiles[name]
            used.add(name)
    if "event_timestamp" in roles and "event_timestamp" not in chosen:
        moments = [profile for name, profile in profiles.items() if profile.is_moment and name not in used]
        if len(moments) == 1:
            chosen["event_timestamp"] = moments[0]
    return chosen


def _can_be(profile: Profile, role: str) -> bool:
    """Return whether the values of a column can be those of a role."""
    if profile.filled == 0:
        return False
    if role in _CHECKS:
        return _CHECKS[role](profile)
    kind = _type_of(role)
    if kind == "DOUBLE":
        return profile.is_number and not (profile.is_moment and not profile.points)
    return profile.is_moment if kind in {"TIMESTAMPTZ", "DATE"} else True


def _is_order(profile: Profile) -> bool:
    """Tell the number of an order from a name; some shops call it the order's name."""
    named = words_of(profile.name) == ("name",)
    return not named or all(any(sign.isdigit() for sign in text) and " " not in text for text in profile.examples)


def _are_people(profile: Profile) -> bool:
    """Tell customers from a shop's staff and tills, of which there are few."""
    return profile.rows < _ROWS or profile.distinct >= max(_CUSTOMERS, _CUSTOMER_SHARE * profile.rows)


def _has_few(profile: Profile) -> bool:
    return not profile.is_moment and profile.distinct <= _FEW


#: What values of some roles have to be, beside their type.
_CHECKS: dict[str, Callable[[Profile], bool]] = {
    "customer_id": _are_people,
    "order_id": _is_order,
    "time_of_day": lambda profile: profile.is_time,
    "is_cancel": lambda profile: profile.distinct == 2,
    "churned": lambda profile: profile.distinct == 2,
    "currency": _has_few,
    "status": _has_few,
    "document_type": _has_few,
    "time_zone": _has_few,
    "acquisition_channel": lambda profile: _has_few(profile) and not profile.is_number,
    # names are texts for people: a column of numbers is none
    "name": lambda profile: not profile.is_number,
    "brand": lambda profile: not profile.is_number,
    "department": lambda profile: not profile.is_number,
}


@cache
def _type_of(role: str) -> Type:
    columns = {column.name: column.type for table in CONTRACT.values() for column in table.columns}
    return _TYPES.get(role, columns.get(role, "DOUBLE" if role in {"unit_price", "discount"} else "VARCHAR"))


def likeness(name: str, role: str) -> float:
    """Return how well a source's name fits a role, from 0 to 1.

    A name of the role is 1 or little less. A longer name fits where the other words in it only say of what: a
    `Lineitem price` is a price, a `product_name_length` is no name.
    """
    words = words_of(name)
    whole = "".join(words)
    known, around = _role(role)
    if whole in known:
        return 1.0 - 0.005 * known.index(whole)
    best = 0.0
    for first in range(len(words)):
        for last in range(first + 1, len(words) + 1):
            part, rest = "".join(words[first:last]), [*words[:first], *words[last:]]
            if part in known and all(word in around or word.isdigit() for word in rest):
                # a code of a customer is a customer, as good as one with that name
                fit = 0.93 if all(word in _WEAK for word in rest) else 0.8 * len(part) / len(whole)
                best = max(best, fit - 0.002 * known.index(part))
    return best


@cache
def _role(role: str) -> tuple[list[str], frozenset[str]]:
    names = _names()
    own = names["roles"].get(role, {})
    return own.get("names", []), frozenset([*own.get("around", []), *names["around"]])


def is_name(name: str) -> bool:
    """Return whether a name is that of any role."""
    return any(likeness(name, role) > 0 for role in _names()["roles"])


def is_sensitive(name: str) -> bool:
    """Return whether an attribute must not be a reason to treat a customer in another way."""
    return _is_listed(name, "sensitive")


def is_code(name: str) -> bool:
    """Return whether numbers in a column are codes, of which none is more than another."""
    return not set(words_of(name)).isdisjoint(listed_words("codes"))


def is_person(name: str) -> bool:
    """Return whether a column has names or addresses of people, which are no groups of customers."""
    return not set(words_of(name)).isdisjoint(listed_words("people"))


def is_outcome(name: str) -> bool:
    """Return whether an attribute says what became of a customer, or adds up what they did until now."""
    return _is_listed(name, "outcomes")


def _is_listed(name: str, section: str) -> bool:
    words, listed = words_of(name), listed_words(section)
    return any("".join(words[a:b]) in listed for a in range(len(words)) for b in range(a + 1, len(words) + 1))


def meaning_stems(meaning: str) -> tuple[str, ...]:
    """Return beginnings of words in values: `cancelled`, `returned`, `paid`, `looked` or `sold`."""
    return tuple(_names()["meanings"][meaning])


def listed_words(section: str) -> tuple[str, ...]:
    """Return the names that a section of names.toml lists."""
    return tuple(_names()[section]["names"])


def zone_of(text: str) -> str | None:
    """Return the IANA name of a time zone as exports write it."""
    name: str | None = _names()["zones"].get(text.strip().lower())
    return name


def fee_words() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return words of goods that are none, and words that are found inside longer ones too."""
    fees = _names()["fees"]
    return frozenset(fees["words"]), tuple(fees["inside"])


@cache
def _names() -> dict[str, Any]:
    return tomllib.loads((resources.files("features.ingest.suggest") / "names.toml").read_text(encoding="utf-8"))
