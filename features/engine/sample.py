"""Which customers models learn from, where there are more than they need, and how to get through all of them."""

from dataclasses import replace

import ibis
import ibis.expr.types as ir

from features.contract.tables import CUSTOMER_TABLES
from features.engine.duckdb import Sources

#: The number of parts that a hash divides the customers into.
_PARTS = 1_000_000


def learning_share(con: ibis.BaseBackend, sources: Sources, most: int) -> float:
    """Return the share of customers to draw so that about `most` are learned from; 1 where there are no more."""
    customers = _customers(con, sources)
    return min(1.0, most / customers) if customers else 1.0


def drawn(table: ir.Table, share: float) -> ir.Table:
    """Keep the rows of a share of the customers, always the same ones."""
    if share >= 1:
        return table
    return table.filter((table.customer_id.hash() % _PARTS).abs() < int(share * _PARTS))


def portions(con: ibis.BaseBackend, sources: Sources, most: int) -> list[Sources]:
    """Split the customers into parts of at most about `most`, each with all rows of its customers."""
    parts = -(-_customers(con, sources) // most)
    if parts <= 1:
        return [sources]

    def own(table: ir.Table, part: int) -> ir.Table:
        return table.filter((table.customer_id.hash() % parts).abs() == part)

    return [
        replace(sources, **{name: own(table, part) for name, table in _of_customers(sources).items()})
        for part in range(parts)
    ]


def learners(sources: Sources, share: float) -> Sources:
    """Keep the rows of a share of the customers."""
    return replace(sources, **{name: drawn(table, share) for name, table in _of_customers(sources).items()})


def _of_customers(sources: Sources) -> dict[str, ir.Table]:
    """Return the tables whose rows belong to customers."""
    return {name: table for name, table in vars(sources).items() if name in CUSTOMER_TABLES and table is not None}


def _customers(con: ibis.BaseBackend, sources: Sources) -> int:
    tables = (sources.transactions, sources.subscriptions, sources.labels)
    ids = ibis.union(*(table.select("customer_id") for table in tables if table is not None))
    return int(con.execute(ids.customer_id.nunique()))
