"""The rule about time: what happens at or after a snapshot, or is written after it, changes nothing before it."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from features.contract.events import interaction_kinds
from features.views import VIEWS, subscription
from tests.features.events import (
    SNAPSHOTS,
    make_interactions,
    make_products,
    make_returns,
    make_subscriptions,
    make_transactions,
)
from tests.features.views.computed import frame_of, inputs_of, tables


def every_view(
    con: Any, lines: pd.DataFrame, interactions: pd.DataFrame, back: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    given = tables(transactions=lines, products=make_products(), interactions=pd.concat([interactions, back]))
    kinds = frozenset(interaction_kinds())
    return {view.name: frame_of(con, view, inputs_of(con, given, SNAPSHOTS[:1], kinds)) for view in VIEWS}


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
    before = every_view(con, lines, interactions, back)
    more = (appended(frame, happened, written) for frame in (lines, interactions, back))
    after = every_view(con, *more)
    for name, rows in before.items():
        pd.testing.assert_frame_equal(rows, after[name], obj=name)


def test_later_contracts_change_no_feature(con: Any) -> None:
    contracts = make_subscriptions(4)
    t = pd.Timestamp(SNAPSHOTS[0])
    later = contracts.assign(start_timestamp=t, end_timestamp=t + timedelta(days=30), created_timestamp=t)
    late = contracts.assign(end_timestamp=t + timedelta(days=900), created_timestamp=t + timedelta(seconds=1))
    cancelled = contracts.assign(cancelled_timestamp=contracts["cancelled_timestamp"].fillna(t))
    before = contracts_at(con, contracts)
    for more in (pd.concat([contracts, later]), pd.concat([contracts, late]), cancelled):
        pd.testing.assert_frame_equal(before, contracts_at(con, more))


def contracts_at(con: Any, contracts: pd.DataFrame) -> pd.DataFrame:
    return frame_of(con, subscription.VIEW, inputs_of(con, tables(subscriptions=contracts), SNAPSHOTS[:1]))


def test_an_event_just_before_the_snapshot_does_count(con: Any) -> None:
    lines, interactions = make_transactions(4), make_interactions(4)
    back = make_returns(4, lines)
    second = timedelta(seconds=-1)
    before = every_view(con, lines, interactions, back)
    after = every_view(con, appended(lines, second, second), interactions, back)
    assert after["customer_activity"]["baskets_7d"].sum() > before["customer_activity"]["baskets_7d"].sum()
    less = every_view(con, lines, interactions, appended(back, second, second))
    assert less["customer_value"]["amount_total"].sum() < before["customer_value"]["amount_total"].sum()
