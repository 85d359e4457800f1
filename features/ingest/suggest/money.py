"""What a line came to: decided by arithmetic between the columns, not by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import duckdb

from core.sql import count, identifier
from features.ingest.suggest.match import listed_words
from features.ingest.suggest.profile import Profile
from features.ingest.suggest.words import words_of

#: Two sums are the same that differ by no more than a cent, or half a percent.
_SAME = "abs({a} - {b}) <= greatest(0.011, 0.005 * abs({b}))"
#: Products that are sold in several numbers, to tell prices of pieces from those of lines.
_PRODUCTS = 3
#: The column of a line's share of its order's amount.
SHARE = "share_of_order"
#: Whether money is of one piece, or of the whole line.
Piece = Literal["piece", "line"]
#: A rule holds where it does for this share of the lines.
_HOLDS = 0.9


@dataclass
class Money:
    """The expressions of a line's money.

    Attributes
    ----------
    amount, discount
        An expression and the evidence; None where no column says it.
    shared
        The column of the order's amount that its lines have to share, as `SHARE`, which a query computes.
    questions
        What the columns leave open.
    """

    amount: tuple[str, str] | None = None
    discount: tuple[str, str] | None = None
    shared: str | None = None
    questions: list[str] = field(default_factory=list)


def money_of(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile]) -> Money:
    """Find out what a line came to, and its discount.

    The column of amounts is checked against quantity times price, and against the other lines of its order: an amount
    that all lines of an order share is the order's, one that equals the price is of one piece.

    Parameters
    ----------
    con
        With the functions of mappings for the decimal sign of the export.
    table
        Its rows, as texts.
    roles
        Columns by their role.
    """
    roles = _as_it_is(con, table, roles)
    whole = _whole(roles)
    discount = _discount(con, table, roles, whole)
    order = roles.get("order_id")
    amounts = [roles[name] for name in ("amount", "order_total") if name in roles]
    of_order = [a for a in amounts if order is not None and _is_of_order(con, table, a, order, whole)]
    of_line = next((amount for amount in amounts if amount not in of_order), None)
    money = Money(discount=(discount.value, discount.evidence) if discount is not None else None)
    if of_line is not None:
        _of_line(con, table, money, of_line, roles, whole, discount)
    elif whole is not None:
        _of_price(con, table, money, roles, whole, discount, of_order)
    elif of_order:
        money.amount, money.shared = (SHARE, f"the order's {of_order[0].name}, shared by its lines"), of_order[0].name
        money.questions.append(
            f"{of_order[0].name} is the order's, not the line's; no column says what a line came to, and the lines "
            "share it equally. Is there a better source?"
        )
    return money


def _as_it_is(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile]) -> Mapping[str, Profile]:
    """Tell a price of pieces from what a line came to, whatever it is called."""
    money = [role for role in ("unit_price", "amount") if role in roles]
    found = piece_or_line(con, table, roles, roles[money[0]]) if len(money) == 1 else None
    if found is None:
        return roles
    meant = "unit_price" if found == "piece" else "amount"
    return {meant: roles[money[0]], **{role: profile for role, profile in roles.items() if role != money[0]}}


def piece_or_line(
    con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], money: Profile
) -> Piece | None:
    """Tell money of one piece from money of the line, by products sold in several numbers; None where neither shows.

    A column that has the same value for one piece of a product and for five is of a piece. One that is the same only
    after it is divided by the pieces is of the line.
    """
    product, quantity = roles.get("product_id") or roles.get("name"), roles.get("quantity")
    if product is None or quantity is None:
        return None
    value, pieces = (f"number({identifier(name)})" for name in (money.name, quantity.name))
    per = f"round(abs({value} / nullif({pieces}, 0)), 2)"
    same = "max({0}) - min({0}) < 0.011"
    products = (
        f"SELECT {same.format(f'abs({value})')} AS piece, {same.format(per)} AS line FROM {table} WHERE {value} <> 0 "
        f"GROUP BY {identifier(product.name)} HAVING count(DISTINCT abs({pieces})) > 1"
    )
    several, piece, line = con.execute(
        f"SELECT count(*), count(*) FILTER (piece), count(*) FILTER (line) FROM ({products})"
    ).fetchall()[0]
    if several < _PRODUCTS or piece == line or max(piece, line) < _HOLDS * several:
        return None
    return "piece" if piece > line else "line"


def _whole(roles: Mapping[str, Profile]) -> str | None:
    """Return quantity times price, as an expression over the columns."""
    price, quantity = roles.get("unit_price"), roles.get("quantity")
    if price is None:
        return None
    return identifier(price.name) if quantity is None else f"{identifier(quantity.name)} * {identifier(price.name)}"


def _of_line(
    con: duckdb.DuckDBPyConnection,
    table: str,
    money: Money,
    amount: Profile,
    roles: Mapping[str, Profile],
    whole: str | None,
    discount: "_Discount | None",
) -> None:
    """Take a column of amounts that differ between the lines of an order."""
    name = amount.name
    money.amount = name, amount.evidence
    if whole is None:
        money.questions.append(
            f"Is {amount.name} what the whole line came to? If it is the price of a piece, multiply."
        )
        return
    fits = _fit(con, table, amount, whole, roles, discount)
    if fits == "line":
        money.amount = name, f"equals quantity times price; {amount.evidence}"
    elif fits == "discounted":
        money.amount = name, f"equals quantity times price less discount; {amount.evidence}"
    elif fits == "piece":
        pieces = identifier(roles["quantity"].name)
        money.amount = f"{pieces} * {identifier(name)}", f"{amount.name} equals the price of a piece; {amount.evidence}"
    elif fits is None:
        money.questions.append(
            f"{amount.name} is not {whole} in most rows. Is it what you received for the line? If not, map amount to "
            f"{whole}."
        )


def _of_price(
    con: duckdb.DuckDBPyConnection,
    table: str,
    money: Money,
    roles: Mapping[str, Profile],
    whole: str,
    discount: "_Discount | None",
    of_order: Sequence[Profile],
) -> None:
    """Multiply price and quantity; subtract a discount unless the orders' totals show that the price is after it."""
    price = roles["unit_price"]
    evidence = f"quantity times price; {price.evidence}" if "quantity" in roles else price.evidence
    money.amount = whole, evidence
    if discount is None:
        return
    less = f"{whole} - coalesce({discount.value}, 0)"
    money.amount = less, f"{evidence}; less {discount.name}"
    for total in of_order:
        order = roles["order_id"]
        if _adds_up(con, table, total, order, f"{_numbers(whole)} - coalesce({discount.number}, 0)"):
            return
        if _adds_up(con, table, total, order, _numbers(whole)):
            money.amount = whole, f"{evidence}; adds up to {total.name}, so that the price is after {discount.name}"
            return
    money.questions.append(
        f"Is {discount.name} still to be subtracted from {whole}? It is, as it stands here: no column of what was paid "
        "shows whether the price is before or after it."
    )


