"""What can be known at a snapshot: the one place where the rule about time is written."""

import ibis
import ibis.expr.types as ir


def visible(events: ir.Table, snapshots: ir.Table, days: int | None = None) -> ir.Table:
    """Pair every snapshot with the events that could be known at it.

    Parameters
    ----------
    events
        Any table with `event_timestamp` and `created_timestamp`.
    snapshots
        One row per snapshot, column `snapshot`.
    days
        How far back to look; None for all history.

    Returns
    -------
    One row per snapshot t and event in [t - days, t) that was written at or before t.
    """
    conditions = [
        events.event_timestamp < snapshots.snapshot,
        events.created_timestamp <= snapshots.snapshot,
    ]
    if days is not None:
        conditions.append(events.event_timestamp >= snapshots.snapshot - ibis.interval(days=days))
    return events.join(snapshots, conditions)


def within(seen: ir.Table, days: int) -> ir.BooleanValue:
    """Tell which rows of `visible` lie in [t - days, t)."""
    return seen.event_timestamp >= seen.snapshot - ibis.interval(days=days)


def days_between(earlier: ir.TimestampValue, later: ir.TimestampValue) -> ir.FloatingValue:
    """Return the time between two moments in days, to the second."""
    return (later.epoch_seconds() - earlier.epoch_seconds()) / 86_400.0


def orders(transactions: ir.Table) -> ir.Table:
    """Sum order lines to orders. One row per customer and order.

    An order happens with its first line and is known once its last line is.
    """
    return transactions.group_by("customer_id", "order_id").agg(
        event_timestamp=transactions.event_timestamp.min(),
        created_timestamp=transactions.created_timestamp.max(),
        amount=transactions.amount.sum(),
        discount=transactions.discount.sum(),
        coupon_discount=transactions.coupon_discount.sum(),
        lines=transactions.count(),
        products=transactions.product_id.nunique(),
    )


def whole_seconds(moment: ir.TimestampValue) -> ir.TimestampValue:
    """Cut a moment to the second, which is what the online store keeps."""
    return moment.truncate("s").cast("timestamp('UTC')")
