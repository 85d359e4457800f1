"""Which customers models learn from, where there are more than they need."""

from dataclasses import replace

import ibis
import ibis.expr.types as ir

from features.sources import Sources

#: Customers are told apart by a hash in so many parts.
_PARTS = 1_000_000


def learning_share(con: ibis.BaseBackend, sources: Sources, most: int) -> float:
    """Return the share of customers to draw so that about `most` are learned from; 1 where there are no more."""
    ids = ibis.union(sources.transactions.select("customer_id"), sources.subscriptions.select("customer_id"))
    customers = int(con.execute(ids.customer_id.nunique()))
    return min(1.0, most / customers) if customers else 1.0


def drawn(table: ir.Table, share: float) -> ir.Table:
    """Keep the rows of a share of the customers, always the same ones."""
    if share >= 1:
        return table
    return table.filter((table.customer_id.hash() % _PARTS).abs() < int(share * _PARTS))


def learners(sources: Sources, share: float) -> Sources:
    """Keep what is known of a share of the customers."""
    own = ("transactions", "customers", "interactions", "subscriptions")
    return replace(sources, **{name: drawn(getattr(sources, name), share) for name in own})
