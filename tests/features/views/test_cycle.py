"""The purchase cycle against a naive loop, on tables that hit every edge; nothing of it changes with time alone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.views import cycle
from tests.features.events import (
    SNAPSHOTS,
    as_known,
    make_interactions,
    make_products,
    make_returns,
    make_subscriptions,
    make_transactions,
    records,
)
from tests.features.views.computed import computed, tables
from tests.features.views.naive import SEEDS, Row, by, known, orders_of, returned_at, rows_of, same

#: Days are late, corrected and given back between these; the last gaps of customers end between some of them.
MOMENTS = (SNAPSHOTS[0] - timedelta(days=120), SNAPSHOTS[0] - timedelta(days=14), *SNAPSHOTS)


def naive_days(orders: list[Row]) -> Row:
    """The columns of purchase days, by lists."""
    days = by([{**one, "day": one["event_timestamp"].date()} for one in orders], "day")
    dates = sorted(days)
    amounts = [sum(one["amount"] for one in days[date]) for date in dates]
    gaps = [(b - a).days for a, b in pairwise(dates)]
    recent = min(len(gaps), max(3, min(12, len(gaps) // 3)))
    earlier = min(2 * recent, len(gaps) - recent)
    first = len(gaps) - recent - earlier
    return {
        "cycle_purchase_days": len(dates) or None,
        "cycle_recent_gap": np.mean(gaps[-recent:]) if gaps else None,
        "cycle_earlier_gap": np.mean(gaps[first:-recent]) if earlier else None,
        "cycle_longest_recent_gap": max(gaps[-3:]) if gaps else None,
        "cycle_recent_amount": np.mean(amounts[-recent:]) if gaps else None,
        # the amount of a gap is that of the day it ends with
        "cycle_earlier_amount": np.mean(amounts[1:][first:-recent]) if earlier else None,
        "cycle_amount_std": np.std(amounts) if dates else None,
    }


def naive_contracts(contracts: list[Row], t: datetime) -> Row:
    """The columns of contracts."""
    mine = [as_known(r, t) for r in contracts if r["start_timestamp"] < t and r["created_timestamp"] <= t]
    never = datetime(2200, 1, 1, tzinfo=UTC)
    ends = [(r["start_timestamp"], r["end_timestamp"] or never) for r in mine]
    ends.sort()
    paused = None
    if len(ends) > 1:
        paused = max(0.0, (ends[-1][0] - max(end for _, end in ends[:-1])).total_seconds() / 86400)
    latest = max((end for _, end in ends), default=never)
    return {"cycle_contract_end": None if latest == never else latest, "cycle_contract_break": paused}


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_cycle_equals_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    # many orders of few customers, so that earlier gaps are not all there are
    lines = make_transactions(seed, 500).assign(order_id=lambda rows: [f"o{place // 2}" for place in range(len(rows))])
    lines["order_id"] = lines["customer_id"] + lines["order_id"]
    # c5 has days that come in their order and for good, which are computed the fast way
    orderly = lines["customer_id"] == "c5"
    lines.loc[orderly, "created_timestamp"] = lines["event_timestamp"]
    lines.loc[orderly, "replaced_timestamp"] = None
    interactions, contracts = make_interactions(seed), make_subscriptions(seed)
    back = make_returns(seed, lines)
    back = back[back["customer_id"] != "c5"] if returning else back.iloc[:0]
    given = tables(
        transactions=lines,
        products=make_products(),
        interactions=pd.concat([interactions, back]) if returning else interactions,
        subscriptions=contracts,
    )
    kinds = frozenset({"return"} if returning else ())
    rows = computed(con, cycle.VIEW, given, MOMENTS, alone=alone, kinds=kinds)
    categories = {row["product_id"]: row["category"] for row in records(make_products())}
    earlier = 0
    for (customer, t), row in rows.items():
        mine = records(lines[lines["customer_id"] == customer])
        seen = [r for r in known(mine, t) if r["quantity"] > 0]
        found = naive_days(orders_of(seen, returned_at(rows_of(back[back["customer_id"] == customer]), mine, t)))
        bought = {categories[r["product_id"]] for r in seen} - {None}
        events = known(records(interactions[interactions["customer_id"] == customer]), t)
        found["cycle_referrals"] = sum(r["kind"] == "referral" for r in events)
        found["cycle_categories_total"] = len(bought) or None
        found |= naive_contracts(records(contracts[contracts["customer_id"] == customer]), t)
        same(row, found)
        assert {*row} == {*found, "customer_id", "event_timestamp", "created_timestamp"}
        earlier += found["cycle_earlier_gap"] is not None
    assert earlier > 10
    assert {customer for customer, _ in rows} >= {f"c{number}" for number in range(12)}


def test_sizes_of_groups_are_those_of_the_view() -> None:
    gaps = np.arange(100.0)
    recent, earlier = cycle.group_sizes(gaps)
    assert np.array_equal(recent[:10], [0, 1, 2, 3, 3, 3, 3, 3, 3, 3])
    assert np.array_equal(earlier[:10], [0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    assert (recent[36:] == 12).all()
    assert (earlier[36:] == 24).all()


@pytest.mark.parametrize("alone", [False, True])
def test_days_without_events_change_nothing(con: Any, *, alone: bool) -> None:
    lines, contracts = make_transactions(7), make_subscriptions(7)
    given = tables(transactions=lines, products=make_products(), subscriptions=contracts)
    last = max(lines["created_timestamp"].max(), lines["replaced_timestamp"].max(), SNAPSHOTS[1])
    quiet = [last + timedelta(days=400 + day) for day in (0, 1, 2, 30)]
    rows = computed(con, cycle.VIEW, given, quiet, alone=alone)
    customers = {customer for customer, _ in rows}
    assert len(customers) > 5
    for customer in customers:
        columns = pd.DataFrame([rows[customer, t] for t in quiet]).drop(
            columns=["event_timestamp", "created_timestamp"]
        )
        # late terms of contracts are events too
        columns = columns.drop(columns=["cycle_contract_end", "cycle_contract_break"])
        assert len(columns.drop_duplicates()) == 1


def test_without_products_there_are_no_categories(con: Any) -> None:
    rows = computed(con, cycle.VIEW, tables(transactions=make_transactions(1)))
    assert len(rows) > 5
    assert all(pd.isna(row["cycle_categories_total"]) for row in rows.values())
    assert all(row["cycle_referrals"] == 0 for row in rows.values())
