"""Rows that are no sales of customers: returns, sales to guests, cancelled orders, other currencies."""

from collections.abc import Mapping

import duckdb

from core.sql import count, identifier, quoted
from features.ingest.currencies import in_codes
from features.ingest.suggest.match import states
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.seen import Seen
from features.ingest.suggest.suggestions import SuggestedInput
from features.ingest.suggest.words import words_of

#: Words in names of files of goods that were taken back.
_RETURNS = (
    "credit memo", "credit memos", "cr memo", "cr memos", "credit note", "credit notes", "returns", "refunds",
    "gutschrift", "gutschriften", "retouren", "退货", "退款",
)  # fmt: skip


def map_returns(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile], one: SuggestedInput) -> None:
    """Name the rows that take goods back: by document, by the file's name, by pieces below 0 and prefixes of orders."""
    conditions: list[str] = []
    evidence: list[str] = []
    document = roles.get("document_type")
    if document is not None:
        values = _values(con, seen.export.table, identifier(document.name))
        back = [value for value in values if value.lower() in states("returned")]
        if back and len(back) < len(values):
            conditions.append(f"{identifier(document.name)} IN ({', '.join(map(quoted, back))})")
            evidence.append(f"{sum(values[value] for value in back):,} rows of {document.name}")
    stem = " ".join(words_of(str(seen.export.item.path or ""))) if not conditions else ""
    if any(f" {word} " in f" {stem} " for word in _RETURNS):
        conditions.append("true")
        evidence.append("the name of the file")
    quantity, amount = roles.get("quantity"), roles.get("amount")
    negative = next((p for p in (quantity, amount) if p is not None and p.negative > 0), None)
    if negative is not None and not conditions:
        conditions.append(f"{identifier(negative.name)} < 0")
        evidence.append(f"{negative.negative:.1%} of {negative.name} are below 0")
        order = roles.get("order_id")
        if order is not None:
            # letters that stand before the numbers of orders only where something is taken back
            found = con.execute(
                f"SELECT regexp_extract({identifier(order.name)}, '^[A-Za-z]+') AS prefix, count(*) AS n FROM "
                f"{seen.export.table} GROUP BY 1 HAVING prefix <> '' AND "
                f"avg((number({identifier(negative.name)}) < 0)::INT) > 0.9 ORDER BY n DESC LIMIT 1"
            ).fetchall()
            if found:
                prefix, rows = found[0]
                conditions.append(f"{identifier(order.name)} LIKE {quoted(prefix + '%')}")
                evidence.append(f"{rows:,} rows of {order.name} begin with {prefix}")
    if conditions:
        one.options["returns"] = " OR ".join(conditions), "; ".join(evidence)


def _values(con: duckdb.DuckDBPyConnection, table: str, expression: str) -> dict[str, int]:
    """Return the rows by value of an expression that has few; the most frequent first."""
    x = f"known({expression})"
    found = con.execute(
        f"SELECT {x} AS x, count(*) FROM {table} WHERE x IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60"
    ).fetchall()
    return {str(value): int(rows) for value, rows in found}


def map_skipped(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile], one: SuggestedInput) -> None:
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
    if "status" in roles:
        _skip_cancelled(roles["status"], _values(con, table, identifier(roles["status"].name)), one)
    cancelled = roles.get("cancelled_at")
    if cancelled is not None and cancelled.filled < 1:
        one.skip.append(("cancelled_at", f"known({identifier(cancelled.name)}) IS NOT NULL", cancelled.evidence))
    _find_currencies(con, table, roles, one)


def _find_currencies(
    con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], one: SuggestedInput
) -> None:
    """Look for several currencies, in a column of their own or beside the amounts."""
    if "currency" in roles:
        expression = f"upper(known({identifier(roles['currency'].name)}))"
        _skip_currencies(expression, in_codes(_values(con, table, expression)), one)
        return
    for role in ("amount", "unit_price"):
        if role in roles and len(in_codes(dict.fromkeys(roles[role].currencies, 1))) > 1:
            expression = f"currency({identifier(roles[role].name)})"
            _skip_currencies(expression, _values(con, table, expression), one)


def _skip_cancelled(status: Profile, values: Mapping[str, int], one: SuggestedInput) -> None:
    gone = [value for value in values if value.lower() in states("cancelled")]
    if not gone or len(gone) == len(values):
        return
    listed, rows = ", ".join(map(quoted, gone)), sum(values[value] for value in gone)
    one.skip.append(("cancelled", f"{identifier(status.name)} IN ({listed})", f"{rows:,} rows"))
    others = [value for value in values if value not in gone][:6]
    one.questions.append(
        f"Orders whose {status.name} is {', '.join(gone)} are skipped; {', '.join(others)} count. Is that right?"
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
