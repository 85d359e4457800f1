"""What customers spent after a snapshot, how many orders they made, and when the next one came."""

import ibis
import ibis.expr.types as ir
import pandas as pd

from core.settings import Settings, StoreSettings
from features.engine.duckdb import Sources, connect, read_sources
from features.spans.visible import days_between, purchases, standing, visible
from training.customer_value.settings import ValueSettings


def known_customers(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """Return one row per snapshot t and customer with a purchase before t that was known at t."""
    seen = visible(purchases(sources.transactions), snapshots)
    return seen.select("customer_id", "snapshot").distinct()


def spent_after(sources: Sources, snapshots: ir.Table, horizon_days: int) -> ir.Table:
    """Return what customers bought in [t, t + horizon) of each snapshot t.

    Labels know all that is known now: what came later than t into the data counts, and of an order that was replaced
    the last version.

    Parameters
    ----------
    snapshots
        Column `snapshot`; with `customer_id` too, each is of that customer alone.

    Returns
    -------
    One row per customer and snapshot with a purchase: `customer_id`, `snapshot`, `spent` (the sum of the amounts of
    order lines with a quantity above 0, not below 0), `orders`, `next_days` (days from t until the first of them).
    """
    lines = standing(purchases(sources.transactions))
    end = snapshots.snapshot + ibis.interval(days=horizon_days)
    window = [lines.event_timestamp >= snapshots.snapshot, lines.event_timestamp < end]
    own = [lines.customer_id == snapshots.customer_id] if "customer_id" in snapshots.columns else []
    inside = lines.join(snapshots, [*window, *own])
    found = inside.group_by("customer_id", "snapshot").agg(
        spent=inside.amount.sum().cast("float64"),
        orders=inside.order_id.nunique(),
        first=inside.event_timestamp.min(),
    )
    return found.select(
        "customer_id",
        "snapshot",
        "orders",
        spent=ibis.greatest(found.spent.fill_null(0.0), 0.0),
        next_days=days_between(found.snapshot, found.first),
    )


def outcomes(settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts that came of answers; see `training.model.Model.outcomes`.

    An answer between two midnights is about what is bought from the later one on. A customer who bought nothing has 0.
    """
    con = connect(settings)
    moments = ibis.memtable(asked[["customer_id", "snapshot"]].drop_duplicates())
    sources = read_sources(con, settings[StoreSettings])
    found: pd.DataFrame = con.to_pandas(spent_after(sources, moments, settings[ValueSettings].horizon_days))
    found["snapshot"] = found["snapshot"].dt.as_unit("us")
    spent = found[["customer_id", "snapshot", "spent"]].rename(columns={"spent": "outcome"})
    joined = asked.merge(spent, on=["customer_id", "snapshot"], how="left")
    return joined.assign(outcome=joined["outcome"].fillna(0.0))
