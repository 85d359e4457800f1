"""The most important things about the data, in plain words: each makes every model worse if it is overlooked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import duckdb

from features.contract.unmatched import Unmatched
from features.ingest.segments import InputTotals
from training.readiness.facts import DataFacts, SalesFacts

#: This many are shown.
SHOWN = 10
#: A rule about orders needs at least this many orders with several lines.
_ENOUGH = 20
#: Days without any order that are no weekend and no holiday.
_SILENT_DAYS = 14
#: A week with this many times the lines of the week in the middle has most probably come in twice, or in other units.
_SPIKE = 4
#: A product in this share of the orders, one piece at one price, is most often no goods.
_EVERYWHERE = 0.3


@dataclass(frozen=True)
class Observation:
    """A thing to know about the data, with how much it matters: from 0 to 100."""

    weight: int
    text: str


def observe(
    con: duckdb.DuckDBPyConnection,
    facts: DataFacts,
    inputs: Sequence[InputTotals],
    unmatched: Sequence[Unmatched],
    freshness: Sequence[str],
) -> tuple[str, ...]:
    """Return the ten most important things about the data, the most important first.

    Parameters
    ----------
    con
        Of the engine of `facts`.
    inputs
        What became of the rows that were read.
    unmatched
        Facts about products that match no product.
    freshness
        How old the data are; said first.
    """
    found = [Observation(80, one.text) for one in unmatched]
    found += _inputs(inputs)
    if facts.sales is not None:
        found += [*_orders(con, facts.lines), *_amounts(con, facts.lines), *_calendar(con, facts.lines)]
        found += [*_fees(con, facts), *_customers(facts.sales)]
        equal = facts.tables["transactions"].duplicates
        if equal:
            found.append(
                Observation(
                    55,
                    f"{equal:,} order lines equal another one in every column. If exports overlap, "
                    "give transactions a key in [data.keys]",
                )
            )
    ranked = sorted(found, key=lambda one: -one.weight)
    return (*freshness, *(f"{one.text}." for one in ranked))[:SHOWN]


def _inputs(inputs: Sequence[InputTotals]) -> Iterator[Observation]:
    for one in inputs:
        totals = one.totals
        rejected = sum(totals.rejected.values())
        if rejected >= 0.01 * totals.read:
            rule, rows = max(totals.rejected.items(), key=lambda pair: pair[1])
            text = (
                f"{one.input}: {rejected:,} of {totals.read:,} rows are rejected, most of them ({rows:,}) for: {rule}"
            )
            yield Observation(70, text)
        for rule, rows in totals.skipped.items():
            if rows >= 0.2 * totals.read:
                share = f"{rows / totals.read:.0%}"
                yield Observation(40, f"{one.input}: {share} of the rows are skipped as {rule}")
        for rule, orders in totals.split.items():
            text = (
                f"{one.input}: of {orders:,} orders {rule} skips some lines and keeps others. If it is about whole "
                "orders, compute it in a query for all lines of an order"
            )
            yield Observation(85, text)


def _orders(con: duckdb.DuckDBPyConnection, lines: str) -> Iterator[Observation]:
    per_order = f"SELECT order_id, count(DISTINCT customer_id) AS people FROM {lines} GROUP BY 1 HAVING people > 1"
    orders, most, which = con.execute(
        f"SELECT count(*), max(people), arg_max(order_id, people) FROM ({per_order})"
    ).fetchall()[0]
    if orders:
        yield Observation(
            90,
            f"{orders:,} order ids belong to several customers, {which} to {most:,}: the ids are damaged, begin again "
            "each day or in each store, or are no orders; add the day or the store to order_id",
        )
    same = (
        "SELECT count(*) AS n, count(DISTINCT product_id) AS goods, min(amount) = max(amount) AS same "
        f"FROM {lines} WHERE quantity > 0 GROUP BY order_id HAVING goods > 1 AND count(DISTINCT quantity) > 1"
    )
    several, equal = con.execute(f"SELECT count(*), count(*) FILTER (same) FROM ({same})").fetchall()[0]
    if several >= _ENOUGH and equal >= 0.9 * several:
        yield Observation(
            89,
            f"In {equal / several:.0%} of the orders every line has the same amount, though products and pieces "
            "differ: the amount may be the order's total, which is then counted on each line",
        )


def _amounts(con: duckdb.DuckDBPyConnection, lines: str) -> Iterator[Observation]:
    below, free, rows = con.execute(
        f"SELECT count(*) FILTER (amount < 0), count(*) FILTER (amount = 0), count(*) FROM {lines} WHERE quantity > 0"
    ).fetchall()[0]
    if below:
        yield Observation(
            60,
            f"{below:,} order lines have an amount below 0: discounts as lines of their own, or returns "
            "that `returns` does not name",
        )
    if rows and free >= 0.05 * rows:
        yield Observation(50, f"{free / rows:.0%} of the order lines have an amount of 0")


def _calendar(con: duckdb.DuckDBPyConnection, lines: str) -> Iterator[Observation]:
    days = f"SELECT DISTINCT event_timestamp::DATE AS day FROM {lines}"
    gaps = f"SELECT day, lead(day) OVER (ORDER BY day) AS next FROM ({days})"
    found = con.execute(
        f"SELECT day, next, next - day, median(next - day) OVER () FROM ({gaps}) WHERE next IS NOT NULL "
        "ORDER BY 3 DESC LIMIT 1"
    ).fetchall()
    if found and found[0][2] > max(_SILENT_DAYS, 7 * found[0][3]):
        first, last = found[0][0] + timedelta(days=1), found[0][1] - timedelta(days=1)
        yield Observation(
            88,
            f"There are no orders from {first} to {last}: an export may be missing, and customers look as "
            "if they had stayed away",
        )
    weeks = f"SELECT date_trunc('week', event_timestamp)::DATE AS week, count(*) AS n FROM {lines} GROUP BY 1"
    found = con.execute(f"SELECT arg_max(week, n), max(n), median(n), count(*) FROM ({weeks})").fetchall()
    week, most, usual, count = found[0]
    if count >= 8 and most > _SPIKE * usual and most > 100:
        yield Observation(
            75,
            f"The week from {week} has {most / usual:.0f} times as many order lines as usual: a sale, or an "
            "export that came in twice",
        )


def _fees(con: duckdb.DuckDBPyConnection, facts: DataFacts) -> Iterator[Observation]:
    products = facts.products
    query = (
        f"SELECT product_id, count(DISTINCT order_id) / (SELECT count(DISTINCT order_id) FROM {facts.lines}) AS share, "
        f"any_value(amount) FROM {facts.lines} WHERE product_id NOT IN "
        f"(SELECT product_id FROM {products} WHERE active IS FALSE) GROUP BY 1 "
        f"HAVING min(amount) = max(amount) AND max(quantity) = 1 AND share > {_EVERYWHERE} ORDER BY share DESC LIMIT 3"
    )
    for product, share, amount in con.execute(query).fetchall():
        yield Observation(
            78,
            f"{product} is in {share:.0%} of the orders, one piece for {amount:,.2f} each: if it is postage, a deposit "
            "or another fee, set `active` to false for it, or skip its lines; it may be offered until then",
        )


def _customers(sales: SalesFacts) -> Iterator[Observation]:
    if sales.spellings[0]:
        yield Observation(
            65,
            f"{sales.spellings[0]:,} customer ids may be variants of others, such as "
            f"{' and '.join(sales.spellings[1])}; map them with id(…)",
        )
    for one, share in sales.dominant.items():
        yield Observation(62, f"Customer {one} has {share:.1%} of all orders: hardly a single person; skip such ids")
    for name, (count, most) in sales.outliers.items():
        yield Observation(45, f"Unusually large {name}: {count:,} lines, up to {most:,.2f}")
    if sales.untyped > 0.3:
        yield Observation(
            30,
            f"{sales.untyped:.0%} of the order lines are of products without a type, so that there are "
            "hardly any types to offer",
        )
