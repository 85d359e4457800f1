"""How well a column's name fits a contract column; the names are in names.toml."""

import re
import tomllib
from functools import cache
from importlib import resources

#: Products that are no goods, by what stands in their id or name.
NO_GOODS = (
    r"(?i)\b(post|postage|shipping|freight|delivery|carriage|versand|porto|bank charges|fee|adjust|manual|test)\b|运费"
)
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}


def likeness(name: str, column: str) -> float:
    """Say how well a source's name fits a contract column, from 0 to 1."""
    told, known = _plain(name), _names()["columns"].get(column, [])
    if told in known:
        return 1.0 - 0.02 * known.index(told)
    inside = [other for other in known if len(other) > 3 and other in told]
    return 0.5 * max((len(other) / len(told) for other in inside), default=0.0)


def is_sensitive(name: str) -> bool:
    """Tell whether an attribute must not be a reason to treat a customer in another way."""
    return any(word in _plain(name) for word in _names()["attributes"]["sensitive"])


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
