"""Columns with few values that say what a row is: a state of an order, a kind of document or of event.

They are found by their values, whatever they are called.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb

from core.sql import identifier
from features.ingest.suggest.match import listed_words, meaning_stems
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.seen import Seen
from features.ingest.suggest.words import words_of

Meaning = Literal["sold", "cancelled", "returned", "paid", "looked"]
#: More different values are no kinds.
_FEW = 30
#: Columns of these roles say what was sold, by whom and where, and not what a row is.
_OTHERS = {
    "name", "category", "department", "brand", "size", "product_id", "customer_id", "order_id", "line_id", "store_id",
    "currency", "time_zone", "discount_code",
}  # fmt: skip


@dataclass(frozen=True)
class Kinds:
    """A column whose values say what a row is.

    Attributes
    ----------
    values
        Rows by value, the most frequent first.
    """

    name: str
    values: Mapping[str, int]

    def of(self, meaning: Meaning) -> list[str]:
        """Return the values with a meaning."""
        return [value for value in self.values if meaning_of(value) == meaning]

    def __str__(self) -> str:
        return ", ".join(f"{value} ({rows:,})" for value, rows in list(self.values.items())[:8])


def find_kinds(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile]) -> Iterator[Kinds]:
    """Yield the columns with few values of which some have a meaning; the status of orders in any case."""
    taken = {profile.name for role, profile in roles.items() if role in _OTHERS}
    for name, profile in seen.profiles.items():
        is_text = not profile.is_number and not profile.is_moment and not profile.is_time
        if name in taken or not is_text or not 2 <= profile.distinct <= _FEW:
            continue
        kinds = Kinds(name, values_of(con, seen.export.table, identifier(name)))
        is_status = "status" in roles and roles["status"].name == name
        if is_status or any(kinds.of(meaning) for meaning in ("cancelled", "returned", "looked", "paid")):
            yield kinds


def values_of(con: duckdb.DuckDBPyConnection, table: str, expression: str) -> dict[str, int]:
    """Return the rows by value of an expression that has few; the most frequent first."""
    x = f"known({expression})"
    found = con.execute(
        f"SELECT {x} AS x, count(*) FROM {table} WHERE x IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60"
    ).fetchall()
    return {str(value): int(rows) for value, rows in found}


def meaning_of(value: str) -> Meaning | None:
    """Return what a value says of its row; None where it is no word that is known."""
    words = words_of(value)
    if not set(words).isdisjoint(listed_words("negations")):
        return None
    whole = " ".join(words)
    meanings: tuple[Meaning, ...] = ("cancelled", "returned", "paid", "looked", "sold")
    for meaning in meanings:
        for stem in meaning_stems(meaning):
            begins = (
                any(word.startswith(stem) for word in words) if stem.isascii() and " " not in stem else stem in whole
            )
            if begins:
                return meaning
    return None
