"""The purchase cycle of a customer, and what else says where a customer stands. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir
import numpy as np

from core.arrays import Floats
from features.spans.base import Inputs
from features.spans.contracts import as_known
from features.spans.snapshots import Snapshots
from features.spans.spans import apart, pairs
from features.spans.totals import beside, totals
from features.spans.visible import days_between, whole_seconds
from features.views.view import FeatureView

#: Kind of an interaction: the customer has brought another one.
REFERRAL = "referral"
#: The recent gaps are a third of all, at least and at most this many; the earlier ones are up to twice as many before.
LEAST_RECENT, MOST_RECENT = 3, 12
_CUSTOMER = ["customer_id"]
_KEY = ["customer_id", "position"]
_DAY = ["customer_id", "day"]
#: Represents the end of a contract that runs on where ends are compared.
_NEVER = ibis.literal("9999-01-01", "timestamp")


def cycle(inputs: Inputs) -> ir.Table:
    """Compare the recent gaps between purchase days, and the amounts of these days, with those before.

    A gap is the number of days between consecutive days with a purchase; a customer with one purchase day has none. Of
    n gaps the last n / 3, but at least 3 and at most 12, are recent; up to twice as many before them are earlier ones.
    `cycle_longest_recent_gap` is the longest of the last three. Amounts are means over the purchase days that the gaps
    end with, net of the returns that are known; `cycle_amount_std` is the population standard deviation over all
    purchase days. `cycle_categories_total` counts the categories ever bought from; null where none is known.
    `cycle_contract_break` is the number of days without a contract before the one that began last; null for the first.

    All columns are functions of events alone: none changes because time passes.
    """
    base, snapshots = inputs.base, inputs.snapshots
    referrals = base.interactions.filter(base.interactions.kind == REFERRAL)
    parts = (
        purchase_days(base.orders, snapshots),
        _categories(base.lines, base.tables.products, snapshots),
        totals(referrals, snapshots, sums={"cycle_referrals": ibis.literal(1, "int64")}),
        _contracts(base.subscriptions, snapshots),
    )
    joined = base.known
    for part in parts:
        joined = beside(joined, part)
    return joined.mutate(cycle_referrals=joined.cycle_referrals.fill_null(0))


def group_sizes(gaps: Floats) -> tuple[Floats, Floats]:
    """Return how many gaps are recent and how many are earlier ones, of customers with some numbers of gaps."""
    recent = np.minimum(gaps, np.clip(gaps // 3, LEAST_RECENT, MOST_RECENT))
    return recent, np.minimum(2 * recent, gaps - recent)


def purchase_days(orders: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Describe the days with a purchase. One row per customer and position with a purchase.

    Days that come in their order, each at once and for good, are numbered once; of them each snapshot sees the first
    ones. The days of other customers are numbered again for each snapshot.

    Parameters
    ----------
    orders
        The table of `features.spans.orders.known_orders`.
    """
    if snapshots.end == 1:
        return _described(_numbered(_days(pairs(orders, snapshots), _KEY), _KEY), _KEY)
    whole = orders.group_by(_DAY).agg(
        since=orders.since.min(), last=orders.since.max(), until=orders.until.min(), amount=orders.amount.sum()
    )
    before = ibis.window(group_by="customer_id", order_by="day", preceding=(None, 1))
    late = whole.since < whole.since.max().over(before).fill_null(0)
    changing = (whole.since < whole.last) | (whole.until < snapshots.end)
    others = whole.mutate(disorderly=late | changing).filter("disorderly").select("customer_id").distinct()
    lasting = _numbered(whole.anti_join(others, "customer_id"), _CUSTOMER)
    following = lasting.since.lead().over(ibis.window(group_by="customer_id", order_by="day"))
    seen_last = lasting.mutate(until=following.fill_null(snapshots.end))
    described = _described(lasting, _CUSTOMER, seen_last.filter(seen_last.since < seen_last.until))
    fast = pairs(described, snapshots)
    days = _days(pairs(orders.semi_join(others, "customer_id"), snapshots), _KEY)
    exact = _described(_numbered(days, _KEY), _KEY)
    return fast.select(exact.columns).union(exact)


def _days(seen: ir.Table, key: list[str]) -> ir.Table:
    return seen.group_by(*key, "day").agg(amount=seen.amount.sum())


