"""Popularity, price and repurchase of products. One row per product and snapshot."""

import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.visible import days_between
from features.views.view import FeatureView


def product_statistics(bought: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Popularity, trend, price and repurchase of each product. One row per product and snapshot.

    Popularity counts baskets in the last 7 or 28 days, its trend is that of 28 over the 28 days before, each plus
    one; new buyers are customers whose first basket with it, in the history that is looked at, lies in these days.
    The repeat rate is the share of buyers with two baskets or more; the cycle is the median over them of
    the mean days between their baskets; both null or 0 where nobody came back.

    Parameters
    ----------
    bought
        The table of `features.spans.purchases.purchases_of_products`.
    """
    cycle = days_between(bought.first_bought, bought.last_bought) / (bought.baskets - 1).nullif(0)
    repeated = bought.baskets >= 2
    now = bought.baskets_28d.cast("float64").sum()
    before = bought.baskets_56d.cast("float64").sum() - now
    new_buyers = {days: bought.count(where=snapshots.recent(bought, bought.first_bought, days)) for days in (7, 28)}
    return bought.group_by("product_id", "position").agg(
        product_baskets=bought.baskets.cast("float64").sum(),
        product_buyers=bought.count(),
        product_baskets_7d=bought.baskets_7d.cast("float64").sum(),
        product_baskets_28d=now,
        product_new_buyers_7d=new_buyers[7],
        product_new_buyers_28d=new_buyers[28],
        product_trend=(now + 1) / (before + 1),
        product_price=bought.regular.sum() / bought.quantity.sum(),
        product_repeat_rate=bought.count(where=repeated) / bought.count(),
        product_cycle_days=cycle.median(where=repeated),
    )


VIEW = FeatureView(
    name="product_statistics",
    entity="product",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: product_statistics(inputs.purchases, inputs.snapshots),
    one_at_a_time=True,
)
