"""How often and how regularly a customer buys. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from core.arrays import Columns
from features.spans.orders import WINDOWS
from features.spans.snapshots import Snapshots
from features.spans.spans import apart, lapse, pairs, within
from features.spans.totals import beside, totals
from features.spans.visible import days_between, whole_seconds
from features.views.view import FeatureView

#: Gaps that end in this many days before the snapshot are recent ones, which the trend compares with all.
GAP_TREND_DAYS = 56
_KEY = ["customer_id", "position"]
_DAY = ["customer_id", "day"]


def activity(orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Take counts and amounts over trailing windows, purchase days, and the gaps between purchase days.

    Timestamps (`first_purchase`, `last_purchase`) are stored as they are; their age is computed on demand.
    Gaps are in days between consecutive days with a purchase, over the whole visible history; a customer
    with one purchase day has none. `gap_trend` is the mean of the gaps that end in the last 56 days over
    the mean of all: above 1, the customer comes less often than they used to. Amounts are net of the returns that are
    known; all else counts orders whose goods came back too, since the customer came.

    Parameters
    ----------
    orders
        The table of `features.spans.orders.known_orders`.
    """
    seen = pairs(orders, snapshots, max(WINDOWS))
    recent = seen.group_by(_KEY).agg(
        **{f"baskets_{days}d": seen.count(where=within(seen, days)) for days in WINDOWS},
        **{f"amount_{days}d": seen.amount.sum(where=within(seen, days)).fill_null(0.0) for days in WINDOWS},
    )
    always = totals(
        orders,
        snapshots,
        sums={"baskets_total": ibis.literal(1, "int64")},
        earliest={"first_purchase": whole_seconds(orders.event_timestamp)},
        latest={"last_purchase": whole_seconds(orders.event_timestamp)},
    )
    days = apart(orders.select(*_DAY, "since", until=orders[lapse(max(WINDOWS))]), snapshots, _DAY)
    active = totals(days, snapshots, sums={"purchase_days_84d": ibis.literal(1, "int64")})
    counted = beside(beside(always, active), recent)
    none = {name: counted[name].fill_null(0) for name in ("purchase_days_84d", *recent.columns[2:])}
    return beside(counted.mutate(**none), _gaps(orders, snapshots))


def _gaps(orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    days = apart(orders, snapshots, _DAY)
    if snapshots.end == 1:
        # exact pairs are all there is, and after an event what is left out need not be planned
        return _gap_features(_with_gap(pairs(days, snapshots), _KEY), snapshots)
    whole = days.group_by(_DAY).agg(
        since=days.since.min(), until=days.until.max(), seen=(days.until - days.since).sum()
    )
    # days that are seen in their order and for good have the same gap at every snapshot that sees them
    before = ibis.window(group_by="customer_id", order_by="day", preceding=(None, 1))
    late = whole.since < whole.since.max().over(before).fill_null(0)
    passing = (whole.until < snapshots.end) | (whole.seen < whole.until - whole.since)
    orderly = whole.mutate(disorderly=late | passing)
    others = orderly.filter(orderly.disorderly).select("customer_id").distinct()
    lasting = orderly.anti_join(others, "customer_id")
    gaps = pairs(_with_gap(lasting, ["customer_id"]), snapshots)
    exact = _with_gap(pairs(days.semi_join(others, "customer_id"), snapshots), _KEY)
    columns = (*_KEY, "day", "gap")
    return _gap_features(gaps.select(columns).union(exact.select(columns)), snapshots)


def _gap_features(gaps: ir.Table, snapshots: Snapshots) -> ir.Table:
    recent = snapshots.recent(gaps, gaps.day, GAP_TREND_DAYS)
    return gaps.group_by(_KEY).agg(
        gap_mean=gaps.gap.mean(),
        gap_median=gaps.gap.median(),
        gap_std=gaps.gap.std(how="pop"),
        gap_p90=gaps.gap.quantile(0.9),
        gap_trend=gaps.gap.mean(where=recent) / gaps.gap.mean(),
    )


def _with_gap(days: ir.Table, own: list[str]) -> ir.Table:
    """Add the days since the day before; the first day of all has no gap."""
    before = days.day.lag().over(ibis.window(group_by=own, order_by="day"))
    gaps = days.mutate(gap=days_between(before, days.day))
    return gaps.filter(gaps.gap.notnull())


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
    expression=lambda inputs: activity(inputs.base.orders, inputs.snapshots),
    ages={"recency_days": "last_purchase", "tenure_days": "first_purchase"},
    on_demand=overdue,
)
