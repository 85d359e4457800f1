"""What a customer spends. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.spans import pairs
from features.spans.totals import beside, totals
from features.views.ratios import basket_amount, over
from features.views.view import FeatureView

WINDOW = 84


def value(orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Lifetime and basket amounts in the data's currency, and the shares saved by discounts and coupons.

    A share is what was saved over what the same goods would have cost without, in the last 84 days; null where
    nothing was bought in them or where the source knows no discounts. Amounts are after discounts and before
    coupons, which the manufacturer refunds. `discounted_lines_share_84d` is the share of order lines with a discount.
    `amount_total` and the two basket amounts are net of the returns that are known; an order whose goods all came back
    is a basket of 0. Shares and lines are those of the sales, whatever came back.

    Parameters
    ----------
    orders
        The table of `features.spans.orders.known_orders`.
    """
    seen = pairs(orders, snapshots, WINDOW)
    paid, saved, coupons = seen.paid.sum(), seen.discount.sum(), seen.coupon_discount.sum()
    with_discounts = seen.discount.notnull()
    recent = seen.group_by("customer_id", "position").agg(
        basket_amount_84d=basket_amount(seen.amount.sum(), seen.count()),
        basket_lines_84d=seen.lines.cast("float64").mean(),
        discount_share_84d=over(saved, paid + saved),
        coupon_share_84d=over(coupons, paid),
        discounted_lines_share_84d=seen.discounted_lines.sum(where=with_discounts)
        / seen.lines.sum(where=with_discounts).nullif(0),
    )
    sums = {"amount_total": orders.amount, "baskets": ibis.literal(1, "int64")}
    always = totals(orders, snapshots, sums=sums)
    mean = always.mutate(basket_amount_mean=always.amount_total / always.baskets).drop("baskets")
    return beside(mean, recent)


VIEW = FeatureView(
    name="customer_value",
    entity="customer",
    group="customer",
    tables=("transactions", "interactions"),
    expression=lambda inputs: value(inputs.base.orders, inputs.snapshots),
)
