"""The rule about time: what happens at or after a snapshot, or is written after it, changes nothing before it."""

from datetime import timedelta
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pytest

from features.engine.inputs import size_table, snapshot_table
from features.views.activity import activity
from features.views.engagement import engagement
from features.views.habit import habit
from features.views.history import history
from features.views.preference import preference
from features.views.product_statistics import product_statistics
from features.views.purchases import goods, pairs
from features.views.returned import matched_returns
from features.views.subscription import subscription
from features.views.types import types_bought
from features.views.value import value
from tests.features.events import (
    SNAPSHOTS,
    as_table,
    make_interactions,
    make_products,
    make_returns,
    make_subscriptions,
    make_transactions,
)


def every_view(lines: pd.DataFrame, interactions: pd.DataFrame, back: pd.DataFrame) -> dict[str, ir.Table]:
    transactions, products, snapshots = (
        as_table(lines),
        as_table(make_products()),
        snapshot_table(SNAPSHOTS[:1]),
    )
    clean = goods(transactions, products)
    returns = matched_returns(transactions, as_table(back))
    bought = pairs(clean, snapshots, 365, returns)
    active = activity(transactions, snapshots, returns)
    known = active.select("customer_id", "snapshot")
    return {
        "activity": active,
        "habit": habit(transactions, snapshots, returns),
        "value": value(transactions, snapshots, returns),
        "preference": preference(transactions, products, snapshots),
        "engagement": engagement(as_table(interactions), known, snapshots),
        "history": history(bought),
        "types": types_bought(clean, size_table(make_products()), snapshots, returns),
        "statistics": product_statistics(bought),
    }


def appended(frame: pd.DataFrame, happened: timedelta, written: timedelta) -> pd.DataFrame:
    """The same events once more, moved to the snapshot plus `happened`, written at it plus `written`."""
    more = frame.copy()
    more["event_timestamp"] = pd.Timestamp(SNAPSHOTS[0]) + happened
    more["created_timestamp"] = pd.Timestamp(SNAPSHOTS[0]) + written
    # the orders stay what they were: a line that is added to an order later changes nothing before it
    return pd.concat([frame, more], ignore_index=True)


@pytest.mark.parametrize(
    ("happened", "written"),
    [
        pytest.param(timedelta(0), timedelta(0), id="exactly at the snapshot"),
        pytest.param(timedelta(days=3), timedelta(days=3), id="after it"),
        pytest.param(timedelta(days=-3), timedelta(seconds=1), id="before it, but written after it"),
    ],
)
def test_later_events_change_no_feature(con: Any, happened: timedelta, written: timedelta) -> None:
    lines, interactions = make_transactions(4), make_interactions(4)
    back = make_returns(4, lines)
    before = every_view(lines, interactions, back)
    more = (appended(frame, happened, written) for frame in (lines, interactions, back))
    after = every_view(*more)
    for name, expression in before.items():
        key = "product_id" if name == "statistics" else "customer_id"
        old, new = (con.to_pandas(e).sort_values(key, ignore_index=True) for e in (expression, after[name]))
        pd.testing.assert_frame_equal(old, new, obj=name)


def test_later_contracts_change_no_feature(con: Any) -> None:
    contracts = make_subscriptions(4)
    t = pd.Timestamp(SNAPSHOTS[0])
    later = contracts.assign(start_timestamp=t, end_timestamp=t + timedelta(days=30), created_timestamp=t)
    late = contracts.assign(end_timestamp=t + timedelta(days=900), created_timestamp=t + timedelta(seconds=1))
    cancelled = contracts.assign(cancelled_timestamp=contracts["cancelled_timestamp"].fillna(t))
    before = con.to_pandas(subscription(as_table(contracts), snapshot_table(SNAPSHOTS[:1])))
    for more in (pd.concat([contracts, later]), pd.concat([contracts, late]), cancelled):
        after = con.to_pandas(subscription(as_table(more), snapshot_table(SNAPSHOTS[:1])))
        old, new = (features.sort_values("customer_id", ignore_index=True) for features in (before, after))
        pd.testing.assert_frame_equal(old, new)


def test_an_event_just_before_the_snapshot_does_count(con: Any) -> None:
    lines, interactions = make_transactions(4), make_interactions(4)
    back = make_returns(4, lines)
    second = timedelta(seconds=-1)
    before = con.to_pandas(every_view(lines, interactions, back)["activity"])
    after = con.to_pandas(every_view(appended(lines, second, second), interactions, back)["activity"])
    assert after["baskets_7d"].sum() > before["baskets_7d"].sum()
    less = con.to_pandas(every_view(lines, interactions, appended(back, second, second))["value"])
    assert (
        less["amount_total"].sum() < con.to_pandas(every_view(lines, interactions, back)["value"])["amount_total"].sum()
    )
