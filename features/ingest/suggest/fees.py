"""Lines that may be no goods: postage, deposits, gift cards, wrapping, discounts as lines of their own."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from core.sql import identifier
from features.ingest.suggest.match import fee_words
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.words import words_of

#: More suspects than this are no exception but how the shop sells.
_MOST = 40


@dataclass(frozen=True)
class Suspect:
    """A product that may be none: its id, its lines, and what speaks for it."""

    product: str
    lines: int
    reason: str


def find_suspects(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile]) -> list[Suspect]:
    """Return products that look like fees, the most frequent first.

    A word alone is no proof: of a name with several words, at least half must be words of fees, so that a vintage post
    office cabinet stays goods. Without such a name it is a price below zero on every line, or a piece for the same
    price in many orders that other goods are in, and nothing else with that price.
    """
    product = roles.get("product_id")
    if product is None:
        return []
    name = roles.get("name")
    title = f"any_value(known({identifier(name.name)}))" if name is not None else "NULL"
    value = roles.get("unit_price") or roles.get("amount")
    price = f"number({identifier(value.name)})" if value is not None else "NULL::DOUBLE"
    quantity = f"number({identifier(roles['quantity'].name)})" if "quantity" in roles else "1"
    order = identifier(roles["order_id"].name) if "order_id" in roles else "rowid"
    found = con.execute(
        f"SELECT canonical({identifier(product.name)}) AS product, {title}, count(*), min({price}), max({price}), "
        f"max({quantity}), count(DISTINCT {order}) / (SELECT count(DISTINCT {order}) FROM {table}) "
        f"FROM {table} GROUP BY 1 HAVING product IS NOT NULL ORDER BY count(*) DESC, product"
    ).fetchall()
    suspects = []
    for code, called, lines, least, most, pieces, share in found:
        reason = _reason(str(code), str(called or ""), least, most, pieces, share, len(found))
        if reason is not None:
            suspects.append(Suspect(str(code), int(lines), f"{called or code}: {reason}"))
    return suspects if len(suspects) <= max(_MOST, 0.1 * len(found)) else []


def _reason(
    code: str, called: str, least: float | None, most: float | None, pieces: float, share: float, products: int
) -> str | None:
    if _is_fee(called) or _is_fee(code):
        return "its name"
    if most is not None and most < 0:
        return "always below 0"
    if least is not None and least == most and pieces == 1 and share > max(0.2, 5 / products):
        return f"one for {most:,.2f} in {share:.0%} of the orders"
    return None


def _is_fee(text: str) -> bool:
    """Return whether at least half of the words are words of fees."""
    words = [word for word in words_of(text) if not word.isdigit() and word not in {"percent", "number"}]
    listed, inside = fee_words()
    fees = [word for word in words if word in listed or any(part in word for part in inside)]
    return bool(words) and 2 * len(fees) >= len(words)
