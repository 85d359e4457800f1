"""What each snapshot sees of the data, in a few letters: features are the same where it is the same.

A snapshot sees the rows whose span it is in. Of each table the hashes of rows are summed by span, in one pass, and the
sums are added up by snapshot: what is new changes later snapshots only, and what was corrected those that saw it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import ibis
import ibis.expr.types as ir

from core.stamps import fingerprint
from features.contract.tables import REPLACED
from features.engine.duckdb import Sources
from features.engine.inputs import view_tables
from features.spans.contracts import from_start
from features.spans.snapshots import Snapshots
from features.spans.spans import spans
from features.views.view import FeatureView

#: What features read of products, beside `unit_cost`; others of their columns may change.
_OF_PRODUCTS = ("product_id", "department", "category", "brand_tier", "active")
_LINE = (
    "customer_id",
    "order_id",
    "product_id",
    "event_timestamp",
    "created_timestamp",
    "quantity",
    "amount",
    "discount",
    "coupon_discount",
    "cost",
)
_SPAN = ("since", "until")
#: What the spans of order lines are made of.
_MOMENTS = ("event_timestamp", "created_timestamp", REPLACED.name)
#: Order lines with the attributes of their products, beside the contract tables.
_GOODS = "goods"
#: The same with what the products cost, which views of behaviour do not read.
_COSTED = "costed goods"


class Seen:
    """What snapshots see of some data.

    Parameters
    ----------
    sizes
        What each product's package holds.
    kinds
        The kinds of interactions that the data have, of all customers.
    moments
        Those to compare, in ascending order.
    """

    def __init__(
        self,
        con: ibis.BaseBackend,
        sources: Sources,
        sizes: ir.Table,
        kinds: frozenset[str],
        moments: Sequence[datetime],
    ) -> None:
        self._kinds = kinds
        self._moments = list(moments)
        snapshots = Snapshots.of(moments)
        tables = view_tables(sources, sizes)
        signup = tables.customers.signup_timestamp
        since = ibis.ifelse(signup.isnull(), ibis.literal(0, "int64"), snapshots.first_after(signup))
        until = ibis.literal(snapshots.end, "int64")
        known = tables.products.select(*_OF_PRODUCTS, "unit_cost").left_join(sizes, "product_id")
        is_what = [name for name in known.columns if name != "unit_cost"]
        of_product = known.select("product_id", product=_hash(known, is_what), costs=_hash(known, ("unit_cost",)))
        lines = tables.transactions
        line = lines.select("product_id", *_MOMENTS, row=_hash(lines, _LINE))
        goods = line.left_join(of_product, "product_id")
        rows = {
            "transactions": _by_moments(line, snapshots),
            _GOODS: _by_moments(goods.mutate(row=_hash(goods, ("row", "product"))), snapshots),
            _COSTED: _by_moments(goods.mutate(row=_hash(goods, ("row", "costs"))), snapshots),
            "customers": _hashed(tables.customers.mutate(since=since, until=until)),
            "interactions": _hashed(spans(tables.interactions, snapshots)),
            "subscriptions": _hashed(spans(from_start(tables.subscriptions), snapshots)),
        }
        self._tables = {name: _by_position(con, table, snapshots.end) for name, table in rows.items()}

    def by(self, view: FeatureView, moment: datetime) -> str:
        """Name what a view's rows of a snapshot are made of."""
        position = self._moments.index(moment)
        goods = _COSTED if view.costs else _GOODS
        tables = [goods if name == "transactions" and "products" in view.tables else name for name in view.tables]
        parts = [self._tables[name][position] for name in tables if name in self._tables]
        # hashes are those of this version of the engine
        return fingerprint(moment, view.has_kinds(self._kinds), duckdb.__version__, parts)


def _hashed(rows: ir.Table) -> ir.Table:
    hashes = _hash(rows, [name for name in rows.columns if name not in _SPAN])
    return rows.select("since", "until", rows=ibis.literal(1), total=hashes)


def _by_moments(rows: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Sum rows of the same moments, which are far fewer, before their spans are found."""
    return spans(rows.group_by(_MOMENTS).agg(rows=rows.count(), total=rows.row.sum()), snapshots)


def _hash(rows: ir.Table, columns: Sequence[str]) -> ir.IntegerValue:
    return ibis.struct({name: rows[name] for name in columns}).hash()


def _by_position(con: ibis.BaseBackend, rows: ir.Table, end: int) -> Mapping[int, tuple[int, int]]:
    """Return the number of rows that each position sees, and the sum of their hashes."""
    # the sum has more bits than Ibis has a type for
    total = rows.total.sum().cast("string")
    sums = con.to_pyarrow(rows.group_by("since", "until").agg(rows=rows.rows.sum(), total=total)).to_pylist()
    seen: dict[int, tuple[int, int]] = {}
    for position in range(end):
        own = [one for one in sums if one["since"] <= position < one["until"]]
        seen[position] = sum(one["rows"] for one in own), sum(int(one["total"]) for one in own)
    return seen
