"""What a customer buys. One row per customer and snapshot with a purchase in the last 84 days."""

import ibis
import ibis.expr.types as ir

from features.views.view import FeatureView
from features.views.visible import RECENT_DAYS, days_between, purchases, visible, within

WINDOW = 84
PRIVATE = "private"


def preference(transactions: ir.Table, products: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Variety, and how the amount of the last 84 days spreads over departments, categories and brands.

    Shares are of the amount spent on products whose department (category, brand tier) is known; null where
    none is. `department_concentration` is the sum of squared shares: 1 where all is spent in one department.
    `categories_usual_28d` is the mean of the two 28-day windows before the last, as far as the customer was one by
    then, and null where that is less than 28 days; `categories_kept_28d` the share of
    the categories bought from in those two that were bought from again since, null where there were none.
    """
    lines = (
        purchases(transactions)
        .left_join(products.select("product_id", "department", "category", "brand_tier"), "product_id")
        .drop("product_id_right")
    )
    bought = visible(lines, snapshots, WINDOW)
    # first to products, which is far fewer rows than lines, then to what they belong to
    spent = bought.group_by("customer_id", "snapshot", "product_id", "department", "category", "brand_tier").agg(
        amount=bought.amount.sum()
    )
    keys = ["customer_id", "snapshot"]
    variety = spent.group_by(keys).agg(
        products_84d=spent.product_id.nunique(),
        categories_84d=spent.category.nunique(),
        departments_84d=spent.department.nunique(),
        private_brand_share_84d=spent.amount.sum(where=spent.brand_tier == PRIVATE).fill_null(0.0)
        / spent.amount.sum(where=spent.brand_tier.notnull()).nullif(0.0),
    )
    departments = _shares(spent, "department")
    categories = _shares(spent, "category")
    by_department = departments.group_by(keys).agg(
        top_department=departments.department.argmax(departments.share),
        top_department_share_84d=departments.share.max(),
        department_concentration_84d=(departments.share * departments.share).sum(),
    )
    by_category = categories.group_by(keys).agg(
        top_category=categories.category.argmax(categories.share),
        top_category_share_84d=categories.share.max(),
    )
    joined = variety.left_join(by_department, keys).drop("customer_id_right", "snapshot_right")
    joined = joined.left_join(by_category, keys).drop("customer_id_right", "snapshot_right")
    seen = visible(purchases(transactions), snapshots)
    firsts = seen.group_by(keys).agg(first=seen.event_timestamp.min())
    return joined.left_join(_kept(bought, firsts), keys).drop("customer_id_right", "snapshot_right")


def _kept(bought: ir.Table, firsts: ir.Table) -> ir.Table:
    """Compare the categories of the last 28 days with those before. One row per customer and snapshot."""
    keys = ["customer_id", "snapshot"]
    known = bought.filter(bought.category.notnull())
    now, middle = within(known, RECENT_DAYS), within(known, 2 * RECENT_DAYS)
    windows = known.group_by(*keys, "category").agg(now=now.any(), middle=(middle & ~now).any(), early=(~middle).any())
    before = windows.middle | windows.early
    sums = windows.group_by(keys).agg(
        categories_28d=windows.now.cast("int64").sum(),
        before=windows.middle.cast("float64").sum() + windows.early.cast("float64").sum(),
        categories_kept_28d=windows.count(where=before & windows.now) / windows.count(where=before).nullif(0),
    )
    joined = sums.inner_join(firsts, keys)
    lived = days_between(joined["first"], joined.snapshot) / RECENT_DAYS - 1
    usual = joined.before / ibis.least(lived, 2.0)
    return joined.select(
        *keys,
        "categories_28d",
        "categories_kept_28d",
        categories_usual_28d=(lived >= 1).ifelse(usual, ibis.null("float64")),
    )


def _shares(spent: ir.Table, level: str) -> ir.Table:
    """Return the share of the known amount by `level`. One row per customer, snapshot and level."""
    known = spent.filter(spent[level].notnull())
    sums = known.group_by("customer_id", "snapshot", level).agg(amount=known.amount.sum())
    whole = sums.amount.sum().over(ibis.window(group_by=["customer_id", "snapshot"]))
    return sums.mutate(share=sums.amount / whole.nullif(0.0))


VIEW = FeatureView(
    name="customer_preference",
    entity="customer",
    group="customer",
    tables=("transactions", "products"),
    expression=lambda inputs: preference(inputs.transactions, inputs.products, inputs.snapshots),
)
