"""An input of order lines: what a line came to, what was taken back, what is no sale."""

from collections.abc import Mapping
from typing import Literal

import duckdb

from core.sql import identifier, quoted
from features.contract.tables import TableName
from features.ingest.dates import find_turned, is_day_first
from features.ingest.macros import define_macros
from features.ingest.suggest.copies import copies_apart, line_counts
from features.ingest.suggest.costs import cost_of
from features.ingest.suggest.derived import filled_down, with_shares
from features.ingest.suggest.exceptions import map_returns, map_skipped
from features.ingest.suggest.fees import find_suspects
from features.ingest.suggest.inputs import by_role, column, products_input, say_how_written
from features.ingest.suggest.match import CALLED_SO, likeness
from features.ingest.suggest.meanings import find_kinds
from features.ingest.suggest.money import SHARE, Money, money_of
from features.ingest.suggest.profile import ISO, Profile
from features.ingest.suggest.seen import SALES, Seen
from features.ingest.suggest.suggestions import SuggestedColumn, SuggestedInput, Suggestions

#: A column of ids that is filled in a smaller share of the rows leaves the others to the name.
_FILLED = 0.995
_GOODS = {"name", "category", "department", "brand"}


def sales_inputs(con: duckdb.DuckDBPyConnection, seen: Seen, suggestions: Suggestions) -> list[SuggestedInput]:
    """Map order lines, and their products; the key that distinguishes lines goes to the suggestions."""
    seen = filled_down(con, seen, f"{seen.export.table}_filled")
    roles = seen.roles(SALES)
    define_macros(con, _decimal(roles))
    money = money_of(con, seen.export.table, roles)
    if money.shared is not None and "order_id" in roles:
        seen = with_shares(con, seen, roles["order_id"].name, money.shared, SHARE, f"{seen.export.table}_shares")
        roles = seen.roles(SALES)
        define_macros(con, _decimal(roles))
    mapped = by_role("transactions", roles, but=("amount", "discount", "cost", "product_id"))
    one = SuggestedInput("transactions", seen.export, mapped, questions=list(seen.notes))
    _identities(roles, one, list(seen.profiles))
    _spellings(con, seen.export.table, roles["customer_id"], one)
    _shared_orders(con, seen.export.table, roles, one)
    _map_money(money, one, list(seen.profiles))
    _map_cost(con, seen.export.table, roles, one)
    kinds = list(find_kinds(con, seen, roles))
    map_returns(con, seen, roles, kinds, one)
    map_skipped(con, seen, roles, kinds, one)
    say_how_written("transactions", roles, one)
    _dates(con, seen, roles, one)
    _line_keys(con, seen, roles, suggestions, one)
    return [one, *_products(con, seen, roles)]


def _decimal(roles: Mapping[str, Profile]) -> Literal[".", ","]:
    numbers = [roles[name] for name in ("amount", "unit_price", "discount", "cost", "order_total") if name in roles]
    return "," if any(profile.decimal == "," for profile in numbers) else "."


def _map_money(money: Money, one: SuggestedInput, names: list[str]) -> None:
    for name, value in (("amount", money.amount), ("discount", money.discount)):
        if value is not None:
            one.columns.append(SuggestedColumn(name, *value))
    if money.amount is None:
        question = f"which column says what a line came to? There are {_listed(names)}"
        one.columns.append(SuggestedColumn("amount", None, question))
    one.questions += money.questions


def _map_cost(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], one: SuggestedInput) -> None:
    cost = cost_of(con, table, roles)
    if cost is None:
        return
    if cost.value is not None:
        one.columns.append(SuggestedColumn("cost", *cost.value))
    if cost.question is not None:
        one.questions.append(cost.question)


def _identities(roles: Mapping[str, Profile], one: SuggestedInput, names: list[str]) -> None:
    """Map the order, the product and the number of pieces where they are not columns."""
    customer, moment = roles["customer_id"], roles["event_timestamp"]
    if "order_id" not in roles:
        whole = f"{identifier(customer.name)} || ' ' || {identifier(moment.name)}"
        one.columns.append(SuggestedColumn("order_id", whole, "what a customer bought at one moment"))
        one.questions.append(
            "No column names an order; lines of a customer at one moment are taken for one. Is that right?"
        )
    _identify_product(roles, one, names)
    if "quantity" not in roles:
        one.columns.append(SuggestedColumn("quantity", "1", "no column says how many"))
        called = next((name for name in names if likeness(name, "quantity") > CALLED_SO), None)
        why = f" {called} is called so, and its values are no numbers." if called is not None else ""
        one.questions.append(f"No column says how many pieces a line is of; 1 is taken.{why} Is that right?")