@dataclass(frozen=True)
class _Discount:
    """A discount as money above 0: its expression in a mapping, and one over texts."""

    name: str
    value: str
    number: str
    evidence: str


def _discount(
    con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], whole: str | None
) -> _Discount | None:
    """Return the discount of a line as money; None where there is none, or a share of a price that is not there."""
    profile = roles.get("discount")
    if profile is None:
        return None
    name = identifier(profile.name)
    if not _is_rate(con, table, profile, roles):
        value = f"abs({name})" if profile.negative > 0 else f"number({name})"
        return _Discount(profile.name, value, f"abs(number({name}))", profile.evidence)
    if whole is None:
        return None
    part = f"number(replace({name}, '%', ''))"
    hundred = count(con, f"SELECT count(*) FROM {table} WHERE {part} > 1") > 0 or profile.rate > 0
    rate = f"coalesce({part}, 0)" + (" / 100" if hundred else "")
    evidence = f"a share of the price, made money; {profile.evidence}"
    return _Discount(profile.name, f"{whole} * {rate}", f"{_numbers(whole)} * {rate}", evidence)


def _adds_up(con: duckdb.DuckDBPyConnection, table: str, total: Profile, order: Profile, line: str) -> bool:
    """Return whether the lines of an order add up to its total."""
    orders = (
        f"SELECT max(number({identifier(total.name)})) AS a, sum({line}) AS b FROM {table} "
        f"GROUP BY {identifier(order.name)} HAVING a IS NOT NULL"
    )
    share = con.execute(f"SELECT avg(({_SAME.format(a='a', b='b')})::INT) FROM ({orders})").fetchall()[0][0]
    return bool(share is not None and share >= _HOLDS)


