"""Which customers are asked about at a snapshot, and what they bought in the label window."""

import ibis
import ibis.expr.types as ir

from features.views.visible import purchases, visible
from training.next_product.settings import NextProductSettings


def customers_known(transactions: ir.Table, snapshots: ir.Table, settings: NextProductSettings) -> ir.Table:
    """Return everybody who bought before each snapshot.

    One row per customer and snapshot: `customer_id`, `snapshot`, `active` (bought in the activity window).
    """
    seen = visible(purchases(transactions), snapshots)
    recent = seen.event_timestamp >= seen.snapshot - ibis.interval(days=settings.activity_window_days)
    return seen.group_by("customer_id", "snapshot").agg(active=recent.any())


def bought_next(lines: ir.Table, snapshots: ir.Table, settings: NextProductSettings) -> ir.Table:
    """Return the distinct products of each customer in [t, t + horizon).

    One row per customer and snapshot with any: `customer_id`, `snapshot`, `products` (array of ids).
    """
    end = snapshots.snapshot + ibis.interval(days=settings.horizon_days)
    inside = lines.join(snapshots, [lines.event_timestamp >= snapshots.snapshot, lines.event_timestamp < end])
    distinct = inside.select("customer_id", "snapshot", "product_id").distinct()
    return distinct.group_by("customer_id", "snapshot").agg(
        products=distinct.product_id.collect(order_by=distinct.product_id)
    )
