"""What is in the contract tables, counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import ibis

from features.contract.tables import CONTRACT, TableName
from features.engine.completeness import complete_until
from features.engine.duckdb import Sources
from features.given import NONE_GIVEN, Given
from features.snapshots import Gap
from training.readiness.silence import Silence

#: A line is far out above the third quartile of its logarithm plus this many quartile distances (Tukey's outer fence).
_FENCE = 3.0
#: A customer with more than this share of all orders is hardly a single person.
_TOO_MUCH = 0.02


@dataclass(frozen=True)
class TableFacts:
    """A contract table.

    Attributes
    ----------
    first, last
        Moments of its first and last event, None where it has none.
    missing
        Share of rows without a value, for each column that has some.
    absent
        Columns that no row has a value of.
    duplicates
        Rows that equal another one in every column.
    """

    name: str
    rows: int
    customers: int | None
    first: datetime | None
    last: datetime | None
    missing: dict[str, float]
    absent: tuple[str, ...]
    duplicates: int


@dataclass(frozen=True)
class SalesFacts:
    """Order lines and the products in them.

    Attributes
    ----------
    orders_per_customer, gap_days
        Quartiles: 25 %, half, 75 % of customers, and of gaps between days with a purchase, at most.
    untyped
        Share of order lines whose product has no type.
    outliers
        Lines far out, and the largest value, by column.
    dominant
        Customers with more than 2 % of all orders, with their shares.
    spellings
        Ids that differ in case, blanks or width alone: how many could be one with another, and two examples.
    """

    customers: int
    orders: int
    products: int
    orders_per_customer: tuple[float, ...]
    gap_days: tuple[float, ...]
    untyped: float
    outliers: dict[str, tuple[int, float]]
    dominant: dict[str, float]
    spellings: tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class DataFacts:
    """Everything that a model judges the data by.

    Attributes
    ----------
    engine
        Runs queries on the contract tables.
    sources
        The contract tables, as expressions of that engine.
    lines, products
        The order lines, and the table of products, as what is written after FROM in SQL.
    tables
        Counts of each contract table, by name.
    sales, silence
        None where nothing is sold.
    first
        Moment of the first event.
    as_of
        The moment taken for now.
    last
        Moment of the last row of each table that labels come from.
    given
        The moments that labels and assignments are of.
    gaps
        Times without order lines.
    """

    engine: ibis.BaseBackend
    sources: Sources
    lines: str
    products: str
    tables: Mapping[str, TableFacts]
    sales: SalesFacts | None
    silence: Silence | None
    first: datetime
    as_of: datetime
    last: Mapping[TableName, datetime]

    given: Given = NONE_GIVEN
    gaps: Sequence[Gap] = ()

    @property
    def complete(self) -> dict[TableName, datetime]:
        """Until when each table that labels come from is complete."""
        return complete_until(self.last, self.as_of)

    @property
    def days(self) -> float:
        """Days of history, as far as the data reach."""
        end = max(self.complete.values(), default=self.as_of)
        return (end - self.first).total_seconds() / 86_400


def table_facts(con: duckdb.DuckDBPyConnection, name: str, file: Path) -> TableFacts:
    """Count what is in a contract table."""
    relation = f"read_parquet('{file}')"
    derived = {column.name for table in CONTRACT.values() for column in table.columns if column.derived}
    described = [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    columns = [column for column in described if column not in derived]
    known = ", ".join(f'count("{column}")' for column in columns)
    rows, *counts = con.execute(f"SELECT count(*), {known} FROM {relation}").fetchall()[0]
    table = next(table for table in CONTRACT.values() if table.name == name)
    moment = "snapshot" if name == "labels" else table.happened if table.happened in columns else None
    first, last = (
        con.execute(f"SELECT min({moment}), max({moment}) FROM {relation}").fetchall()[0] if moment else (None, None)
    )
    customers = None
    if "customer_id" in columns:
        customers = int(con.execute(f"SELECT count(DISTINCT customer_id) FROM {relation}").fetchall()[0][0])
    distinct = con.execute(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {relation})").fetchall()[0][0]
    shares = {column: 1 - count / rows for column, count in zip(columns, counts, strict=True)} if rows else {}
    return TableFacts(
        name,
        int(rows),
        customers,
        first,
        last,
        {column: share for column, share in shares.items() if 0 < share < 1},
        tuple(column for column, share in shares.items() if share == 1),
        int(rows - distinct),
    )


def sales_facts(con: duckdb.DuckDBPyConnection, transactions: str, products: str) -> SalesFacts | None:
    """Count what was sold; None where nothing was."""
    bought = f"(FROM {transactions} WHERE quantity > 0)"
    customers, orders, sold = con.execute(
        "SELECT count(DISTINCT customer_id), count(DISTINCT (customer_id, order_id)), count(DISTINCT product_id) "
        f"FROM {bought}"
    ).fetchall()[0]
    if not orders:
        return None
    per_customer = f"SELECT count(DISTINCT order_id) AS n FROM {bought} GROUP BY customer_id"
    days = f"SELECT DISTINCT customer_id, event_timestamp::DATE AS day FROM {bought}"
    gaps = (
        f"SELECT day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS n FROM ({days}) QUALIFY n IS NOT NULL"
    )
    untyped = con.execute(
        f"SELECT avg((type IS NULL)::INT) FROM {bought} LEFT JOIN {products} USING (product_id)"
    ).fetchall()[0][0]
    dominant = con.execute(
        f"SELECT customer_id, count(DISTINCT order_id) / {orders} AS share FROM {bought} GROUP BY 1 "
        f"HAVING share > {_TOO_MUCH} AND {customers} > 100 ORDER BY 2 DESC LIMIT 5"
    ).fetchall()
    one = r"regexp_replace(upper(customer_id), '[\s\x{00a0}\x{3000}._-]', '', 'g')"
    alike = con.execute(
        f"SELECT list(DISTINCT customer_id) AS ids FROM {transactions} GROUP BY {one} HAVING len(ids) > 1 ORDER BY ids"
    ).fetchall()
    return SalesFacts(
        int(customers),
        int(orders),
        int(sold),
        _quartiles(con, per_customer),
        _quartiles(con, gaps),
        float(untyped),
        {name: outliers for name in ("quantity", "amount") if (outliers := _outliers(con, bought, name))[0]},
        {str(customer): float(share) for customer, share in dominant},
        (sum(len(ids) - 1 for (ids,) in alike), tuple(sorted(alike[0][0])[:2]) if alike else ()),
    )


def _quartiles(con: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    quartiles = con.execute(f"SELECT quantile_cont(n, [0.25, 0.5, 0.75]) FROM ({query})").fetchall()[0][0]
    return tuple(float(value) for value in quartiles) if quartiles is not None else ()


def _outliers(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> tuple[int, float]:
    logs = f"SELECT ln({name}) AS n FROM {relation} WHERE {name} > 0"
    quartiles = _quartiles(con, logs)
    if not quartiles:
        return 0, 0.0
    fence = quartiles[2] + _FENCE * (quartiles[2] - quartiles[0])
    count, largest = con.execute(f"SELECT count(*), exp(max(n)) FROM ({logs}) WHERE n > {fence}").fetchall()[0]
    # where most values are the same, every other one is far out, which says nothing
    return (int(count), float(largest)) if count and quartiles[2] > quartiles[0] else (0, 0.0)
