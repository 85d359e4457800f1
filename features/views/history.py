"""Which products a customer bought, as arrays. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.views.view import FeatureView


def history(bought: ir.Table) -> ir.Table:
    """Fold what a customer bought of each product into one row with arrays aligned with each other.

    Moments are seconds since 1970; the order is most recent first.

    Parameters
    ----------
    bought
        The table of `features.views.purchases.pairs`.
    """
    # sorted as structs that begin with what they are ordered by, since not every engine sorts in an aggregate
    purchase = ibis.struct(
        {
            "age": -bought.last_bought.epoch_seconds().cast("int64"),
            "product": bought.product_id,
            "baskets": bought.baskets.cast("int64"),
            "decayed": bought.decayed.round(6),
            "first": bought.first_bought.epoch_seconds().cast("int64"),
        }
    )
    folded = bought.group_by("customer_id", "snapshot").agg(purchases=purchase.collect())
    latest_first = folded.purchases.sort()
    return folded.select(
        "customer_id",
        "snapshot",
        history_products=latest_first.map(lambda one: one["product"]),
        history_baskets=latest_first.map(lambda one: one["baskets"]),
        history_decayed=latest_first.map(lambda one: one["decayed"]),
        history_first=latest_first.map(lambda one: one["first"]),
        history_last=latest_first.map(lambda one: -one["age"]),
    )


VIEW = FeatureView(
    name="customer_history",
    entity="customer",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: history(inputs.bought),
    snapshots_at_once=1,
)
