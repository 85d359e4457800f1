"""Which customers models learn from, where there are more than they need, and how to get through all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import ibis
import ibis.expr.types as ir

from core.files import claimed
from core.sql import quoted
from features.contract.tables import CUSTOMER_TABLES
from features.engine.duckdb import Sources

#: Customers are drawn by the first digits of a hash of their ids: as many, of 16 values each.
_DIGITS = 8


def learning_share(con: ibis.BaseBackend, sources: Sources, most: int) -> float:
    """Return the share of customers to draw so that at most `most` are learned from, by halves; 1 for all of them.

    By halves, so that a few more customers do not make another share, of which all features would be computed again.
    """
    customers, share = _customers(con, sources), 1.0
    while customers * share > most:
        share /= 2
    return share


def drawn(table: ir.Table, share: float) -> ir.Table:
    """Keep the rows of a share of the customers: always the same ones, on every engine."""
    if share >= 1:
        return table
    limit = int(share * 16**_DIGITS)
    return table.filter(table.customer_id.hexdigest("md5")[:_DIGITS] < f"{limit:0{_DIGITS}x}")


def learners(sources: Sources, share: float) -> Sources:
    """Keep the rows of a share of the customers."""
    return replace(sources, **{name: drawn(table, share) for name, table in _of_customers(sources).items()})


@contextmanager
def portions(con: ibis.BaseBackend, sources: Sources, most: int, beside: Path) -> Iterator[list[Sources]]:
    """Yield the customers in parts with about `most` rows, each with all rows of its customers.

    The rows are written once, part by part, so that each part reads its own ones only.

    Parameters
    ----------
    beside
        Where rows are written for the time of the block.
    """
    rows = sum(int(con.execute(table.count())) for table in _of_customers(sources).values())
    parts = -(-rows // most)
    if parts <= 1:
        yield [sources]
        return
    with claimed(beside) as folder:
        for name, table in _of_customers(sources).items():
            numbered = table.mutate(part=(table.customer_id.hash() % parts).abs())
            query = con.compile(numbered)
            con.raw_sql(f"COPY ({query}) TO {quoted(str(folder / name))} (FORMAT parquet, PARTITION_BY (part))")
        yield [_part(con, sources, folder, number) for number in range(parts)]


def _part(con: ibis.BaseBackend, sources: Sources, folder: Path, number: int) -> Sources:
    own = {}
    for name, table in _of_customers(sources).items():
        files = folder / name / f"part={number}"
        own[name] = con.read_parquet(files / "*.parquet") if files.is_dir() else table.limit(0)
    return replace(sources, **own)


def _of_customers(sources: Sources) -> dict[str, ir.Table]:
    """Return the tables whose rows belong to customers."""
    return {name: table for name, table in vars(sources).items() if name in CUSTOMER_TABLES and table is not None}


def _customers(con: ibis.BaseBackend, sources: Sources) -> int:
    tables = (sources.transactions, sources.subscriptions, sources.labels)
    ids = ibis.union(*(table.select("customer_id") for table in tables if table is not None))
    return int(con.execute(ids.customer_id.nunique()))
