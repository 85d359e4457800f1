"""What a customer buys. One row per customer and snapshot with a purchase in the last 84 days."""

import ibis
import ibis.expr.types as ir

from features.spans.base import LINE_WINDOWS
from features.spans.snapshots import Snapshots
from features.spans.spans import apart, lapse, pairs, within
from features.spans.totals import beside, totals
from features.spans.visible import RECENT_DAYS, days_between
from features.views.view import FeatureView

WINDOW = 84
_KEY = ["customer_id", "position"]
PRIVATE = "private"


def preference(lines: ir.Table, spent: ir.Table, orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Variety, and how the amount of the last 84 days spreads over departments, categories and brands.

    Shares are of the amount spent on products whose department (category, brand tier) is known; null where
    none is. `department_concentration` is the sum of squared shares: 1 where all is spent in one department.
    `categories_usual_28d` is the mean of the two 28-day windows before the last, as far as the customer was one by
    then, and null where that is less than 28 days; `categories_kept_28d` the share of
    the categories bought from in those two that were bought from again since, null where there were none.

    Parameters
    ----------
    lines, spent, orders
        The tables of `features.spans.base.Base` with these names.
    """
    tiers = _seen(spent, "brand_tier", snapshots)
    brands = tiers.group_by(_KEY).agg(
        private_brand_share_84d=tiers.amount.sum(where=tiers.brand_tier == PRIVATE).fill_null(0.0)
        / tiers.amount.sum().nullif(0.0)
    )
    products_84d = totals(
        apart(
            lines.select("customer_id", "product_id", "since", until=lines[lapse(WINDOW)]),
            snapshots,
            ["customer_id", "product_id"],
        ),
        snapshots,
        sums={"products_84d": ibis.literal(1, "int64")},
    )
    departments = _departments(_seen(spent, "department", snapshots))
    categories = _categories(_seen(spent, "category", snapshots))
    variety = beside(beside(beside(products_84d, departments), brands), categories)
    firsts = totals(orders, snapshots, earliest={"first": orders.event_timestamp})
    joined = snapshots.dated(beside(variety, firsts))
    lived = days_between(joined["first"], joined.snapshot) / RECENT_DAYS - 1
    usual = (lived >= 1).ifelse(joined.before / ibis.least(lived, 2.0), ibis.null("float64"))
    none = {name: joined[name].fill_null(0) for name in ("categories_84d", "departments_84d")}
    return joined.mutate(**none, categories_usual_28d=usual).drop("first", "before", "snapshot")


def _departments(seen: ir.Table) -> ir.Table:
    sums = seen.group_by(*_KEY, "department").agg(amount=seen.amount.sum())
    whole = sums.amount.sum().nullif(0.0)
    return sums.group_by(_KEY).agg(
        departments_84d=sums.count(),
        **_top(sums, "department"),
        department_concentration_84d=(sums.amount * sums.amount).sum() / (whole * whole),
    )


def _categories(seen: ir.Table) -> ir.Table:
    now, middle = within(seen, RECENT_DAYS), within(seen, 2 * RECENT_DAYS)
    sums = seen.group_by(*_KEY, "category").agg(
        amount=seen.amount.sum(), now=now.any(), middle=(middle & ~now).any(), early=(~middle).any()
    )
    before = sums.middle | sums.early
    return sums.group_by(_KEY).agg(
        categories_84d=sums.count(),
        **_top(sums, "category"),
        categories_28d=sums.now.cast("int64").sum(),
        categories_kept_28d=sums.count(where=before & sums.now) / sums.count(where=before).nullif(0),
        before=sums.middle.cast("float64").sum() + sums.early.cast("float64").sum(),
    )


def _seen(spent: ir.Table, level: str, snapshots: Snapshots) -> ir.Table:
    """Sum the amounts by a level, where it is known, and pair them with the snapshots of the last 84 days."""
    known = spent.filter(spent[level].notnull())
    spans = ("since", "until", *(lapse(days) for days in LINE_WINDOWS))
    return pairs(known.group_by("customer_id", level, *spans).agg(amount=known.amount.sum()), snapshots, WINDOW)


def _top(sums: ir.Table, level: str) -> dict[str, ir.Value]:
    """Return the name with the largest amount, of several the first by name, and its share of the whole."""
    whole = sums.amount.sum().nullif(0.0)
    # rounded, since threads add in no fixed order, so that equal amounts may differ in their last bits
    first = sums[level].argmin(ibis.struct({"amount": -sums.amount.round(6), "name": sums[level]}))
    return {
        f"top_{level}": whole.notnull().ifelse(first, ibis.null(first.type())),
        f"top_{level}_share_84d": sums.amount.max() / whole,
    }


VIEW = FeatureView(
    name="customer_preference",
    entity="customer",
    group="customer",
    tables=("transactions", "products"),
    expression=lambda inputs: preference(inputs.base.lines, inputs.base.spent, inputs.base.orders, inputs.snapshots),
    texts={"top_department": "department", "top_category": "category"},
)
