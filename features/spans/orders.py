"""What could be known of each order: what views of amounts and habits share."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from features.spans.returned import net
from features.spans.snapshots import Snapshots
from features.spans.spans import versions, with_lapses

_KEY = ("customer_id", "order_id")
_SUMS = ("paid", "returned", "discount", "coupon_discount", "lines", "discounted_lines")
#: The windows in days that views look at orders through.
WINDOWS = (7, 14, 28, 56, 84)


def known_orders(lines: ir.Table, snapshots: Snapshots, returns: ir.Table | None = None) -> ir.Table:
    """Sum what could be known of each order. One row per customer, order and span over which that stays the same.

    `paid` is what was paid for the lines, `amount` what is left of it after returns. Lines and discounts are those of
    the sale. A line that is added to an order later changes nothing before it. An order happens with its first line,
    on `day`, the midnight before.

    Parameters
    ----------
    lines
        Spans of purchases.
    returns
        Spans of `features.spans.returned.matched_returns`; None where the data have no returns.
    """
    # lines that the same snapshots see first, which is far fewer rows
    rows = lines.group_by(*_KEY, "since", "until").agg(
        event_timestamp=lines.event_timestamp.min(),
        paid=lines.amount.sum(),
        discount=lines.discount.sum(),
        coupon_discount=lines.coupon_discount.sum(),
        lines=lines.count(),
        discounted_lines=lines.count(where=lines.discount > 0),
    )
    if returns is not None:
        rows = rows.mutate(returned=ibis.literal(0.0)).union(_given_back(returns, rows))
    orders = versions(rows, snapshots, _KEY, _sums)
    # of an order that is cancelled there may be returns and no lines
    orders = orders.filter(orders.lines > 0)
    amount = orders.paid if returns is None else net(orders.paid, orders.returned)
    orders = orders.mutate(amount=amount, day=orders.event_timestamp.truncate("D"))
    return with_lapses(orders, snapshots, WINDOWS)


def _sums(rows: ir.Table) -> Mapping[str, ir.Value]:
    summed = {name: rows[name].sum() for name in _SUMS if name in rows.columns}
    # a return may name a line that another one has replaced
    return {"event_timestamp": rows.event_timestamp.min(where=rows.lines > 0), **summed}


def _given_back(returns: ir.Table, rows: ir.Table) -> ir.Table:
    """Return the returns as rows beside those of orders."""
    values = {"returned": returns.value} | {name: returns[name] for name in (*_KEY, "since", "until")}
    zeros = dict.fromkeys(("lines", "discounted_lines"), ibis.literal(0, "int64")) | {"paid": ibis.literal(0.0)}
    missing = {name: ibis.null(kind) for name, kind in rows.schema().items()}
    return returns.select(**(missing | zeros | values))
