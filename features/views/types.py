"""Which product types a customer bought, as arrays. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.spans import pairs
from features.views.view import FeatureView


def types_bought(typed: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Describe what a customer bought of each product type in [t - 182 days, t).

    Baskets with the type, seconds since 1970 of the last of them, and the median over order lines of the regular price
    for one unit of the type's usual measure, such as a gram; NaN where no product in that measure was bought.

    Parameters
    ----------
    typed
        The table of `features.spans.base.Base.typed`.

    Returns
    -------
    One row per customer, position and type, which `VIEW` folds into arrays, by name of the type.
    """
    seen = pairs(typed, snapshots)
    by_type = seen.group_by("customer_id", "position", types_names=seen.type).agg(
        types_baskets=seen.order_id.nunique().cast("int64"),
        last=seen.event_timestamp.max(),
        price=seen.price.median(),
    )
    return by_type.mutate(
        types_last=by_type["last"].epoch_seconds().cast("int64"),
        types_price=by_type.price.fill_null(ibis.literal(float("nan"))),
    ).drop("last", "price")


VIEW = FeatureView(
    name="customer_types",
    entity="customer",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: types_bought(inputs.base.typed, inputs.snapshots),
    folded_by=("types_names",),
    one_at_a_time=True,
    texts={"types_names": "type"},
)
