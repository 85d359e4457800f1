"""Which products a customer bought, as arrays. One row per customer and snapshot."""

import ibis.expr.types as ir

from features.views.view import FeatureView


def history(purchases: ir.Table) -> ir.Table:
    """Describe what a customer bought of each product; moments are seconds since 1970.

    Parameters
    ----------
    purchases
        The table of `features.spans.purchases.purchases_of_products`.

    Returns
    -------
    One row per customer, position and product, which `VIEW` folds into arrays, most recent first.
    """
    return purchases.select(
        "customer_id",
        "position",
        history_products=purchases.product_id,
        history_baskets=purchases.baskets.cast("int64"),
        history_decayed=purchases.decayed.round(6),
        history_first=purchases.first_bought.epoch_seconds().cast("int64"),
        history_last=purchases.last_bought.epoch_seconds().cast("int64"),
    )


VIEW = FeatureView(
    name="customer_history",
    entity="customer",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: history(inputs.purchases),
    folded_by=("-history_last", "history_products"),
    one_at_a_time=True,
    texts={"history_products": "product_id"},
)
