"""What is usual for a customer, and how the last four weeks compare. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.spans import longer_ago, pairs
from features.spans.totals import beside, totals
from features.spans.visible import RECENT_DAYS, days_between
from features.views.ratios import trend
from features.views.view import FeatureView

#: A habit is known from this much history before the recent days.
MIN_HABIT_DAYS = 28
#: A day has this many parts, of four hours each.
_DAY_PARTS = 6


def habit(orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Compare the last 28 days with the customer's own average of 28 days before them.

    The average is over [first purchase, t - 28 days) and null where that is shorter than 28 days. A trend is
    the last 28 days over it: below 1, less than usual. `weekday_concentration` and `daypart_concentration` are
    sums of squared shares of orders over the seven weekdays and the six four-hour parts of a UTC day: 1 where
    every order falls on the same. Amounts are net of the returns that are known; baskets, weekdays and parts of the
    day count orders whose goods came back too.

    Parameters
    ----------
    orders
        The table of `features.spans.orders.known_orders`.
    """
    moment, one = orders.event_timestamp, ibis.literal(1, "int64")
    weekdays = {f"weekday_{day}": _flag(moment.day_of_week.index() == day) for day in range(7)}
    parts = {f"part_{part}": _flag(_part_of_day(orders) == part) for part in range(_DAY_PARTS)}
    always = totals(orders, snapshots, sums=weekdays | parts, earliest={"first": moment})
    earlier = longer_ago(orders, RECENT_DAYS)
    before = totals(earlier, snapshots, sums={"baskets_before": one, "amount_before": earlier.amount})
    seen = pairs(orders, snapshots, RECENT_DAYS)
    now = seen.group_by("customer_id", "position").agg(baskets_now=seen.count(), amount_now=seen.amount.sum())
    sums = snapshots.dated(beside(beside(always, before), now))
    sums = sums.mutate(**{name: sums[name].fill_null(0) for name in sums.columns if name.endswith(("_before", "_now"))})
    length = days_between(sums["first"], sums.snapshot) - RECENT_DAYS
    spans = (length >= MIN_HABIT_DAYS).ifelse(length / RECENT_DAYS, ibis.null("float64"))
    baskets = sums.baskets_before / spans
    amount = sums.amount_before / spans
    return sums.select(
        "customer_id",
        "position",
        baskets_usual_28d=baskets,
        amount_usual_28d=amount,
        baskets_trend=trend(sums.baskets_now, baskets),
        amount_trend=trend(sums.amount_now, amount),
        weekday_concentration=_concentration(sums, list(weekdays)),
        daypart_concentration=_concentration(sums, list(parts)),
    )


def _flag(condition: ir.BooleanValue) -> ir.IntegerValue:
    return condition.cast("int64")


def _part_of_day(orders: ir.Table) -> ir.IntegerValue:
    return (orders.event_timestamp.hour() / (24 // _DAY_PARTS)).floor().cast("int64")


def _concentration(sums: ir.Table, names: list[str]) -> ir.FloatingValue:
    whole = sum((sums[name] for name in names), ibis.literal(0)).cast("float64")
    squares = sum((sums[name] * sums[name] for name in names), ibis.literal(0)).cast("float64")
    return squares / (whole * whole)


VIEW = FeatureView(
    name="customer_habit",
    entity="customer",
    group="customer",
    tables=("transactions", "interactions"),
    expression=lambda inputs: habit(inputs.base.orders, inputs.snapshots),
)
