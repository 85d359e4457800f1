"""Contracts as they were known at a moment: ends and prices change, and count from when they were known."""

import ibis
import ibis.expr.types as ir

from features.spans.visible import visible


def started(subscriptions: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Return the contracts that started, and were known to, before each snapshot, as they were known at it."""
    return as_known(visible(from_start(subscriptions), snapshots))


def from_start(subscriptions: ir.Table) -> ir.Table:
    """Return contract periods as events, which happen when they start."""
    return subscriptions.mutate(event_timestamp=subscriptions.start_timestamp)


def as_known(seen: ir.Table) -> ir.Table:
    """Return contracts as they were known at the snapshots that they are paired with.

    `end_timestamp` is null where the contract ran on for all that was known, and `price` is that of then.
    """
    # terms are in the order of time, so that the first of those that had not been replaced yet was the one that counted
    replaced_later = seen.earlier_terms.filter(lambda terms: terms["until_timestamp"] > seen.snapshot)
    earlier = (replaced_later.length() > 0).fill_null(False)
    return seen.mutate(
        end_timestamp=ibis.ifelse(earlier, replaced_later[0]["end_timestamp"], seen.end_timestamp),
        price=ibis.ifelse(earlier, replaced_later[0]["price"], seen.price),
    )
