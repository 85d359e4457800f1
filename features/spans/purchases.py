"""What each customer bought of each product: what the views of purchases share."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from features.spans.returned import still_bought
from features.spans.snapshots import Snapshots
from features.spans.spans import pairs, spans, versions, with_lapses, within
from features.spans.visible import days_between

#: Weight of a purchase halves over this many days.
HALF_LIFE_DAYS = 42
#: The windows in days that popularity is counted over.
WINDOWS = (7, 28, 56)
_BASKET = ("customer_id", "product_id", "order_id")


def goods(transactions: ir.Table, products: ir.Table) -> ir.Table:
    """Keep the order lines that are evidence of taste: quantity and amount above 0, the product not inactive."""
    inactive = products.filter(~products.active)
    lines = transactions.anti_join(inactive.select("product_id"), "product_id")
    return lines.filter(lines.quantity > 0, lines.amount > 0)


def bought_goods(lines: ir.Table, snapshots: Snapshots, days: int, returns: ir.Table | None = None) -> ir.Table:
    """Return the spans of goods that lie at most some days back, and were not given back.

    Parameters
    ----------
    lines
        The order lines of `goods`.
    returns
        Spans of `features.spans.returned.matched_returns`; None where the data have no returns.
    """
    seen = spans(lines, snapshots, days)
    return seen if returns is None else still_bought(seen, returns, snapshots)


def baskets_of_products(bought: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Sum the lines of a product in an order. One row per customer, product, order and span.

    Parameters
    ----------
    bought
        The spans of `bought_goods`.
    """
    return with_lapses(versions(bought, snapshots, _BASKET, _sums), snapshots, WINDOWS)


def _sums(rows: ir.Table) -> Mapping[str, ir.Value]:
    return {
        "event_timestamp": rows.event_timestamp.min(),
        "quantity": rows.quantity.sum(),
        "regular": (rows.amount + rows.discount.fill_null(0.0)).sum(),
    }


def purchases_of_products(baskets: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Sum a customer's purchases of a product. One row per customer, product and snapshot.

    `decayed` is the count of baskets in which one of an age of 42 days weighs a half. A product of an order that all
    of the money was given back for is not counted; one of which a part came back is counted as it was sold.
    """
    seen = snapshots.dated(pairs(baskets, snapshots))
    age = days_between(seen.event_timestamp, seen.snapshot)
    return seen.group_by("position", "customer_id", "product_id").agg(
        baskets=seen.count(),
        decayed=(ibis.literal(0.5) ** (age / HALF_LIFE_DAYS)).sum(),
        first_bought=seen.event_timestamp.min(),
        last_bought=seen.event_timestamp.max(),
        quantity=seen.quantity.sum(),
        regular=seen.regular.sum(),
        **{f"baskets_{days}d": seen.count(where=within(seen, days)) for days in WINDOWS},
    )