def _identify_product(roles: Mapping[str, Profile], one: SuggestedInput, names: list[str]) -> None:
    product, name = roles.get("product_id"), roles.get("name")
    if product is not None and (name is None or product.filled > _FILLED):
        one.columns.append(column("product_id", product))
    elif product is not None and name is not None:
        one.columns.append(
            SuggestedColumn("product_id", _id_or_name(product, name), f"{product.evidence}; else the name")
        )
        one.questions.append(
            f"{product.name} is blank in {1 - product.filled:.1%} of the rows, where {name.name} takes its place. Is "
            "that right?"
        )
    elif name is not None:
        one.columns.append(SuggestedColumn("product_id", name.name, f"no column of ids; {name.evidence}"))
        one.questions.append(f"No column names the product but {name.name}. Is each name one product?")
    else:
        kind = roles.get("type") or roles.get("category")
        expression, evidence = ("'all'", "no column names it") if kind is None else (kind.name, kind.evidence)
        one.columns.append(SuggestedColumn("product_id", expression, evidence))
        one.questions.append(
            f"No column names the product. Until there is one, all lines are of the product 'all', and nothing can be "
            f"recommended. There are {_listed(names)}."
            if kind is None
            else f"No column names the product but {kind.name}. Is there a finer one?"
        )


def _spellings(con: duckdb.DuckDBPyConnection, table: str, customer: Profile, one: SuggestedInput) -> None:
    """Make one of the customers whose id is written in several ways, with a question."""
    name = identifier(customer.name)
    if one.expression("customer_id") != customer.name:
        return
    ids = f"SELECT canonical({name}) AS x FROM {table}"
    ways = f"SELECT min(x) AS first, max(x) AS last FROM ({ids}) GROUP BY id(x) HAVING first <> last"
    several, first, last = con.execute(f"SELECT count(*), min(first), arg_min(last, first) FROM ({ways})").fetchall()[0]
    if several:
        one.change("customer_id", f"id({name})")
        one.questions.append(
            f"{several:,} customers are written in several ways, such as {first!r} and {last!r}; id(…) makes each one. "
            "Is that right?"
        )


def _shared_orders(
    con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], one: SuggestedInput
) -> None:
    """Make numbers of orders that begin again each day, or in each store, those of one order each."""
    order = roles.get("order_id")
    if order is None:
        return
    name, customer = identifier(order.name), f"canonical({identifier(roles['customer_id'].name)})"
    shared, most, which = _several(con, table, name, customer)
    if not shared:
        return
    day = f"left({identifier(roles['event_timestamp'].name)}, 10)"
    parts = [[identifier(roles["store_id"].name)]] if "store_id" in roles else []
    parts += [[day], *([*part, day] for part in parts)]
    for added in parts:
        whole = f"concat_ws(' ', {', '.join([*added, name])})"
        if _several(con, table, whole, customer)[0] < 0.1 * shared:
            one.change("order_id", whole)
            one.questions.append(
                f"{shared:,} values of {order.name} belong to several customers, {which} to {most:,}: the numbers "
                f"begin again. {' and '.join(added)} is added to them. Is that right?"
            )
            return
    one.questions.append(
        f"{shared:,} values of {order.name} belong to several customers, {which} to {most:,}. Are they damaged, or no "
        "numbers of orders?"
    )


def _several(con: duckdb.DuckDBPyConnection, table: str, order: str, customer: str) -> tuple[int, int, str]:
    """Return how many orders belong to several customers, to how many at most, and which one does."""
    orders = (
        f"SELECT {order} AS o, count(DISTINCT {customer}) AS n FROM {table} GROUP BY 1 HAVING n > 1 AND o IS NOT NULL"
    )
    shared, most, which = con.execute(
        f"SELECT count(*), coalesce(max(n), 0), arg_max(o, n) FROM ({orders})"
    ).fetchall()[0]
    return int(shared), int(most), str(which)


