"""Popularity, price and repurchase of products. One row per product and snapshot."""

import ibis
import ibis.expr.types as ir

from features.views.view import FeatureView
from features.views.visible import days_between


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


VIEW = FeatureView(
    name="product_statistics",
    entity="product",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: product_statistics(inputs.bought),
    snapshots_at_once=1,
)
