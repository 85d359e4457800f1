"""Who was active at a snapshot, and who of them churned, by each definition."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from core.settings import Settings, StoreSettings
from features.engine.duckdb import Sources, connect, read_sources
from features.engine.inputs import snapshot_table
from features.spans.contracts import started
from features.spans.visible import purchases, standing, visible
from training.churn.labelled import given_labels, on_file
from training.churn.settings import ChurnSettings


def labels(sources: Sources, snapshots: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Label the customers who are active at each snapshot.

    Churned, non-contractual: bought nothing in [t + gap, t + gap + horizon). Contractual: a contract ends in it,
    and no other runs beyond that end which starts before the end plus the grace period. Who was active is what was
    known at t; labels are of contracts as they are known now. A customer whose last contract ends before the window
    opens has left by then, even where that was not known at t, and is not labelled. Labelled: as the business says.

    Returns
    -------
    One row per active customer and snapshot: `customer_id`, `snapshot`, `churned` (0 or 1).
    """
    if churn.kind == "labelled":
        return given_labels(sources, snapshots)
    known = active(sources, snapshots, churn)
    if churn.kind == "contractual":
        lapses = _lapses(sources.subscriptions, churn.grace_days)
        gone = _between(lapses, snapshots, 0, churn.gap_days)
        known = known.anti_join(gone, ["customer_id", "snapshot"])
        known = known.semi_join(_running(sources.subscriptions, snapshots), ["customer_id", "snapshot"])
        lapsed = _inside(lapses, snapshots, churn)
        joined = known.left_join(lapsed.mutate(churned=1), ["customer_id", "snapshot"])
        return joined.select("customer_id", "snapshot", churned=joined.churned.fill_null(0))
    returned = _inside(standing(purchases(sources.transactions)), snapshots, churn).mutate(returned=1)
    joined = known.left_join(returned, ["customer_id", "snapshot"])
    return joined.select("customer_id", "snapshot", churned=1 - joined.returned.fill_null(0))


def active(sources: Sources, snapshots: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Return one row per snapshot t and active customer, as was known at t.

    Non-contractual: bought in [t - activity window, t). Contractual: of the contracts that started before t, the last
    end is in [t + gap, t + gap + horizon); or, where all are asked about, is at t or later, or unknown. Labelled:
    everybody who is known.
    """
    if churn.kind == "labelled":
        return on_file(sources, snapshots)
    if churn.kind == "contractual":
        contracts = started(sources.subscriptions, snapshots)
        if churn.renewal:
            return _ending(contracts, churn)
        seen = contracts.filter(contracts.end_timestamp.isnull() | (contracts.end_timestamp >= contracts.snapshot))
    else:
        seen = visible(purchases(sources.transactions), snapshots, churn.activity_window_days)
    return seen.select("customer_id", "snapshot").distinct()


def active_customers(settings: Settings, moment: datetime) -> list[str]:
    """Return the ids of the customers who are active at a moment, in order.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    con = connect(settings)
    customers = active(read_sources(con, settings[StoreSettings]), snapshot_table([moment]), settings[ChurnSettings])
    return sorted(con.to_pandas(customers)["customer_id"])


def outcomes(settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
    """Return the labels of answers; see `training.model.Model.outcomes`.

    An answer between two midnights is labelled from the later one on, so that nothing counts that it could know. Those
    about customers who are not labelled then, such as inactive ones, are left out.
    """
    con = connect(settings)
    snapshots = snapshot_table(sorted(asked["snapshot"].unique()))
    pairs = ibis.memtable(asked[["customer_id", "snapshot"]].drop_duplicates())
    labelled = labels(read_sources(con, settings[StoreSettings]), snapshots, settings[ChurnSettings])
    found: pd.DataFrame = con.to_pandas(labelled.semi_join(pairs, ["customer_id", "snapshot"]))
    found["snapshot"] = found["snapshot"].dt.as_unit("us")
    return asked.merge(found.rename(columns={"churned": "outcome"}), on=["customer_id", "snapshot"])


def _ending(contracts: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Return the customers whose last contract ends in the label window of each snapshot, as was known at it."""
    running_on = contracts.end_timestamp.isnull()
    lasting = contracts.group_by("customer_id", "snapshot").agg(
        last_end=contracts.end_timestamp.max(), runs_on=running_on.any()
    )
    first, last = churn.gap_days, churn.gap_days + churn.horizon_days
    ends = lasting.filter(
        ~lasting.runs_on,
        lasting.last_end >= lasting.snapshot + ibis.interval(days=first),
        lasting.last_end < lasting.snapshot + ibis.interval(days=last),
    )
    return ends.select("customer_id", "snapshot")


def _inside(events: ir.Table, snapshots: ir.Table, churn: ChurnSettings) -> ir.Table:
    """Return the customers who have an event in the label window of each snapshot."""
    return _between(events, snapshots, churn.gap_days, churn.gap_days + churn.horizon_days)


def _between(events: ir.Table, snapshots: ir.Table, first: int, last: int) -> ir.Table:
    """Return the customers who have an event in [t + first days, t + last days) of each snapshot t."""
    window = [
        events.event_timestamp >= snapshots.snapshot + ibis.interval(days=first),
        events.event_timestamp < snapshots.snapshot + ibis.interval(days=last),
    ]
    return events.join(snapshots, window).select("customer_id", "snapshot").distinct()


def _running(subscriptions: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Return the customers who have a contract at each snapshot, by what is known now."""
    runs = [
        subscriptions.start_timestamp < snapshots.snapshot,
        subscriptions.end_timestamp.isnull() | (subscriptions.end_timestamp >= snapshots.snapshot),
    ]
    return subscriptions.join(snapshots, runs).select("customer_id", "snapshot").distinct()


def _lapses(subscriptions: ir.Table, grace_days: int) -> ir.Table:
    """Return the ends of contracts that nothing renewed, as events."""
    others = subscriptions.view()
    renewal = [
        subscriptions.customer_id == others.customer_id,
        others.end_timestamp.isnull() | (others.end_timestamp > subscriptions.end_timestamp),
        others.start_timestamp < subscriptions.end_timestamp + ibis.interval(days=grace_days),
    ]
    lapsed = subscriptions.filter(subscriptions.end_timestamp.notnull()).anti_join(others, renewal)
    return lapsed.select("customer_id", event_timestamp=lapsed.end_timestamp)
