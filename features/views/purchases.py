"""What each customer bought of each product, and what that makes of the customer and of the product."""

import ibis
import ibis.expr.types as ir

from features.views.visible import days_between, visible, within

#: Weight of a purchase halves over this many days.
HALF_LIFE_DAYS = 42
#: A type is bought regularly, or not, judged by this many days.
REGULAR_DAYS = 182


def goods(transactions: ir.Table, products: ir.Table) -> ir.Table:
    """Keep the order lines that are evidence of taste: quantity and amount above 0, the product not inactive."""
    inactive = products.filter(~products.active)
    lines = transactions.anti_join(inactive.select("product_id"), "product_id")
    return lines.filter(lines.quantity > 0, lines.amount > 0)


def pairs(lines: ir.Table, snapshots: ir.Table, days: int) -> ir.Table:
    """Sum a customer's purchases of a product. One row per snapshot, customer and product.

    Baskets and quantities are counted over [t - days, t); `decayed` is the count of baskets in which one of
    an age of 42 days weighs a half.
    """
    seen = visible(lines, snapshots, days)
    baskets = seen.group_by("snapshot", "customer_id", "product_id", "order_id").agg(
        event_timestamp=seen.event_timestamp.min(),
        quantity=seen.quantity.sum(),
        amount=seen.amount.sum(),
        regular=(seen.amount + seen.discount.fill_null(0.0)).sum(),
    )
    age = days_between(baskets.event_timestamp, baskets.snapshot)
    return baskets.group_by("snapshot", "customer_id", "product_id").agg(
        baskets=baskets.count(),
        decayed=(ibis.literal(0.5) ** (age / HALF_LIFE_DAYS)).sum(),
        first_bought=baskets.event_timestamp.min(),
        last_bought=baskets.event_timestamp.max(),
        quantity=baskets.quantity.sum(),
        regular=baskets.regular.sum(),
        baskets_7d=baskets.count(where=within(baskets, 7)),
        baskets_28d=baskets.count(where=within(baskets, 28)),
        baskets_56d=baskets.count(where=within(baskets, 56)),
    )


def history(bought: ir.Table) -> ir.Table:
    """Fold `pairs` into one row per customer and snapshot with arrays aligned with each other.

    Moments are seconds since 1970; the order is most recent first.
    """
    latest_first = [ibis.desc(bought.last_bought), bought.product_id]
    columns = {
        "history_products": bought.product_id,
        "history_baskets": bought.baskets.cast("int64"),
        "history_decayed": bought.decayed.round(6),
        "history_first": bought.first_bought.epoch_seconds().cast("int64"),
        "history_last": bought.last_bought.epoch_seconds().cast("int64"),
    }
    return bought.group_by("customer_id", "snapshot").agg(
        **{name: column.collect(order_by=latest_first) for name, column in columns.items()}
    )


def types_bought(lines: ir.Table, sizes: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Fold what a customer bought of each product type in [t - 182 days, t) into arrays, by name of the type.

    One row per customer and snapshot: baskets with the type, seconds since 1970 of the last of them, and the
    median over order lines of the regular price for one unit of the type's usual measure, such as a gram; null where
    no product in that measure was bought.

    Parameters
    ----------
    sizes
        The table of `features.views.sizes.measured`.
    """
    typed = lines.join(sizes.filter(sizes.type.notnull()), "product_id")
    seen = visible(typed, snapshots, REGULAR_DAYS)
    by_type = seen.group_by("snapshot", "customer_id", "type").agg(
        baskets=seen.order_id.nunique(),
        last=seen.event_timestamp.max(),
        price=((seen.amount + seen.discount.fill_null(0.0)) / seen.quantity / seen.contents).median(),
    )
    return by_type.group_by("customer_id", "snapshot").agg(
        types_names=by_type.type.collect(order_by=by_type.type),
        types_baskets=by_type.baskets.cast("int64").collect(order_by=by_type.type),
        types_last=by_type["last"].epoch_seconds().cast("int64").collect(order_by=by_type.type),
        types_price=by_type.price.fill_null(ibis.literal(float("nan"))).collect(order_by=by_type.type),
    )


def product_statistics(bought: ir.Table) -> ir.Table:
    """Popularity, trend, price and repurchase of each product. One row per product and snapshot.

    Popularity counts baskets in the last 7 or 28 days, its trend is that of 28 over the 28 days before, each plus
    one; new buyers are customers whose first basket with it, in the history that is looked at, lies in these days.
    The repeat rate is the share of buyers with two baskets or more; the cycle is the median over them of
    the mean days between their baskets; both null or 0 where nobody came back.
    """
    cycle = days_between(bought.first_bought, bought.last_bought) / (bought.baskets - 1).nullif(0)
    repeated = bought.baskets >= 2
    now = bought.baskets_28d.cast("float64").sum()
    before = bought.baskets_56d.cast("float64").sum() - now
    return bought.group_by("product_id", "snapshot").agg(
        product_baskets=bought.baskets.cast("float64").sum(),
        product_buyers=bought.count(),
        product_baskets_7d=bought.baskets_7d.cast("float64").sum(),
        product_baskets_28d=now,
        product_new_buyers_7d=_new_buyers(bought, 7),
        product_new_buyers_28d=_new_buyers(bought, 28),
        product_trend=(now + 1) / (before + 1),
        product_price=bought.regular.sum() / bought.quantity.sum(),
        product_repeat_rate=bought.count(where=repeated) / bought.count(),
        product_cycle_days=cycle.median(where=repeated),
    )


def _new_buyers(bought: ir.Table, days: int) -> ir.IntegerScalar:
    return bought.count(where=bought.first_bought >= bought.snapshot - ibis.interval(days=days))
