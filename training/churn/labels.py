"""Who was active at a snapshot, and who of them churned."""

import ibis
import ibis.expr.types as ir

from features.config import ChurnSettings
from features.expressions.visible import purchases, visible


def labels(transactions: ir.Table, snapshots: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Label the customers who are active at each snapshot (non-contractual churn).

    Active: bought in [t - activity window, t). Churned: bought nothing in [t + gap, t + gap + horizon).

    Returns
    -------
    One row per active customer and snapshot: `customer_id`, `snapshot`, `churned` (0 or 1).
    """
    bought = purchases(transactions)
    active = visible(bought, snapshots, churn.activity_window_days).select("customer_id", "snapshot").distinct()
    start = snapshots.snapshot + ibis.interval(days=churn.gap_days)
    end = snapshots.snapshot + ibis.interval(days=churn.gap_days + churn.horizon_days)
    inside = [bought.event_timestamp >= start, bought.event_timestamp < end]
    returned = bought.join(snapshots, inside).select("customer_id", "snapshot").distinct().mutate(returned=1)
    joined = active.left_join(returned, ["customer_id", "snapshot"])
    return joined.select("customer_id", "snapshot", churned=1 - joined.returned.fill_null(0))
