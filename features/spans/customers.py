"""The customers who have any event before a snapshot."""

import ibis
import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.spans import apart, pairs


def known_customers(snapshots: Snapshots, *events: ir.Table) -> ir.Table:
    """Return one row per position and customer with an event that is seen at it.

    Parameters
    ----------
    events
        Spans of several kinds of rows.
    """
    key = ["customer_id"]
    seen = ibis.union(*(table.select(*key, "since", "until").distinct() for table in events))
    return pairs(apart(seen, snapshots, key), snapshots).select(*key, "position")