def _is_rate(con: duckdb.DuckDBPyConnection, table: str, discount: Profile, roles: Mapping[str, Profile]) -> bool:
    """Return whether a discount is a share of the price: it says so, or amounts show it."""
    price = roles.get("unit_price")
    if discount.rate > 0 or not set(words_of(discount.name)).isdisjoint(listed_words("rates")):
        return True
    if price is None or discount.negative > 0:
        return False
    if (shown := _shown_as_rate(con, table, roles, discount)) is not None:
        return shown
    # money off is seldom below 1 on every line of a shop whose prices are not
    d, p = f"number({identifier(discount.name)})", f"number({identifier(price.name)})"
    most, some, usual = con.execute(
        f"SELECT max({d}), count(*) FILTER ({d} > 0 AND {d} <> round({d}, 2)), median({p}) FROM {table}"
    ).fetchall()[0]
    return bool(most is not None and 0 < most < 1 and usual is not None and (some or usual > 5))


def _shown_as_rate(
    con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile], discount: Profile
) -> bool | None:
    """Return whether amounts show that a discount is a share of the price, or money; None where they show neither."""
    whole, amount = _whole(roles), roles.get("amount")
    if whole is None or amount is None:
        return None
    a, w, d = f"number({identifier(amount.name)})", _numbers(whole), f"number({identifier(discount.name)})"
    targets = (f"{w} - {d}", f"{w} * (1 - {d})", f"{w} * (1 - {d} / 100)")
    shares = ", ".join(f"avg(({_SAME.format(a=a, b=target)})::INT)" for target in targets)
    found = con.execute(
        f"SELECT {shares} FROM {table} WHERE {a} IS NOT NULL AND {w} IS NOT NULL AND {d} > 0"
    ).fetchall()[0]
    held = [share is not None and share >= _HOLDS for share in found]
    return None if not any(held) else not held[0]


def _is_of_order(
    con: duckdb.DuckDBPyConnection, table: str, amount: Profile, order: Profile, whole: str | None
) -> bool:
    """Return whether an amount belongs to the order: all its lines share it, or only one has it, and lines differ."""
    a = f"number({identifier(amount.name)})"
    differ = f"count(DISTINCT {_numbers(whole)}) > 1" if whole is not None else "true"
    lines = (
        f"SELECT count({a}) AS said, count(*) AS n, min({a}) AS least, max({a}) AS most, {differ} AS differ "
        f"FROM {table} GROUP BY {identifier(order.name)} HAVING n > 1 AND said > 0"
    )
    several, once, others, shared = con.execute(
        "SELECT count(*), count(*) FILTER (said = 1), count(*) FILTER (differ), "
        f"count(*) FILTER (differ AND said = n AND least = most) FROM ({lines})"
    ).fetchall()[0]
    return bool((several >= 5 and once >= _HOLDS * several) or (others >= 5 and shared >= _HOLDS * others))


def _numbers(expression: str) -> str:
    """Write a product of columns with each read as a number."""
    return " * ".join(part if part == "1" else f"number({part})" for part in expression.split(" * "))


def _fit(
    con: duckdb.DuckDBPyConnection,
    table: str,
    amount: Profile,
    whole: str,
    roles: Mapping[str, Profile],
    discount: _Discount | None,
) -> str | None:
    """Return what an amount is: of the line, of the line less its discount, or of a piece; None where nothing fits."""
    a, w = f"number({identifier(amount.name)})", _numbers(whole)
    less = f"abs(coalesce({discount.number}, 0))" if discount is not None else "0"
    targets = {
        "line": f"abs({w})",
        "discounted": f"abs({w}) - {less}",
        "piece": f"abs(number({identifier(roles['unit_price'].name)}))",
    }
    shares = ", ".join(f"avg(({_SAME.format(a=f'abs({a})', b=target)})::INT)" for target in targets.values())
    rows = f"{table} WHERE {a} IS NOT NULL AND {w} IS NOT NULL AND {a} <> 0"
    found = con.execute(f"SELECT {shares} FROM {rows}").fetchall()[0]
    # where nothing is discounted, or every line has one piece, the simplest is as good as the others
    held = [name for name, share in zip(targets, found, strict=True) if share is not None and share >= _HOLDS]
    return held[0] if held else None
