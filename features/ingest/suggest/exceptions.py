"""Rows that are no sales of customers: returns, sales to guests, cancelled orders, other currencies."""

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from core.sql import count, identifier, quoted
from features.ingest.currencies import CODES, in_codes
from features.ingest.suggest.match import listed_words
from features.ingest.suggest.meanings import Kinds, values_of
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.seen import Seen
from features.ingest.suggest.suggestions import SuggestedInput
from features.ingest.suggest.words import words_of

#: What happens more often is no exception.
_RARE = 0.3


def map_returns(
    con: duckdb.DuckDBPyConnection,
    seen: Seen,
    roles: Mapping[str, Profile],
    kinds: Sequence[Kinds],
    one: SuggestedInput,
) -> None:
    """Name the rows that take goods back: by document, else by the file's name, else by pieces below 0."""
    found = [*_returned_kinds(kinds)] or [*_file_of_returns(seen)] or [*_below_zero(con, seen, roles)]
    if found:
        conditions, evidence = zip(*found, strict=True)
        one.options["returns"] = " OR ".join(conditions), "; ".join(evidence)


def _returned_kinds(kinds: Sequence[Kinds]) -> Iterator[tuple[str, str]]:
    """Yield a condition and its evidence for each column that has a word for returns among others."""
    for one in kinds:
        back = one.of("returned")
        if back and len(back) < len(one.values):
            rows = sum(one.values[value] for value in back)
            yield _is_one_of(one, back), f"{rows:,} rows of {one.name}"


def _file_of_returns(seen: Seen) -> Iterator[tuple[str, str]]:
    stem = " ".join(words_of(str(seen.export.item.path or "")))
    if any(f" {word} " in f" {stem} " for word in listed_words("returns")):
        yield "true", "the name of the file"


def _below_zero(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile]) -> Iterator[tuple[str, str]]:
    """Yield the rows with pieces, or else money, below 0, and the orders whose number says the same."""
    values = (roles[role] for role in ("quantity", "amount") if role in roles)
    negative = next((profile for profile in values if profile.negative > 0), None)
    if negative is None:
        return
    yield f"{identifier(negative.name)} < 0", f"{negative.negative:.1%} of {negative.name} are below 0"
    order = roles.get("order_id")
    if order is None or negative.negative >= _RARE:
        return
    # letters that stand before the numbers of orders only where something is taken back
    found = con.execute(
        f"SELECT regexp_extract({identifier(order.name)}, '^[A-Za-z]+') AS prefix, count(*) AS n FROM "
        f"{seen.export.table} GROUP BY 1 HAVING prefix <> '' AND "
        f"avg((number({identifier(negative.name)}) < 0)::INT) > 0.9 ORDER BY n DESC LIMIT 1"
    ).fetchall()
    for prefix, rows in found:
        condition = f"{identifier(order.name)} LIKE {quoted(prefix + '%')}"
        yield condition, f"{rows:,} rows of {order.name} begin with {prefix}"


def map_skipped(
    con: duckdb.DuckDBPyConnection,
    seen: Seen,
    roles: Mapping[str, Profile],
    kinds: Sequence[Kinds],
    one: SuggestedInput,
) -> None:
    """Name the rows that are no sales of customers: of guests, of cancelled orders, in another currency."""
    table = seen.export.table
    customer = identifier(roles["customer_id"].name)
    rows = count(con, f"SELECT count(*) FROM {table} WHERE canonical({customer}) IS NULL")
    if rows:
        one.skip.append(("guest", f"canonical({customer}) IS NULL", f"{rows:,} rows without a customer"))
        one.questions.append(
            f"{rows:,} rows name no customer: they are blank, or have words such as NULL. They are skipped as sales to "
            "guests. Is that right?"
        )
    for column in kinds:
        _skip_kinds(column, one)
    _skip_totals(con, table, roles, one)
    cancelled = roles.get("cancelled_at")
    if cancelled is not None and cancelled.filled < 1:
        one.skip.append(("cancelled_at", f"known({identifier(cancelled.name)}) IS NOT NULL", cancelled.evidence))
    _find_currencies(con, seen, roles, one)


def _currency_column(seen: Seen, roles: Mapping[str, Profile]) -> str | None:
    """Return the column of currencies: called so, or with codes of currencies only."""
    if "currency" in roles:
        return roles["currency"].name
    coded = (
        name
        for name, profile in seen.profiles.items()
        if profile.filled > 0.5 and profile.examples and all(text.upper() in CODES for text in profile.most)
    )
    return next(coded, None)


def _find_currencies(
    con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile], one: SuggestedInput
) -> None:
    """Look for several currencies, in a column of their own or beside the amounts."""
    table = seen.export.table
    if (column := _currency_column(seen, roles)) is not None:
        expression = f"upper(known({identifier(column)}))"
        _skip_currencies(expression, in_codes(values_of(con, table, expression)), one)
        return
    for role in ("amount", "unit_price"):
        if role in roles and len(in_codes(dict.fromkeys(roles[role].currencies, 1))) > 1:
            expression = f"currency({identifier(roles[role].name)})"
            _skip_currencies(expression, values_of(con, table, expression), one)


def _skip_kinds(kinds: Kinds, one: SuggestedInput) -> None:
    """Skip the rows that a column with few values says are no sales, and ask about all of its values."""
    gone = {"cancelled": kinds.of("cancelled")}
    if kinds.of("sold"):
        # beside sales: looks at goods, and payments of invoices; alone they are what the export is about
        gone |= {"looked_at": kinds.of("looked"), "payment": kinds.of("paid")}
    skipped = [value for values in gone.values() for value in values]
    if len(skipped) == len(kinds.values):
        return
    taken = {name for name, _, _ in one.skip}
    for name, values in gone.items():
        if values:
            rows = sum(kinds.values[value] for value in values)
            free = name if name not in taken else f"{name}_{len(taken)}"
            one.skip.append((free, _is_one_of(kinds, values), f"{rows:,} rows"))
    back = kinds.of("returned")
    others = [value for value in kinds.values if value not in {*skipped, *back}]
    said = [f"{', '.join(skipped)} are skipped"] if skipped else []
    said += [f"{', '.join(back)} are returns"] if back else []
    said += [f"{', '.join(others[:8])} count as sales"]
    one.questions.append(f"{kinds.name} has the values {kinds}: {'; '.join(said)}. Is that right?")


def _is_one_of(kinds: Kinds, values: Sequence[str]) -> str:
    return f"{identifier(kinds.name)} IN ({', '.join(map(quoted, values))})"


def _skip_totals(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], one: SuggestedInput) -> None:
    """Skip lines of totals among those of goods."""
    if "product_id" not in roles:
        return
    product = f"lower(known({identifier(roles['product_id'].name)}))"
    condition = f"{product} IN ({', '.join(map(quoted, listed_words('totals')))})"
    rows = count(con, f"SELECT count(*) FROM {table} WHERE {condition}")
    if rows:
        one.skip.append(("total", condition, f"{rows:,} rows"))
        one.questions.append(
            f"{rows:,} rows are totals of the lines above them by their product, and skipped. Is that right?"
        )


def _skip_currencies(expression: str, rows: Mapping[str, int], one: SuggestedInput) -> None:
    if len(rows) < 2:
        return
    first = next(iter(rows))
    listed = ", ".join(f"{code} ({count:,} rows)" for code, count in rows.items())
    one.skip.append(("other_currency", f"{expression} <> {quoted(first)}", listed))
    one.questions.append(
        f"Amounts are in {listed}. They are never added up: only {first} is kept. Convert the others in the mapping of "
        "amount, or export one currency."
    )