def _id_or_name(product: Profile, name: Profile) -> str:
    return f"coalesce(canonical({identifier(product.name)}), known({identifier(name.name)}))"


def _dates(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile], one: SuggestedInput) -> None:
    """Look at the dates of each file: those that could be read in two ways are a question."""
    moment, table = roles["event_timestamp"], seen.export.table
    ways = [way for way in moment.formats if way != ISO]
    turned = find_turned(con, moment.name, table, ways) if ISO in moment.formats or len(ways) > 1 else None
    if turned is not None:
        numbered = [way for way in ways if is_day_first(way) is not None]
        listed = ", ".join(map(quoted, numbered))
        one.change("event_timestamp", f"turned({identifier(moment.name)}, [{listed}])", moment.evidence)
        one.options.pop("dates", None)
        one.questions.append(f"Of {moment.name}, {turned}. They are turned back here. Is that right?")
        return
    if moment.ambiguous is not None:
        one.questions.append(
            f"{moment.name}: day and month could be the other way round, {moment.ambiguous}; every value seen fits "
            f"both, such as {moment.examples[0]}. Which is it?"
        )


def _line_keys(
    con: duckdb.DuckDBPyConnection,
    seen: Seen,
    roles: Mapping[str, Profile],
    suggestions: Suggestions,
    one: SuggestedInput,
) -> None:
    """Suggest the key of lines: their numbers in an order, or all columns where exports overlap."""
    table: TableName = "transactions"
    names = list(seen.profiles)
    twice = line_counts(con, seen.export.table, names)
    order, line = roles.get("order_id"), roles.get("line_id")
    if order is not None and line is not None:
        same = line_counts(con, seen.export.table, [order.name, line.name])
        if same == twice:
            evidence = f"{line.name} numbers the lines; {same:,} rows come twice"
            suggestions.keys[table] = ("order_id", "line_id"), evidence
            return
    if not twice:
        return
    apart = copies_apart(con, seen.export.table, names, order.name if order is not None else None)
    if apart:
        suggestions.keys[table] = ("*",), f"{twice:,} rows equal another one in every column of the export"
        one.questions.append(
            f"{twice:,} rows equal another one in every column of the export, {apart:,} of them in another file or far "
            "from it, as where exports overlap; they count once with the key in [data.keys]. Remove it if two equal "
            "lines are two sales."
        )
    else:
        one.questions.append(
            f"{twice:,} rows equal another line of their order in every column. They count as two sales; if they are "
            'one, add transactions = ["*"] to [data.keys].'
        )


def _products(con: duckdb.DuckDBPyConnection, seen: Seen, roles: Mapping[str, Profile]) -> list[SuggestedInput]:
    """Map what the lines say of their products, and keep those that may be no goods out of the offers."""
    if "product_id" not in roles and "name" not in roles:
        return []
    suspects = find_suspects(con, seen.export.table, roles)
    if not suspects and not _GOODS & roles.keys():
        return []
    if "product_id" not in roles:
        roles = {**roles, "product_id": roles["name"]}
        roles = {role: profile for role, profile in roles.items() if role != "name"}
    one = products_input(
        seen, {role: profile for role, profile in roles.items() if role not in {"unit_price", "unit_cost"}}
    )
    product, name = roles["product_id"], roles.get("name")
    expression = identifier(product.name)
    if name is not None and product.filled <= _FILLED:
        expression = _id_or_name(product, name)
        one.change("product_id", expression)
        one.skip = [("unnamed", f"{expression} IS NULL", "rows without an id and a name")]
    if suspects:
        listed = ", ".join(quoted(suspect.product) for suspect in suspects)
        lines = sum(suspect.lines for suspect in suspects)
        one.columns.append(
            SuggestedColumn("active", f"canonical({expression}) NOT IN ({listed})", "never offered, until you decide")
        )
        shown = "; ".join(f"{s.product} ({s.reason}, {s.lines:,} lines)" for s in suspects[:8])
        more = f" and {len(suspects) - 8} more" if len(suspects) > 8 else ""
        one.questions.append(
            f"Are these goods? {shown}{more}. Their {lines:,} lines are kept as sales, and the products are never "
            "offered. Take goods out of `active`; skip lines that are no sales in the input of transactions."
        )
    return [one]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12])
