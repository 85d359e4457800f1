"""What can be known at a snapshot: the one place where the rule about time is written."""

from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from features.contract.tables import REPLACED

#: The last four weeks are "now"; the weeks before are a customer's habit.
RECENT_DAYS = 28
_NEVER = ibis.literal(datetime(9999, 1, 1, tzinfo=UTC)).cast("timestamp('UTC')")


def visible(events: ir.Table, snapshots: ir.Table, days: int | None = None) -> ir.Table:
    """Pair every snapshot with the events that could be known at it.

    Parameters
    ----------
    events
        Any table with `event_timestamp` and `created_timestamp`; order lines may have `replaced_timestamp`.
    snapshots
        One row per snapshot, column `snapshot`.
    days
        How far back to look; None for all history.

    Returns
    -------
    One row per snapshot t and event in [t - days, t) that was written at or before t, and not replaced by then.
    """
    conditions = [
        events.event_timestamp < snapshots.snapshot,
        events.created_timestamp <= snapshots.snapshot,
    ]
    if REPLACED.name in events.columns:
        # never is a moment, so that this is a comparison, which engines join by
        conditions.append(events[REPLACED.name].fill_null(_NEVER) > snapshots.snapshot)
    if days is not None:
        conditions.append(events.event_timestamp >= snapshots.snapshot - ibis.interval(days=days))
    return events.join(snapshots, conditions)


def days_between(earlier: ir.TimestampValue, later: ir.TimestampValue) -> ir.FloatingValue:
    """Return the time between two moments in days, to the second."""
    return (later.epoch_seconds() - earlier.epoch_seconds()) / 86_400.0


def standing(lines: ir.Table) -> ir.Table:
    """Keep the order lines that no later version of their order has replaced; labels know all that is known now."""
    return lines.filter(lines[REPLACED.name].isnull()) if REPLACED.name in lines.columns else lines


def purchases(transactions: ir.Table) -> ir.Table:
    """Keep the order lines that are purchases; a return (quantity of 0 or below) is none."""
    return transactions.filter(transactions.quantity > 0)


def whole_seconds(moment: ir.TimestampValue) -> ir.TimestampValue:
    """Cut a moment to the second, which is what the online store keeps."""
    return moment.truncate("s")


def moment_where(condition: ir.BooleanValue, moment: ir.TimestampValue) -> ir.TimestampValue:
    """Return a moment, to the second, of rows that meet a condition; null of the others."""
    return ibis.ifelse(condition, whole_seconds(moment), ibis.null("timestamp"))
