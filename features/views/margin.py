"""What is earned on a customer's purchases, as far as costs are known. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.spans.base import Base
from features.spans.snapshots import Snapshots
from features.spans.totals import totals
from features.views.view import FeatureView

_ORDER = ["customer_id", "order_id"]


def margin(base: Base, snapshots: Snapshots) -> ir.Table:
    """Sum the amounts of the order lines whose cost is known, and their costs, over all visible history.

    The cost of a line is `transactions.cost`, else the quantity times `products.unit_cost`, which is that of today. A
    return takes its share of the cost along: of an order of 100 that 40 were given back for, 60 % of the amount and of
    the cost are left. A cost of 0 is known. What is earned where no cost is known is configured (`[value]`) and is no
    feature.

    Returns
    -------
    `margin_amount_known` and `margin_cost`, in the currency of the data; no row for a customer without a known cost.
    """
    products = base.tables.products.select("product_id", "unit_cost")
    lines = base.lines.left_join(products, "product_id")
    cost = lines.cost.coalesce(lines.quantity * lines.unit_cost)
    columns = (*_ORDER, "since", "until")
    costed = lines.select(*columns, amount=lines.amount, cost=cost).filter(lambda rows: rows.cost.notnull())
    left = costed if base.returns is None else _after_returns(costed, base.orders, base.returns)
    return totals(left, snapshots, sums={"margin_amount_known": left.amount, "margin_cost": left.cost})


def _after_returns(costed: ir.Table, orders: ir.Table, returns: ir.Table) -> ir.Table:
    """Keep of each line the share of its order's money that was not given back, while that is so."""
    given = returns.select(*_ORDER).distinct()
    touched = orders.semi_join(given, _ORDER).select(
        *_ORDER, known_since=orders.since, known_until=orders.until, kept=orders.amount / orders.paid.nullif(0.0)
    )
    lines = costed.semi_join(given, _ORDER)
    both = lines.inner_join(
        touched, [*_ORDER, lines.since < touched.known_until, touched.known_since < lines.until]
    ).select(
        *_ORDER,
        since=lambda rows: ibis.greatest(rows.since, rows.known_since),
        until=lambda rows: ibis.least(rows.until, rows.known_until),
        amount=lambda rows: rows.amount * rows.kept.fill_null(1.0),
        cost=lambda rows: rows.cost * rows.kept.fill_null(1.0),
    )
    return costed.anti_join(given, _ORDER).union(both)


VIEW = FeatureView(
    name="customer_margin",
    entity="customer",
    group="worth",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: margin(inputs.base, inputs.snapshots),
    costs=True,
)
