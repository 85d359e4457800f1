"""The customers who have any event before a snapshot."""

import ibis
import ibis.expr.types as ir

from features.views.subscription import started
from features.views.view import Inputs
from features.views.visible import purchases, visible

_KEYS = ["customer_id", "snapshot"]


def known_customers(inputs: Inputs) -> ir.Table:
    """Return one row per snapshot and customer who bought, had a contract or interacted before it."""
    seen = (
        visible(purchases(inputs.transactions), inputs.snapshots),
        started(inputs.subscriptions, inputs.snapshots),
        visible(inputs.interactions, inputs.snapshots),
    )
    return ibis.union(*(table.select(_KEYS) for table in seen), distinct=True)
