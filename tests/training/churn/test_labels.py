"""Labels against a naive loop, on tables that hit every edge."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from features.engine.duckdb import Sources
from features.engine.inputs import snapshot_table
from tests.features.events import (
    SNAPSHOTS,
    as_known,
    as_table,
    make_customers,
    make_interactions,
    make_products,
    make_subscriptions,
    make_transactions,
    no_labels,
    records,
)
from training.churn.labels import labels
from training.churn.settings import ChurnSettings

NEVER = pd.Timestamp("2200-01-01", tz="UTC")


def sources(lines: pd.DataFrame, contracts: pd.DataFrame) -> Sources:
    given = {
        "transactions": lines,
        "products": make_products(),
        "customers": make_customers(),
        "interactions": make_interactions(1),
        "subscriptions": contracts,
    }
    return Sources(**{name: as_table(rows) for name, rows in given.items()}, labels=no_labels())


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("grace", [1, 14])
def test_contractual_labels_equal_a_naive_loop(con: Any, gap: int, grace: int) -> None:
    contracts = make_subscriptions(7)
    churn = ChurnSettings(kind="contractual", horizon_days=30, gap_days=gap, grace_days=grace)
    labelled = con.to_pandas(labels(sources(make_transactions(5), contracts), snapshot_table(SNAPSHOTS), churn))
    actual = {(r.customer_id, r.snapshot): r.churned for r in labelled.itertuples()}
    wanted = {}
    for t in SNAPSHOTS:
        start, end = t + timedelta(days=gap), t + timedelta(days=gap + 30)
        for customer, mine in contracts.groupby("customer_id"):
            rows = records(mine)
            ends = [NEVER if pd.isna(r["end_timestamp"]) else r["end_timestamp"] for r in rows]
            seen = [as_known(r, t) for r in rows if r["start_timestamp"] < t and r["created_timestamp"] <= t]
            if not any(r["end_timestamp"] is None or r["end_timestamp"] >= t for r in seen):
                continue
            if not any(r["start_timestamp"] < t <= last for r, last in zip(rows, ends, strict=True)):
                continue
            lapses = [
                last
                for last in ends
                if last != NEVER
                and not any(
                    other > last and o["start_timestamp"] < last + timedelta(days=grace)
                    for o, other in zip(rows, ends, strict=True)
                )
            ]
            if not any(t <= lapse < start for lapse in lapses):
                wanted[customer, t] = int(any(start <= lapse < end for lapse in lapses))
    assert actual == wanted
    assert set(wanted.values()) == {0, 1}


@pytest.mark.parametrize("gap", [0, 5])
def test_churn_labels_equal_a_naive_loop(con: Any, gap: int) -> None:
    lines = make_transactions(5, count=60)
    churn = ChurnSettings(activity_window_days=56, horizon_days=14, gap_days=gap)
    labelled = con.to_pandas(labels(sources(lines, make_subscriptions(5)), snapshot_table(SNAPSHOTS), churn))
    actual = {(r.customer_id, r.snapshot): r.churned for r in labelled.itertuples()}
    rows = [row for row in lines.to_dict("records") if row["quantity"] > 0]
    wanted = {}
    for t in SNAPSHOTS:
        start, end = t + timedelta(days=gap), t + timedelta(days=gap + 14)
        for customer in {r["customer_id"] for r in rows}:
            mine = [r for r in rows if r["customer_id"] == customer]
            active = any(
                t - timedelta(days=56) <= r["event_timestamp"] < t and r["created_timestamp"] <= t for r in mine
            )
            returned = any(start <= r["event_timestamp"] < end for r in mine)
            if active:
                wanted[customer, t] = 0 if returned else 1
    assert actual == wanted
    assert set(wanted.values()) == {0, 1}
