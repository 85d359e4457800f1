"""Display names: what customers and colleagues call a product, a type of products, an attribute or its value."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ConfigError
from features.contract.ids import canonical_id
from serving.explain.language import LANGUAGES, Language

KINDS = ("product", "type", "attribute", "value")


@dataclass(frozen=True)
class Names:
    """Display names in one language, by kind and by the id or the name in the data."""

    by_kind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, kind: str, key: str, otherwise: str | None = None) -> str:
        """Return the display name; without one what is given, else the name in the data."""
        return self.by_kind.get(kind, {}).get(key) or (key if otherwise is None else otherwise)


def load_names(path: Path | None) -> dict[Language, Names]:
    """Read the file of display names, by language; no file names nothing.

    The file is a CSV with the columns `kind` (product, type, attribute or value) and `id`, and one column for each
    language, such as `en`. An empty name is none.

    Raises
    ------
    ConfigError
        If the file cannot be read, has no column of a language, or names a kind that does not exist.
    """
    if path is None:
        return {language: Names() for language in LANGUAGES}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"The display names cannot be read: {error}.", "Correct texts.names or the file.") from error
    if not {"kind", "id"} <= set(columns) or not set(columns) & set(LANGUAGES):
        raise ConfigError(
            f"{path}: expected columns kind, id and at least one of {', '.join(LANGUAGES)}; found "
            f"{', '.join(columns) or 'none'}.",
            "Correct the first line of the file.",
        )
    found: dict[Language, dict[str, dict[str, str]]] = {language: defaultdict(dict) for language in LANGUAGES}
    for number, row in enumerate(rows, start=2):
        key = _key(row, f"{path}, line {number}")
        for language, names in found.items():
            if name := (row.get(language) or "").strip():
                names[row["kind"]][key] = name
    return {language: Names({kind: dict(names) for kind, names in by.items()}) for language, by in found.items()}


def _key(row: Mapping[str, str], place: str) -> str:
    """Return the id of a row in its canonical form."""
    if row["kind"] not in KINDS:
        raise ConfigError(
            f"{place}: expected a kind of {', '.join(KINDS)}; found {row['kind']!r}.", "Correct the line."
        )
    key = canonical_id(row["id"] or "")
    if not key:
        raise ConfigError(f"{place}: expected an id, found none.", "Correct or remove the line.")
    return key
