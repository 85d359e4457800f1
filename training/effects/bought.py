"""What customers bought in the days after a moment of their own, and in the days before it."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.arrays import Columns
from features.contract.events.interactions import RETURN
from features.engine.duckdb import Sources
from features.engine.inputs import interaction_kinds
from features.spans.returned import matched_returns, net
from features.spans.visible import purchases, standing, visible

_ORDER = ("place", "order_id")


@dataclass(frozen=True)
class Sales:
    """The order lines that are purchases, each with what it `earned`, and what was given back for them.

    Attributes
    ----------
    returns
        The table of `features.spans.returned.matched_returns`; None where the data have no returns.
    """

    con: ibis.BaseBackend
    lines: ir.Table
    returns: ir.Table | None

    @classmethod
    def of(cls, con: ibis.BaseBackend, sources: Sources, margin: float | None) -> "Sales":
        """Take the contract tables.

        Parameters
        ----------
        margin
            The share of an amount that is earned where the cost of the goods is not known; None leaves it unknown.
        """
        costs = sources.products.select("product_id", "unit_cost")
        lines = purchases(sources.transactions).left_join(costs, "product_id")
        cost = lines.cost.coalesce(lines.quantity * lines.unit_cost)
        uncosted = ibis.null("float64") if margin is None else lines.amount * margin
        has_returns = RETURN.name in interaction_kinds(con, sources)
        returns = matched_returns(sources.transactions, sources.interactions) if has_returns else None
        return cls(con, lines.mutate(earned=(lines.amount - cost).coalesce(uncosted)), returns)

    def after(self, customers: npt.NDArray[np.object_], moments: npt.NDArray[np.datetime64], days: int) -> Columns:
        """Sum what each customer bought in [moment, moment + days), by all that is known now.

        Of an order that was replaced the last version counts, and a return whenever it came.

        Returns
        -------
        `orders`, `revenue` (of these orders, less what was given back for them) and `margin`: one place per customer.
        A margin is NaN where a cost is not known.
        """
        asked, lines = _asked(customers, moments), standing(self.lines)
        end = asked.snapshot + ibis.interval(days=days)
        own = [lines.customer_id == asked.buyer, lines.event_timestamp >= asked.snapshot, lines.event_timestamp < end]
        given = None if self.returns is None else self.returns.join(asked, self.returns.customer_id == asked.buyer)
        return self._summed(lines.join(asked, own), given, len(customers))

    def before(self, customers: npt.NDArray[np.object_], moments: npt.NDArray[np.datetime64], days: int) -> Columns:
        """Sum what each customer bought in [moment - days, moment), by what was known at it, as `after` does.

        Nothing that happened from the moment on can change these sums.
        """
        asked = _asked(customers, moments)
        given = None if self.returns is None else _own(visible(self.returns, asked))
        return self._summed(_own(visible(self.lines, asked, days)), given, len(customers))

    def _summed(self, rows: ir.Table, returns: ir.Table | None, places: int) -> Columns:
        orders = rows.group_by(_ORDER).agg(
            paid=rows.amount.sum(), earned=rows.earned.sum(), uncosted=rows.count(where=rows.earned.isnull())
        )
        left = orders.mutate(left=orders.paid) if returns is None else _after_returns(orders, returns)
        # a return takes its share of the cost along
        share = ibis.ifelse(left.paid > 0, left.left / left.paid.nullif(0.0), 1.0)
        earned = ibis.ifelse(left.uncosted > 0, ibis.literal(float("nan")), left.earned * share)
        found = left.group_by("place").agg(orders=left.count(), revenue=left.left.sum(), margin=earned.sum())
        table = self.con.to_pyarrow(found)
        place = table["place"].to_numpy()
        sums: Columns = {}
        for name in ("orders", "revenue", "margin"):
            sums[name] = np.zeros(places)
            sums[name][place] = table[name].to_numpy()
        return sums


def _own(pairs: ir.Table) -> ir.Table:
    return pairs.filter(pairs.customer_id == pairs.buyer)


def _after_returns(orders: ir.Table, returns: ir.Table) -> ir.Table:
    """Add what is left of what was paid for each order."""
    given = returns.group_by(_ORDER).agg(returned=returns.value.sum())
    joined = orders.left_join(given, _ORDER)
    left = net(joined.paid, joined.returned.fill_null(0.0))
    return joined.select(*_ORDER, "paid", "earned", "uncosted", left=left)


def _asked(customers: npt.NDArray[np.object_], moments: npt.NDArray[np.datetime64]) -> ir.Table:
    columns = {
        "place": pa.array(np.arange(len(customers)), pa.int64()),
        "buyer": pa.array(customers, pa.string()),
        "snapshot": pa.array(moments.astype("datetime64[us]"), pa.timestamp("us", tz="UTC")),
    }
    return ibis.memtable(pa.table(columns))
