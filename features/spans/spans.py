"""Spans: the snapshots [since, until) that see a row, by their positions.

A row is seen from the first snapshot after it happened at which it was written, and until it is replaced or lies too
far back. Computed once a row, this takes the place of joining each snapshot with all rows before it.
"""

from collections.abc import Callable, Mapping, Sequence

import ibis
import ibis.expr.types as ir

from features.contract.tables import REPLACED
from features.spans.snapshots import Snapshots

#: Returns what to sum, by name, of the rows that it is given.
Sums = Callable[[ir.Table], Mapping[str, ir.Value]]


def spans(events: ir.Table, snapshots: Snapshots, days: int | None = None) -> ir.Table:
    """Add `since` and `until`: a snapshot t in between sees events of [t - days, t) as they were known at t.

    Parameters
    ----------
    events
        Any table with `event_timestamp` and `created_timestamp`; order lines may have `replaced_timestamp`.
    days
        How far back to look; None for all history.

    Returns
    -------
    The events that any snapshot sees.
    """
    ends = [ibis.literal(snapshots.end, "int64")]
    if REPLACED.name in events.columns:
        ends.append(snapshots.first_from(events[REPLACED.name]))
    if days is not None:
        ends.append(snapshots.first_after(events.event_timestamp, days))
    seen = events.mutate(
        since=ibis.greatest(
            snapshots.first_after(events.event_timestamp), snapshots.first_from(events.created_timestamp)
        ),
        until=ibis.least(*ends) if len(ends) > 1 else ends[0],
    )
    return seen.filter(seen.since < seen.until)


def lapse(days: int) -> str:
    """Return the name of the column that says from which position on a row lies more than some days back."""
    return f"lapse_{days}d"


def with_lapses(rows: ir.Table, snapshots: Snapshots, windows: Sequence[int]) -> ir.Table:
    """Add the `lapse` columns of some windows in days; rows end with their spans, if that is earlier."""
    return rows.mutate(
        **{lapse(days): ibis.least(rows.until, snapshots.first_after(rows.event_timestamp, days)) for days in windows}
    )


def pairs(rows: ir.Table, snapshots: Snapshots, days: int | None = None) -> ir.Table:
    """Return each row once for each snapshot that sees it, which is `position`.

    Parameters
    ----------
    days
        A window that the rows have a `lapse` of; None for all history, which makes many pairs.
    """
    end = rows.until if days is None else rows[lapse(days)]
    if snapshots.alone:
        position, _ = snapshots.alone
        return rows.filter(rows.since <= position, end > position).mutate(position=position)
    seen = rows.filter(rows.since < end)
    return seen.mutate(position=ibis.range(seen.since, seen.until if days is None else seen[lapse(days)]).unnest())


def within(seen: ir.Table, days: int) -> ir.BooleanValue:
    """Tell which of some pairs lie in [t - days, t)."""
    return seen.position < seen[lapse(days)]


def longer_ago(rows: ir.Table, days: int) -> ir.Table:
    """Return the spans of rows that lie before t - days."""
    earlier = rows.mutate(since=ibis.greatest(rows.since, rows[lapse(days)]))
    return earlier.filter(earlier.since < earlier.until)


def versions(rows: ir.Table, snapshots: Snapshots, key: Sequence[str], sums: Sums) -> ir.Table:
    """Sum the rows of each key, once for each span over which the same ones are seen.

    Nearly all keys, such as orders, are written at once and have one version.
    """
    if snapshots.end == 1:
        return rows.group_by(key).agg(**sums(rows)).mutate(since=_at(0), until=_at(1))
    whole = rows.group_by(key).agg(
        since=rows.since.min(), last=rows.since.max(), until=rows.until.min(), end=rows.until.max(), **sums(rows)
    )
    changes = (whole.since < whole.last) | (whole.until < whole.end)
    some = rows.semi_join(whole.filter(changes), key)
    pieces = _pieces(key, some)
    parts = _inside(pieces, some, key)
    changed = parts.group_by(*key, "since", "until").agg(**sums(parts))
    return whole.filter(~changes).select(*changed.columns).union(changed)


def without(rows: ir.Table, gone: ir.Table, snapshots: Snapshots, key: Sequence[str]) -> ir.Table:
    """Cut spans out of those of rows with the same key."""
    if snapshots.end == 1:
        return rows.anti_join(gone, key)
    touched = rows.semi_join(gone, key)
    pieces = _pieces(key, touched, gone)
    left = pieces.anti_join(_inside(pieces, gone, key).select(*key, "since"), [*key, "since"])
    return rows.anti_join(gone, key).union(_inside(left, touched, key).select(*rows.columns))


def apart(rows: ir.Table, snapshots: Snapshots, key: Sequence[str]) -> ir.Table:
    """Return the spans of each key so that no two of them overlap: a snapshot is in one of them, or in none."""
    distinct = rows.select(*key, "since", "until").distinct()
    if snapshots.end == 1:
        return distinct.filter(distinct.since < distinct.until)
    before = ibis.window(group_by=key, order_by=["since", "until"], preceding=(None, 1))
    later = distinct.mutate(since=ibis.greatest(distinct.since, distinct.until.max().over(before).fill_null(0)))
    return later.filter(later.since < later.until)


def _pieces(key: Sequence[str], *tables: ir.Table) -> ir.Table:
    """Return the spans between all the ends of a key's spans."""
    ends = [table.select(*key, since=table[name]) for table in tables for name in ("since", "until")]
    edges = ibis.union(*ends, distinct=True)
    pieces = edges.mutate(until=edges.since.lead().over(ibis.window(group_by=key, order_by="since")))
    return pieces.filter(pieces.until.notnull())


def _inside(pieces: ir.Table, rows: ir.Table, key: Sequence[str]) -> ir.Table:
    """Return each row once for each piece of its key that it spans."""
    spanned = rows.rename(row_since="since", row_until="until")
    same = [*key, spanned.row_since <= pieces.since, pieces.since < spanned.row_until]
    joined = pieces.inner_join(spanned, same)
    return joined.drop("row_since", "row_until", *(name for name in joined.columns if name.endswith("_right")))


def _at(position: int) -> ir.IntegerValue:
    return ibis.literal(position, "int64")
