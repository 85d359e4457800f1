"""How often and how regularly a customer buys. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from core.arrays import Columns
from features.views.orders import visible_orders
from features.views.view import FeatureView
from features.views.visible import days_between, whole_seconds, within

WINDOWS = (7, 14, 28, 56, 84)
#: Gaps that end in this many days before the snapshot are recent ones, which the trend compares with all.
GAP_TREND_DAYS = 56


def activity(transactions: ir.Table, snapshots: ir.Table, returns: ir.Table | None = None) -> ir.Table:
    """Take counts and amounts over trailing windows, purchase days, and the gaps between purchase days.

    Timestamps (`first_purchase`, `last_purchase`) are stored as they are; their age is computed on demand.
    Gaps are in days between consecutive days with a purchase, over the whole visible history; a customer
    with one purchase day has none. `gap_trend` is the mean of the gaps that end in the last 56 days over
    the mean of all: above 1, the customer comes less often than they used to. Amounts are net of the returns that are
    known; all else counts orders whose goods came back too, since the customer came.

    Parameters
    ----------
    returns
        The table of `features.views.returned.matched_returns`; None where the data have no returns.
    """
    seen = visible_orders(transactions, snapshots, returns=returns)
    counts: dict[str, ir.Value] = {
        "first_purchase": whole_seconds(seen.event_timestamp.min()),
        "last_purchase": whole_seconds(seen.event_timestamp.max()),
        "purchase_days_84d": seen.event_timestamp.date().nunique(where=within(seen, 84)),
        "baskets_total": seen.count(),
    }
    for days in WINDOWS:
        counts[f"baskets_{days}d"] = seen.count(where=within(seen, days))
        counts[f"amount_{days}d"] = seen.amount.sum(where=within(seen, days)).fill_null(0.0)
    return (
        seen.group_by("customer_id", "snapshot")
        .agg(**counts)
        .left_join(_gaps(seen), ["customer_id", "snapshot"])
        .drop("customer_id_right", "snapshot_right")
    )


def _gaps(seen: ir.Table) -> ir.Table:
    days = seen.group_by("customer_id", "snapshot", day=seen.event_timestamp.truncate("D")).agg(orders=seen.count())
    own = ibis.window(group_by=["customer_id", "snapshot"], order_by="day")
    gaps = days.mutate(gap=days_between(days.day.lag().over(own), days.day))
    gaps = gaps.filter(gaps.gap.notnull())
    recent = gaps.day >= gaps.snapshot - ibis.interval(days=GAP_TREND_DAYS)
    return gaps.group_by("customer_id", "snapshot").agg(
        gap_mean=gaps.gap.mean(),
        gap_median=gaps.gap.median(),
        gap_std=gaps.gap.std(how="pop"),
        gap_p90=gaps.gap.quantile(0.9),
        gap_trend=gaps.gap.mean(where=recent) / gaps.gap.mean(),
    )


def overdue(columns: Columns) -> Columns:
    """Compare the age of the last purchase with the gaps that the customer usually leaves.

    Returns
    -------
    `recency_over_gap`, over the mean gap between purchase days, and `recency_over_p90`, over the gap that nine in ten
    of the customer's gaps stay below.
    """
    return {
        f"recency_over_{name}": columns["recency_days"] / columns[gap]
        for name, gap in (("gap", "gap_mean"), ("p90", "gap_p90"))
        if gap in columns and "recency_days" in columns
    }


VIEW = FeatureView(
    name="customer_activity",
    entity="customer",
    group="customer",
    tables=("transactions", "interactions"),
    expression=lambda inputs: activity(inputs.transactions, inputs.snapshots, inputs.returns),
    ages={"recency_days": "last_purchase", "tenure_days": "first_purchase"},
    on_demand=overdue,
)
