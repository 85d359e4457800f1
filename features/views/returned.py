"""What was given back for goods, by order and product: the one place that says what a return takes away, and when.

Amounts of money are net of it. What customers did stays: they came, and chose. A product of an order, or a whole order,
that all of the money was given back for was not bought, once that is known.
"""

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import RETURN
from features.views.visible import purchases, visible

#: Money is the same where it differs by less than this.
_CENT = 0.005
_LINE = ["snapshot", "customer_id", "order_id", "product_id"]
_ORDER = ["snapshot", "customer_id", "order_id"]


def matched_returns(transactions: ir.Table, interactions: ir.Table) -> ir.Table:
    """Match returns to their sales.

    A return that names its order belongs to the lines of its product there, or to all lines where it names no product.
    One that names the product alone belongs to the latest sale of it to the customer, at or before the return, that was
    written when the return was known.

    Returns
    -------
    One row per return whose sale is known: `customer_id`, `order_id`, `product_id` (null for all of the order), `value`
    (the money given back, above 0), `event_timestamp`, the moment of the sale, and `created_timestamp`. `visible` finds
    a return by these at the snapshots after it happened, at which both it and its sale were known.
    """
    returns = interactions.filter(interactions.kind == RETURN.name, interactions.value > 0).select(
        "customer_id",
        "order_id",
        "product_id",
        "value",
        happened=lambda one: one.event_timestamp,
        # what happens at a snapshot is not known at it
        known=lambda one: ibis.greatest(one.created_timestamp, one.event_timestamp + ibis.interval(microseconds=1)),
    )
    sales = purchases(transactions).semi_join(returns.select("customer_id").distinct(), "customer_id")
    has_order, has_product = returns.order_id.notnull(), returns.product_id.notnull()
    lines = _first_written(sales, ["customer_id", "order_id", "product_id"])
    of_line = returns.filter(has_order, has_product).inner_join(lines, ["customer_id", "order_id", "product_id"])
    orders = _first_written(sales, ["customer_id", "order_id"])
    of_order = returns.filter(has_order, ~has_product).inner_join(orders, ["customer_id", "order_id"])
    of_latest = _of_latest_sale(returns.filter(~has_order, has_product), lines)
    return ibis.union(*(_known(table) for table in (of_line, of_order, of_latest)))


def _known(matched: ir.Table) -> ir.Table:
    return matched.select(
        "customer_id",
        "order_id",
        "product_id",
        "value",
        event_timestamp=matched.sold,
        created_timestamp=ibis.greatest(matched.known, matched.written),
    )


def _first_written(sales: ir.Table, key: list[str]) -> ir.Table:
    """Return when the first line of each key was written, and when it was sold; later lines change neither."""
    first = ibis.struct({"written": sales.created_timestamp, "sold": sales.event_timestamp})
    return sales.group_by(key).agg(written=sales.created_timestamp.min(), sold=sales.event_timestamp.argmin(first))


def _of_latest_sale(returns: ir.Table, lines: ir.Table) -> ir.Table:
    names = ["customer_id", "product_id", "happened", "known", "value"]
    # two equal returns are two
    numbered = returns.select(*names, number=ibis.row_number().over(ibis.window(order_by=names)))
    sales = lines.rename(seller="customer_id", goods="product_id")
    before = numbered.rename(buyer="customer_id", item="product_id")
    pairs = before.inner_join(
        sales,
        [
            before.buyer == sales.seller,
            before.item == sales.goods,
            sales.sold <= before.happened,
            sales.written <= before.known,
        ],
    )
    latest = ibis.struct({"sold": pairs.sold, "order": pairs.order_id})
    return pairs.group_by("number", customer_id=pairs.buyer, product_id=pairs.item).agg(
        order_id=pairs.order_id.argmax(latest),
        value=pairs.value.max(),
        known=pairs.known.max(),
        sold=pairs.sold.max(),
        written=pairs.written.argmax(latest),
    )


def net(amount: ir.FloatingValue, returned: ir.FloatingValue) -> ir.FloatingValue:
    """Return what is left of an amount; never less than nothing."""
    return amount - ibis.least(returned, ibis.greatest(amount, 0.0))


def kept(seen: ir.Table, returns: ir.Table | None, snapshots: ir.Table, orders: ir.Table | None = None) -> ir.Table:
    """Leave out the lines of products of orders that all of the money was given back for, as is known at a snapshot.

    Parameters
    ----------
    seen
        Order lines at snapshots, as `visible` pairs them.
    returns
        The table of `matched_returns`; None where the data have no returns.
    orders
        All lines of the orders, paired in the same way; None where `seen` has them.
    """
    if returns is None:
        return seen
    given = visible(returns, snapshots)
    # few orders have returns
    whole = seen if orders is None else orders
    some = whole.semi_join(returns.select("customer_id", "order_id").distinct(), ["customer_id", "order_id"])
    lines = some.group_by(_LINE).agg(amount=some.amount.sum())
    of_lines = given.filter(given.product_id.notnull()).group_by(_LINE).agg(returned=lambda one: one.value.sum())
    lines_gone = _gone(lines, of_lines, _LINE)
    paid = some.group_by(_ORDER).agg(amount=some.amount.sum())
    of_orders = given.filter(given.product_id.isnull()).group_by(_ORDER).agg(returned=lambda one: one.value.sum())
    return seen.anti_join(lines_gone, _LINE).anti_join(_gone(paid, of_orders, _ORDER), _ORDER)


def _gone(paid: ir.Table, given: ir.Table, key: list[str]) -> ir.Table:
    joined = paid.inner_join(given, key)
    return joined.filter(joined.returned >= joined.amount - _CENT).select(key)
