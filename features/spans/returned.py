"""What was given back for goods, by order and product: the one place that says what a return takes away, and when.

Amounts of money are net of it. What customers did stays: they came, and chose. A product of an order, or a whole order,
that all of the money was given back for was not bought, once that is known.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import RETURN
from features.spans.snapshots import Snapshots
from features.spans.spans import versions, without
from features.spans.visible import purchases

#: Money is the same where it differs by less than this.
_CENT = 0.005
_LINE = ("customer_id", "order_id", "product_id")
_ORDER = ("customer_id", "order_id")


def matched_returns(transactions: ir.Table, interactions: ir.Table) -> ir.Table:
    """Match returns to their sales.

    A return that names its order belongs to the lines of its product there, or to all lines where it names no product.
    One that names the product alone belongs to the latest sale of it to the customer, at or before the return, that was
    written when the return was known.

    Returns
    -------
    One row per return whose sale is known: `customer_id`, `order_id`, `product_id` (null for all of the order), `value`
    (the money given back, above 0), `event_timestamp`, the moment of the sale, and `created_timestamp`. The spans
    of these are the snapshots after the return happened, at which both it and its sale were known.
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
    # two equal returns are two; numbered by customer, as machines of a cluster have some customers each
    own = ibis.window(group_by="customer_id", order_by=names)
    numbered = returns.select(*names, number=ibis.row_number().over(own))
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


def still_bought(lines: ir.Table, returns: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Cut out of the spans of order lines those at which all of the money for their product or order was given back.

    Parameters
    ----------
    lines
        Spans of purchases; all of an order, or none.
    returns
        Spans of `matched_returns`.
    """
    whole = without(
        lines, _gone(lines, returns.filter(returns.product_id.isnull()), _ORDER, snapshots), snapshots, _ORDER
    )
    of_lines = _gone(lines, returns.filter(returns.product_id.notnull()), _LINE, snapshots)
    return without(whole, of_lines, snapshots, _LINE)


def _gone(lines: ir.Table, returns: ir.Table, key: Sequence[str], snapshots: Snapshots) -> ir.Table:
    """Return the spans at which what was given back reaches what was paid."""
    some = lines.semi_join(returns, key)
    paid = some.select(*key, "since", "until", paid=some.amount, returned=ibis.literal(0.0), lines=_count(1))
    given = returns.select(*key, "since", "until", paid=ibis.literal(0.0), returned=returns.value, lines=_count(0))
    known = versions(
        paid.union(given),
        snapshots,
        key,
        lambda rows: {name: rows[name].sum() for name in ("paid", "returned", "lines")},
    )
    all_back = known.returned >= known.paid - _CENT
    return known.filter(known.lines > 0, known.returned > 0, all_back).select(*key, "since", "until")


def _count(number: int) -> ir.IntegerValue:
    return ibis.literal(number, "int64")