def _numbered(days: ir.Table, own: list[str]) -> ir.Table:
    """Add to each day the number of gaps and the amounts up to it, and the longest of the last three gaps."""
    order = ibis.window(group_by=own, order_by="day")
    so_far = ibis.window(group_by=own, order_by="day", preceding=(None, 0))
    three = ibis.window(group_by=own, order_by="day", preceding=(2, 0))
    with_gap = days.mutate(gap=days_between(days.day.lag().over(order), days.day))
    return with_gap.mutate(
        gaps=ibis.row_number().over(order).cast("int64"),
        spent=with_gap.amount.sum().over(so_far),
        deviation=with_gap.amount.std(how="pop").over(so_far),
        longest=with_gap.gap.max().over(three),
    )


def _described(numbered: ir.Table, own: list[str], ends: ir.Table | None = None) -> ir.Table:
    """Describe each end of a row of days by that day and those at which its recent and earlier gaps begin.

    Parameters
    ----------
    ends
        Of the numbered days those to describe; None for the last one of each key.
    """
    if ends is None:
        last = numbered.gaps.max().over(ibis.window(group_by=own))
        ends = numbered.mutate(last=last).filter(lambda rows: rows.gaps == rows["last"])
    recent = ibis.least(ends.gaps, ibis.greatest(LEAST_RECENT, ibis.least(MOST_RECENT, (ends.gaps / 3).floor())))
    ends = ends.mutate(recent=recent.cast("int64"))
    ends = ends.mutate(earlier=ibis.least(2 * ends.recent, ends.gaps - ends.recent))
    ends = ends.mutate(middle_at=ends.gaps - ends.recent, first_at=ends.gaps - ends.recent - ends.earlier)
    joined = _with_day(_with_day(ends, numbered, own, "middle"), numbered, own, "first")
    kept = [name for name in (*own, "since", "until") if name in joined.columns]
    return joined.select(
        *kept,
        cycle_purchase_days=joined.gaps + 1,
        cycle_recent_gap=days_between(joined.middle_day, joined.day) / joined.recent.nullif(0),
        cycle_earlier_gap=days_between(joined.first_day, joined.middle_day) / joined.earlier.nullif(0),
        cycle_longest_recent_gap=joined.longest,
        cycle_recent_amount=_mean(joined.spent - joined.middle_spent, joined.recent),
        cycle_earlier_amount=_mean(joined.middle_spent - joined.first_spent, joined.earlier),
        cycle_amount_std=joined.deviation,
    )


def _with_day(ends: ir.Table, numbered: ir.Table, own: list[str], name: str) -> ir.Table:
    """Add the day with some number, and the amounts up to it."""
    renamed = {f"{name}_at": numbered.gaps, f"{name}_day": numbered.day, f"{name}_spent": numbered.spent}
    key = [*own, f"{name}_at"]
    return ends.inner_join(numbered.select(*own, **renamed), key)


def _mean(total: ir.NumericValue, count: ir.NumericValue) -> ir.NumericValue:
    # what is left of two sums may be a little off zero
    return (total / count.nullif(0)).round(6)


def _categories(lines: ir.Table, products: ir.Table, snapshots: Snapshots) -> ir.Table:
    known = products.filter(products.category.notnull()).select("product_id", "category")
    bought = lines.inner_join(known, "product_id")
    # of lines that end together the first one has the span of all
    spans = bought.group_by("customer_id", "category", "until").agg(since=bought.since.min())
    distinct = apart(spans, snapshots, ["customer_id", "category"])
    return totals(distinct, snapshots, sums={"cycle_categories_total": ibis.literal(1, "int64")})


def _contracts(subscriptions: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Return the latest end of a customer's contracts, null where one runs on, and the break before the last one."""
    seen = as_known(snapshots.dated(pairs(subscriptions, snapshots)))
    seen = seen.mutate(ended=seen.end_timestamp.coalesce(_NEVER))
    before = ibis.window(group_by=_KEY, order_by=["start_timestamp", "ended"], preceding=(None, 1))
    paused = days_between(seen.ended.max().over(before), seen.start_timestamp)
    ranked = seen.mutate(paused=paused.clip(lower=0.0))
    last = ibis.struct({name: ranked[name] for name in ("start_timestamp", "ended", "paused")}).max()
    contracts = ranked.group_by(_KEY).agg(ended=ranked.ended.max(), last=last)
    return contracts.select(
        *_KEY,
        cycle_contract_end=whole_seconds(contracts.ended.nullif(_NEVER)),
        cycle_contract_break=contracts["last"]["paused"],
    )


VIEW = FeatureView(
    name="customer_cycle",
    entity="customer",
    group="standing",
    tables=("transactions", "products", "interactions", "subscriptions"),
    expression=cycle,
    ages={"contract_over_days": "cycle_contract_end"},
)
