"""What could be known of each order at a snapshot: what views of amounts and habits share."""

import ibis
import ibis.expr.types as ir

from features.contract.tables import REPLACED
from features.views.returned import net
from features.views.visible import purchases, visible

_SUMS = ("paid", "returned", "discount", "coupon_discount", "lines", "discounted_lines")


def visible_orders(
    transactions: ir.Table, snapshots: ir.Table, days: int | None = None, returns: ir.Table | None = None
) -> ir.Table:
    """Sum what could be known at each snapshot of each order. One row per customer, snapshot and order.

    `paid` is what was paid for the lines, `amount` what is left of it after returns. Lines and discounts are those of
    the sale. A line that is added to an order later changes nothing before it. An order happens with its first line.

    Parameters
    ----------
    returns
        The table of `features.views.returned.matched_returns`; None where the data have no returns.
    """
    # lines of one moment first: far fewer rows to pair with snapshots, and nothing is lost
    key = ["customer_id", "order_id", "event_timestamp", "created_timestamp"]
    key += [REPLACED.name] if REPLACED.name in transactions.columns else []
    bought = purchases(transactions)
    moments = bought.group_by(key).agg(
        paid=bought.amount.sum(),
        discount=bought.discount.sum(),
        coupon_discount=bought.coupon_discount.sum(),
        lines=bought.count(),
        discounted_lines=bought.count(where=bought.discount > 0),
    )
    if returns is not None:
        moments = moments.mutate(returned=ibis.literal(0.0)).select(*key, *_SUMS)
        moments = moments.union(_given_back(returns, moments.schema()))
    seen = visible(moments, snapshots, days)
    # a return may name a line that another one has replaced
    of_lines = None if returns is None else seen.lines > 0
    orders = seen.group_by("customer_id", "snapshot", "order_id").agg(
        event_timestamp=seen.event_timestamp.min(where=of_lines),
        **{name: seen[name].sum() for name in _SUMS if name in seen.columns},
    )
    if returns is None:
        return orders.mutate(amount=orders.paid)
    # of an order that is cancelled there may be returns and no lines
    return orders.filter(orders.lines > 0).mutate(amount=net(orders.paid, orders.returned))


def _given_back(returns: ir.Table, schema: ibis.Schema) -> ir.Table:
    """Return the returns as rows beside the moments of orders."""
    counts = {"lines": ibis.literal(0, "int64"), "discounted_lines": ibis.literal(0, "int64")}
    values = {"paid": ibis.literal(0.0), "returned": returns.value, **counts}
    names = {name: values[name] if name in values else _column(returns, name, kind) for name, kind in schema.items()}
    return returns.select(**names)


def _column(returns: ir.Table, name: str, kind: ibis.DataType) -> ir.Value:
    return returns[name] if name in returns.columns else ibis.null(kind)
