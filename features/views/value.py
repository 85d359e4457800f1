"""What a customer spends. One row per customer and snapshot."""

import ibis.expr.types as ir

from features.views.orders import visible_orders
from features.views.ratios import basket_amount, over
from features.views.view import FeatureView
from features.views.visible import within

WINDOW = 84


def value(transactions: ir.Table, snapshots: ir.Table, returns: ir.Table | None = None) -> ir.Table:
    """Lifetime and basket amounts in the data's currency, and the shares saved by discounts and coupons.

    A share is what was saved over what the same goods would have cost without, in the last 84 days; null where
    nothing was bought in them or where the source knows no discounts. Amounts are after discounts and before
    coupons, which the manufacturer refunds. `discounted_lines_share_84d` is the share of order lines with a discount.
    `amount_total` and the two basket amounts are net of the returns that are known; an order whose goods all came back
    is a basket of 0. Shares and lines are those of the sales, whatever came back.

    Parameters
    ----------
    returns
        The table of `features.views.returned.matched_returns`; None where the data have no returns.
    """
    seen = visible_orders(transactions, snapshots, returns=returns)
    recent = within(seen, WINDOW)
    paid = seen.paid.sum(where=recent)
    saved = seen.discount.sum(where=recent)
    coupons = seen.coupon_discount.sum(where=recent)
    return seen.group_by("customer_id", "snapshot").agg(
        amount_total=seen.amount.sum(),
        basket_amount_mean=seen.amount.mean(),
        basket_amount_84d=basket_amount(seen.amount.sum(where=recent), seen.count(where=recent)),
        basket_lines_84d=seen.lines.cast("float64").mean(where=recent),
        discount_share_84d=over(saved, paid + saved),
        coupon_share_84d=over(coupons, paid),
        discounted_lines_share_84d=seen.discounted_lines.sum(where=recent & seen.discount.notnull())
        / seen.lines.sum(where=recent & seen.discount.notnull()).nullif(0),
    )


VIEW = FeatureView(
    name="customer_value",
    entity="customer",
    group="customer",
    tables=("transactions", "interactions"),
    expression=lambda inputs: value(inputs.transactions, inputs.snapshots, inputs.returns),
)
