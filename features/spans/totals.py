"""What all history amounts to at each snapshot, from what each snapshot adds to the one before."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from features.spans.snapshots import Snapshots
from features.spans.spans import pairs

_KEY = "customer_id"
_ROWS = "rows_seen"
_None: Mapping[str, ir.Value] = {}


def totals(
    rows: ir.Table,
    snapshots: Snapshots,
    *,
    sums: Mapping[str, ir.Value] = _None,
    earliest: Mapping[str, ir.Value] = _None,
    latest: Mapping[str, ir.Value] = _None,
) -> ir.Table:
    """Sum, and find the earliest and latest, over all rows of a customer that a snapshot sees.

    A row is added at the snapshot that its span begins with, and subtracted where the span ends. Sums are rounded to a
    millionth, since what is left after subtracting may be a little off zero.

    Parameters
    ----------
    rows
        Spans of customers.
    sums, earliest, latest
        Columns of the rows, by the names that results have.

    Returns
    -------
    One row per customer and position that sees any row.
    """
    named = rows.select(_KEY, "since", "until", **sums, **earliest, **latest, **{_ROWS: ibis.literal(1, "int64")})
    added = [_ROWS, *sums]
    if snapshots.end == 1:
        whole = named.group_by(_KEY).agg(**_sums(named, added), **_extremes(named, earliest, latest))
        return whole.mutate(position=ibis.literal(0, "int64")).drop(_ROWS)
    ended = named.filter(named.until < snapshots.end)
    lasting = named.filter(named.until == snapshots.end)
    plus = named.select(_KEY, *added, position=named.since)
    minus = ended.select(_KEY, **{name: -ended[name] for name in added}, position=ended.until)
    both = plus.union(minus)
    changes = both.group_by(_KEY, "position").agg(**_sums(both, added))
    firsts = named.group_by(_KEY).agg(first=named.since.min())
    every = firsts.select(_KEY, position=ibis.range(firsts["first"], snapshots.end).unnest())
    joined = beside(every, changes)
    if earliest or latest:
        begun = lasting.mutate(position=lasting.since).group_by(_KEY, "position")
        joined = beside(joined, begun.agg(**_extremes(lasting, earliest, latest)))
    so_far = ibis.window(group_by=_KEY, order_by="position", preceding=(None, 0))
    running = joined.select(
        _KEY,
        "position",
        **{name: _clean(joined[name].sum().over(so_far)) for name in added},
        **{name: joined[name].min().over(so_far) for name in earliest},
        **{name: joined[name].max().over(so_far) for name in latest},
    )
    running = running.filter(running[_ROWS] > 0).drop(_ROWS)
    if not (earliest or latest):
        return running
    # what ends cannot be taken out of an extreme again: such rows, which are few, are paired with their snapshots
    passing = pairs(ended, snapshots)
    extremes = passing.group_by(_KEY, "position").agg(**_extremes(passing, earliest, latest))
    found = running.left_join(extremes, [_KEY, "position"])
    return found.mutate(
        **{name: ibis.least(found[name], found[f"{name}_right"]) for name in earliest},
        **{name: ibis.greatest(found[name], found[f"{name}_right"]) for name in latest},
    ).select(*running.columns)


def _sums(rows: ir.Table, names: list[str]) -> dict[str, ir.Value]:
    return {name: rows[name].sum() for name in names}


def _extremes(rows: ir.Table, earliest: Mapping[str, ir.Value], latest: Mapping[str, ir.Value]) -> dict[str, ir.Value]:
    return {name: rows[name].min() for name in earliest} | {name: rows[name].max() for name in latest}


def _clean(total: ir.NumericValue) -> ir.NumericValue:
    return total.round(6) if total.type().is_floating() else total.cast("int64")


def latest_value(rows: ir.Table, snapshots: Snapshots, value: str) -> ir.Table:
    """Return the value of each customer's latest row that a snapshot sees; of several at once, the least.

    Returns
    -------
    One row per customer and position: `customer_id`, `position`, and the value by its name.
    """
    last = totals(rows, snapshots, latest={"moment": rows.event_timestamp}).rename(customer=_KEY)
    of_moment = [last.customer == rows.customer_id, last.moment == rows.event_timestamp, rows.since <= last.position]
    found = last.inner_join(rows, of_moment)
    return found.group_by(customer_id=found.customer, position=found.position).agg(**{value: found[value].min()})


def beside(rows: ir.Table, others: ir.Table) -> ir.Table:
    """Add the columns of other rows per customer and position, null where there are none."""
    return rows.left_join(others, [_KEY, "position"]).drop(f"{_KEY}_right", "position_right")
