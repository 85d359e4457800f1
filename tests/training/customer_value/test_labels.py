"""What customers spend after a snapshot against a naive loop, on tables that hit every edge."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from features.engine.duckdb import Sources
from features.engine.inputs import snapshot_table
from tests.features.events import (
    SNAPSHOTS,
    as_table,
    make_customers,
    make_interactions,
    make_products,
    make_subscriptions,
    make_transactions,
    no_labels,
    records,
)
from training.customer_value.labels import known_customers, spent_after

Labels = dict[tuple[str, pd.Timestamp], tuple[float, int, float]]


def sources(lines: pd.DataFrame) -> Sources:
    given = {
        "transactions": lines,
        "products": make_products(),
        "customers": make_customers(),
        "interactions": make_interactions(1),
        "subscriptions": make_subscriptions(1),
    }
    return Sources(**{name: as_table(rows) for name, rows in given.items()}, labels=no_labels())


def by_loop(lines: pd.DataFrame, horizon: int) -> Labels:
    """Sum the purchases of [t, t + horizon), line by line."""
    found: Labels = {}
    for t in (pd.Timestamp(moment) for moment in SNAPSHOTS):
        for customer in lines["customer_id"].unique():
            inside = [
                line
                for line in records(lines[lines["customer_id"] == customer])
                if t <= line["event_timestamp"] < t + timedelta(days=horizon)
                and line["quantity"] > 0
                and pd.isna(line.get("replaced_timestamp"))
            ]
            if inside:
                first = min(line["event_timestamp"] for line in inside)
                orders = {line["order_id"] for line in inside}
                spent = sum(line["amount"] for line in inside)
                found[customer, t] = (max(spent, 0.0), len(orders), int((first - t).total_seconds()) / 86_400)
    return found


@pytest.mark.parametrize("seed", [1, 5])
@pytest.mark.parametrize("horizon", [7, 30])
def test_what_is_spent_equals_a_naive_loop(con: Any, seed: int, horizon: int) -> None:
    lines = make_transactions(seed)
    found = con.to_pandas(spent_after(sources(lines), snapshot_table(SNAPSHOTS), horizon))
    actual = {(r.customer_id, r.snapshot): (r.spent, r.orders, r.next_days) for r in found.itertuples()}
    wanted = by_loop(lines, horizon)
    assert wanted
    assert actual.keys() == wanted.keys()
    for key, values in wanted.items():
        assert actual[key] == pytest.approx(values, abs=2e-5)


@pytest.mark.parametrize("seed", [1, 5])
def test_customers_are_known_by_a_purchase_that_was_written_before(con: Any, seed: int) -> None:
    lines = make_transactions(seed)
    found = con.to_pandas(known_customers(sources(lines), snapshot_table(SNAPSHOTS)))
    actual = {(r.customer_id, r.snapshot) for r in found.itertuples()}
    wanted = set()
    for t in (pd.Timestamp(moment) for moment in SNAPSHOTS):
        for line in records(lines):
            replaced = line.get("replaced_timestamp")
            known = line["event_timestamp"] < t and line["created_timestamp"] <= t
            if known and line["quantity"] > 0 and (pd.isna(replaced) or replaced > t):
                wanted.add((line["customer_id"], t))
    assert wanted
    assert actual == wanted
    assert len(found) == len(actual)
