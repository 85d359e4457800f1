"""What each customer bought of each product: what the views of purchases share."""

import ibis
import ibis.expr.types as ir

from features.views.returned import kept
from features.views.visible import days_between, visible, within

#: Weight of a purchase halves over this many days.
HALF_LIFE_DAYS = 42


def goods(transactions: ir.Table, products: ir.Table) -> ir.Table:
    """Keep the order lines that are evidence of taste: quantity and amount above 0, the product not inactive."""
    inactive = products.filter(~products.active)
    lines = transactions.anti_join(inactive.select("product_id"), "product_id")
    return lines.filter(lines.quantity > 0, lines.amount > 0)


def pairs(lines: ir.Table, snapshots: ir.Table, days: int, returns: ir.Table | None = None) -> ir.Table:
    """Sum a customer's purchases of a product. One row per snapshot, customer and product.

    Baskets and quantities are counted over [t - days, t); `decayed` is the count of baskets in which one of
    an age of 42 days weighs a half. A product of an order that all of the money was given back for is not counted;
    one of which a part came back is counted as it was sold.

    Parameters
    ----------
    returns
        The table of `features.views.returned.matched_returns`; None where the data have no returns.
    """
    seen = kept(visible(lines, snapshots, days), returns, snapshots)
    baskets = seen.group_by("snapshot", "customer_id", "product_id", "order_id").agg(
        event_timestamp=seen.event_timestamp.min(),
        quantity=seen.quantity.sum(),
        amount=seen.amount.sum(),
        regular=(seen.amount + seen.discount.fill_null(0.0)).sum(),
    )
    age = days_between(baskets.event_timestamp, baskets.snapshot)
    return baskets.group_by("snapshot", "customer_id", "product_id").agg(
        baskets=baskets.count(),
        decayed=(ibis.literal(0.5) ** (age / HALF_LIFE_DAYS)).sum(),
        first_bought=baskets.event_timestamp.min(),
        last_bought=baskets.event_timestamp.max(),
        quantity=baskets.quantity.sum(),
        regular=baskets.regular.sum(),
        baskets_7d=baskets.count(where=within(baskets, 7)),
        baskets_28d=baskets.count(where=within(baskets, 28)),
        baskets_56d=baskets.count(where=within(baskets, 56)),
    )
