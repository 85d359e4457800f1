"""Who was active at a snapshot, and who of them churned."""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from features.config import ChurnSettings
from features.expressions.visible import visible


def labels(transactions: ir.Table, snapshots: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Label the customers who are active at each snapshot (non-contractual churn).

    Active: bought in [t - activity window, t). Churned: bought nothing in [t + gap, t + gap + horizon).

    Returns
    -------
    One row per active customer and snapshot: `customer_id`, `snapshot`, `churned` (0 or 1).
    """
    active = visible(transactions, snapshots, churn.activity_window_days).select("customer_id", "snapshot").distinct()
    start = snapshots.snapshot + ibis.interval(days=churn.gap_days)
    end = snapshots.snapshot + ibis.interval(days=churn.gap_days + churn.horizon_days)
    inside = [transactions.event_timestamp >= start, transactions.event_timestamp < end]
    returned = transactions.join(snapshots, inside).select("customer_id", "snapshot").distinct().mutate(returned=1)
    joined = active.left_join(returned, ["customer_id", "snapshot"])
    return joined.select("customer_id", "snapshot", churned=1 - joined.returned.fill_null(0))


def label_reach(churn: ChurnSettings) -> timedelta:
    """Return the time from a snapshot to the end of its label window."""
    return timedelta(days=churn.gap_days + churn.horizon_days)
