"""The purchase cycle of a customer, and what else says where a customer stands. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir
import numpy as np

from core.arrays import Floats
from features.contract.events.interactions import REFERRAL
from features.spans.base import Inputs
from features.spans.contracts import as_known
from features.spans.snapshots import Snapshots
from features.spans.spans import apart, pairs
from features.spans.totals import beside, totals
from features.spans.visible import days_between, whole_seconds
from features.views.view import FeatureView

#: The recent gaps are a third of all, at least and at most this many; the earlier ones are up to twice as many before.
LEAST_RECENT, MOST_RECENT = 3, 12
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
    referrals = base.interactions.filter(base.interactions.kind == REFERRAL.name)
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
        # exact pairs are all there is
        return _of_each(pairs(orders, snapshots))
    whole = orders.group_by(_DAY).agg(
        since=orders.since.min(), last=orders.since.max(), until=orders.until.min(), amount=orders.amount.sum()
    )
    before = ibis.window(group_by="customer_id", order_by="day", preceding=(None, 1))
    late = whole.since < whole.since.max().over(before).fill_null(0)
    changing = (whole.since < whole.last) | (whole.until < snapshots.end)
    others = whole.mutate(disorderly=late | changing).filter("disorderly").select("customer_id").distinct()
    lasting = pairs(_of_first(whole.anti_join(others, "customer_id"), snapshots.end), snapshots)
    exact = _of_each(pairs(orders.semi_join(others, "customer_id"), snapshots))
    return lasting.select(exact.columns).union(exact)


def _of_each(seen: ir.Table) -> ir.Table:
    """Describe the days of each customer and position, from the orders that it sees."""
    days = _numbered(seen.group_by(*_KEY, "day").agg(amount=seen.amount.sum()), _KEY)
    every = days.mutate(last=days.gaps.max().over(ibis.window(group_by=_KEY)))
    sized = _with_sizes(every, every["last"])
    recent = sized.gaps > sized.middle_at
    earlier = (sized.gaps > sized.first_at) & ~recent
    return sized.group_by(_KEY).agg(
        cycle_purchase_days=sized.count(),
        cycle_recent_gap=sized.gap.mean(where=recent),
        cycle_earlier_gap=sized.gap.mean(where=earlier),
        cycle_longest_recent_gap=sized.gap.max(where=sized.gaps > sized["last"] - LEAST_RECENT),
        cycle_recent_amount=sized.amount.mean(where=recent),
        cycle_earlier_amount=sized.amount.mean(where=earlier),
        cycle_amount_std=sized.amount.std(how="pop"),
    )


def _of_first(days: ir.Table, end: int) -> ir.Table:
    """Describe the first days of each customer up to each one that a snapshot sees last, with its span.

    Parameters
    ----------
    days
        One row per customer and day, seen in this order and for good.
    end
        The position after the last one.
    """
    numbered = _numbered(days, ["customer_id"])
    order = ibis.window(group_by="customer_id", order_by="day")
    so_far = ibis.window(group_by="customer_id", order_by="day", preceding=(None, 0))
    three = ibis.window(group_by="customer_id", order_by="day", preceding=(LEAST_RECENT - 1, 0))
    running = numbered.mutate(
        until=numbered.since.lead().over(order).fill_null(end),
        spent=numbered.amount.sum().over(so_far),
        deviation=numbered.amount.std(how="pop").over(so_far),
        longest=numbered.gap.max().over(three),
    )
    ends = _with_sizes(running.filter(running.since < running.until), running.gaps)
    found = _with_day(_with_day(ends, running, "middle"), running, "first")
    recent, earlier = (found.gaps - found.middle_at).nullif(0), (found.middle_at - found.first_at).nullif(0)
    return found.select(
        "customer_id",
        "since",
        "until",
        cycle_purchase_days=found.gaps + 1,
        cycle_recent_gap=days_between(found.middle_day, found.day) / recent,
        cycle_earlier_gap=days_between(found.first_day, found.middle_day) / earlier,
        cycle_longest_recent_gap=found.longest,
        cycle_recent_amount=(found.spent - found.middle_spent) / recent,
        cycle_earlier_amount=(found.middle_spent - found.first_spent) / earlier,
        cycle_amount_std=found.deviation,
    )


def _numbered(days: ir.Table, own: list[str]) -> ir.Table:
    """Add to each day the gap that it ends, and the number of gaps up to it."""
    order = ibis.window(group_by=own, order_by="day")
    gap = days_between(days.day.lag().over(order), days.day)
    return days.mutate(gap=gap, gaps=ibis.row_number().over(order).cast("int64"))


def _with_sizes(days: ir.Table, gaps: ir.IntegerValue) -> ir.Table:
    """Add the numbers of the days that the recent and the earlier gaps begin with, of some number of gaps."""
    third = (gaps / 3).floor().cast("int64")
    recent = ibis.least(gaps, ibis.greatest(LEAST_RECENT, ibis.least(MOST_RECENT, third)))
    sized = days.mutate(middle_at=gaps - recent)
    return sized.mutate(first_at=ibis.greatest(0, sized.middle_at - 2 * recent))


def _with_day(ends: ir.Table, running: ir.Table, name: str) -> ir.Table:
    """Add the day with some number, and the amounts up to it."""
    renamed = {f"{name}_at": running.gaps, f"{name}_day": running.day, f"{name}_spent": running.spent}
    return ends.inner_join(running.select("customer_id", **renamed), ["customer_id", f"{name}_at"])


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
