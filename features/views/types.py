"""Which product types a customer bought, as arrays. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.views.purchases import goods
from features.views.returned import kept
from features.views.view import FeatureView
from features.views.visible import visible

#: A type is bought regularly, or not, judged by this many days.
REGULAR_DAYS = 182


def types_bought(lines: ir.Table, sizes: ir.Table, snapshots: ir.Table, returns: ir.Table | None = None) -> ir.Table:
    """Fold what a customer bought of each product type in [t - 182 days, t) into arrays, by name of the type.

    One row per customer and snapshot: baskets with the type, seconds since 1970 of the last of them, and the
    median over order lines of the regular price for one unit of the type's usual measure, such as a gram; NaN where
    no product in that measure was bought.

    Parameters
    ----------
    sizes
        The table of `features.views.sizes.measured`.
    returns
        The table of `features.views.returned.matched_returns`, as for `pairs`.
    """
    typed = lines.join(sizes.filter(sizes.type.notnull()), "product_id")
    orders = visible(lines, snapshots, REGULAR_DAYS)
    seen = kept(visible(typed, snapshots, REGULAR_DAYS), returns, snapshots, orders)
    by_type = seen.group_by("snapshot", "customer_id", "type").agg(
        baskets=seen.order_id.nunique(),
        last=seen.event_timestamp.max(),
        price=((seen.amount + seen.discount.fill_null(0.0)) / seen.quantity / seen.contents).median(),
    )
    one = ibis.struct(
        {
            "name": by_type.type,
            "baskets": by_type.baskets.cast("int64"),
            "last": by_type["last"].epoch_seconds().cast("int64"),
            "price": by_type.price.fill_null(ibis.literal(float("nan"))),
        }
    )
    folded = by_type.group_by("customer_id", "snapshot").agg(types=one.collect())
    by_name = folded.types.sort()
    return folded.select(
        "customer_id",
        "snapshot",
        types_names=by_name.map(lambda one: one["name"]),
        types_baskets=by_name.map(lambda one: one["baskets"]),
        types_last=by_name.map(lambda one: one["last"]),
        types_price=by_name.map(lambda one: one["price"]),
    )


VIEW = FeatureView(
    name="customer_types",
    entity="customer",
    group="purchases",
    tables=("transactions", "products", "interactions"),
    expression=lambda inputs: types_bought(
        goods(inputs.transactions, inputs.products), inputs.sizes, inputs.snapshots, inputs.returns
    ),
    snapshots_at_once=1,
)
