"""What is usual for a customer, and how the last four weeks compare. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.views.orders import visible_orders
from features.views.ratios import trend
from features.views.view import FeatureView
from features.views.visible import RECENT_DAYS, days_between, within

#: A habit is known from this much history before the recent days.
MIN_HABIT_DAYS = 28
#: A day has this many parts, of four hours each.
_DAY_PARTS = 6


def habit(transactions: ir.Table, snapshots: ir.Table, returns: ir.Table | None = None) -> ir.Table:
    """Compare the last 28 days with the customer's own average of 28 days before them.

    The average is over [first purchase, t - 28 days) and null where that is shorter than 28 days. A trend is
    the last 28 days over it: below 1, less than usual. `weekday_concentration` and `daypart_concentration` are
    sums of squared shares of orders over the seven weekdays and the six four-hour parts of a UTC day: 1 where
    every order falls on the same. Amounts are net of the returns that are known; baskets, weekdays and parts of the
    day count orders whose goods came back too.

    Parameters
    ----------
    returns
        The table of `features.views.returned.matched_returns`; None where the data have no returns.
    """
    seen = visible_orders(transactions, snapshots, returns=returns)
    before = ~within(seen, RECENT_DAYS)
    sums = seen.group_by("customer_id", "snapshot").agg(
        first=seen.event_timestamp.min(),
        baskets_before=seen.count(where=before),
        amount_before=seen.amount.sum(where=before).fill_null(0.0),
        baskets_now=seen.count(where=~before),
        amount_now=seen.amount.sum(where=~before).fill_null(0.0),
        **{f"weekday_{day}": seen.count(where=seen.event_timestamp.day_of_week.index() == day) for day in range(7)},
        **{f"part_{part}": seen.count(where=_part_of_day(seen) == part) for part in range(_DAY_PARTS)},
    )
    length = days_between(sums["first"], sums.snapshot) - RECENT_DAYS
    spans = (length >= MIN_HABIT_DAYS).ifelse(length / RECENT_DAYS, ibis.null("float64"))
    baskets = sums.baskets_before / spans
    amount = sums.amount_before / spans
    return sums.select(
        "customer_id",
        "snapshot",
        baskets_usual_28d=baskets,
        amount_usual_28d=amount,
        baskets_trend=trend(sums.baskets_now, baskets),
        amount_trend=trend(sums.amount_now, amount),
        weekday_concentration=_concentration(sums, [f"weekday_{day}" for day in range(7)]),
        daypart_concentration=_concentration(sums, [f"part_{part}" for part in range(_DAY_PARTS)]),
    )


def _part_of_day(seen: ir.Table) -> ir.IntegerValue:
    return (seen.event_timestamp.hour() / (24 // _DAY_PARTS)).floor().cast("int64")


def _concentration(sums: ir.Table, names: list[str]) -> ir.FloatingValue:
    whole = sum((sums[name] for name in names), ibis.literal(0)).cast("float64")
    squares = sum((sums[name] * sums[name] for name in names), ibis.literal(0)).cast("float64")
    return squares / (whole * whole)


VIEW = FeatureView(
    name="customer_habit",
    entity="customer",
    group="customer",
    tables=("transactions", "interactions"),
    expression=lambda inputs: habit(inputs.transactions, inputs.snapshots, inputs.returns),
)
