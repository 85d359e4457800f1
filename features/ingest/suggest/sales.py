"""An input of order lines: what a line came to, what was taken back, what is no sale."""

from collections.abc import Mapping

import duckdb

from core.sql import identifier, quoted
from features.contract.tables import TableName
from features.ingest.suggest.inputs import by_name, say_how_written
from features.ingest.suggest.match import NO_GOODS
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.sources import Source
from features.ingest.suggest.suggestions import SuggestedColumn, SuggestedInput, Suggestions


def transactions_input(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    columns: dict[str, Profile],
    profiles: Mapping[str, Profile],
    suggestions: Suggestions,
) -> SuggestedInput:
    """Map order lines; the key that distinguishes them goes to the suggestions."""
    table: TableName = "transactions"
    price, quantity = columns.get("unit_price"), columns.get("quantity")
    one = SuggestedInput(table, source, [])
    one.columns = by_name(table, columns, but=("amount",))
    if "order_id" not in columns:
        whole = f"{identifier(columns['customer_id'].name)} || ' ' || {identifier(columns['event_timestamp'].name)}"
        one.columns.append(SuggestedColumn("order_id", whole, "what a customer bought at one moment"))
        one.questions.append(
            "No column names an order; lines of a customer at one moment are taken for one. Is that right?"
        )
    if "product_id" not in columns:
        one.columns.append(
            SuggestedColumn("product_id", None, f"which column names the product? There are {_listed(profiles)}")
        )
    if quantity is None:
        one.columns.append(SuggestedColumn("quantity", "1", "no column says how many"))
        one.questions.append("No column says how many pieces a line is of; 1 is taken. Is that right?")
    if "amount" in columns:
        one.columns.append(SuggestedColumn("amount", columns["amount"].name, columns["amount"].evidence))
        one.questions.append(
            f"Is {columns['amount'].name} what the whole line came to? If it is the price of a piece, multiply."
        )
    elif price is not None and quantity is not None:
        product = f"{identifier(quantity.name)} * {identifier(price.name)}"
        one.columns.append(SuggestedColumn("amount", product, f"quantity times price; {price.name}: {price.evidence}"))
    elif price is not None:
        one.columns.append(SuggestedColumn("amount", price.name, price.evidence))
    say_how_written(source, table, columns, one)
    _returns(con, columns, one)
    _skip(con, columns, one)
    _line_keys(con, profiles, suggestions, one)
    return one


def _returns(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Profile], one: SuggestedInput) -> None:
    conditions: list[str] = []
    evidence: list[str] = []
    for name in ("quantity", "amount"):
        profile = columns.get(name)
        if profile is not None and profile.negative > 0 and not conditions:
            conditions.append(f"{identifier(profile.name)} < 0")
            evidence.append(f"{profile.negative:.1%} of {profile.name} are below 0")
    order = columns.get("order_id")
    if order is not None and conditions:
        # a letter that stands before the numbers of orders only where something is taken back
        prefixes = con.execute(
            f"SELECT regexp_extract({identifier(order.name)}, '^[A-Za-z]+') AS prefix, count(*) AS n, "
            f"avg((number({conditions[0].removesuffix(' < 0')}) < 0)::INT) AS share FROM sample GROUP BY 1 "
            "HAVING prefix <> '' AND share > 0.9 ORDER BY n DESC LIMIT 1"
        ).fetchall()
        if prefixes:
            prefix, count, _ = prefixes[0]
            conditions.append(f"{identifier(order.name)} LIKE {quoted(prefix + '%')}")
            evidence.append(f"{count:,} rows of {order.name} begin with {prefix}")
    if conditions:
        one.options["returns"] = " OR ".join(conditions), "; ".join(evidence)


def _skip(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Profile], one: SuggestedInput) -> None:
    customer = columns["customer_id"]
    if customer.filled < 1:
        one.skip.append(
            (
                "guest",
                f"nullif(trim({identifier(customer.name)}), '') IS NULL",
                f"{1 - customer.filled:.1%} of the rows",
            )
        )
    looked_at = [identifier(columns[name].name) for name in ("product_id", "name") if name in columns]
    if looked_at:
        text = f"concat_ws(' ', {', '.join(looked_at)})"
        condition = f"regexp_matches({text}, {quoted(NO_GOODS)})"
        rows, example = con.execute(f"SELECT count(*), min({text}) FROM sample WHERE {condition}").fetchall()[0]
        if rows:
            one.skip.append(("no_goods", condition, f"{rows:,} rows, such as {example}"))
            one.questions.append(
                f"Are rows such as {example!r} no goods? {rows:,} of the rows seen are skipped as such."
            )


def _line_keys(
    con: duckdb.DuckDBPyConnection, profiles: Mapping[str, Profile], suggestions: Suggestions, one: SuggestedInput
) -> None:
    names = ", ".join(identifier(name) for name in profiles)
    twice = con.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM sample GROUP BY {names})"
    ).fetchall()
    if twice[0][0]:
        rows = int(twice[0][0])
        suggestions.keys[one.table] = ("*",), f"{rows:,} of the rows seen equal another one in every column"
        one.questions.append(
            f"{rows:,} of the rows seen equal another one in every column, and count once with the key in [data.keys]. "
            "Remove it if two equal lines are two sales."
        )


def _listed(profiles: Mapping[str, Profile]) -> str:
    return ", ".join(list(profiles)[:12])
