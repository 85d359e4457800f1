"""Labels and active customers against a naive loop, on tables that hit every edge."""

from datetime import datetime, timedelta
from typing import Any

from features.engine.inputs import snapshot_table
from features.spans.purchases import goods
from tests.features.events import SNAPSHOTS, as_table, make_products, make_transactions
from training.next_product.dataset import bought_next, customers_known
from training.next_product.settings import NextProductSettings


def test_products_bought_next_equal_a_naive_loop(con: Any) -> None:
    lines, settings = make_transactions(6), NextProductSettings(horizon_days=14)
    clean = goods(as_table(lines), as_table(make_products()))
    labels = con.to_pandas(bought_next(clean, snapshot_table(SNAPSHOTS[:1]), settings))
    t: datetime = SNAPSHOTS[0]
    expected: dict[str, set[str]] = {}
    for line in lines.to_dict("records"):
        inside = t <= line["event_timestamp"] < t + timedelta(days=14)
        if inside and line["product_id"] != "p7" and line["quantity"] > 0 and line["amount"] > 0:
            expected.setdefault(line["customer_id"], set()).add(line["product_id"])
    assert expected
    assert {row.customer_id: set(row.products) for row in labels.itertuples()} == expected


def test_active_customers_equal_a_naive_loop(con: Any) -> None:
    lines, settings = make_transactions(6, count=40), NextProductSettings(activity_window_days=28)
    known = con.to_pandas(customers_known(as_table(lines), snapshot_table(SNAPSHOTS[:1]), settings))
    t: datetime = SNAPSHOTS[0]
    expected: dict[str, bool] = {}
    for line in lines.to_dict("records"):
        if line["quantity"] > 0 and line["event_timestamp"] < t and line["created_timestamp"] <= t:
            recent = line["event_timestamp"] >= t - timedelta(days=28)
            expected[line["customer_id"]] = expected.get(line["customer_id"], False) or recent
    assert known["customer_id"].is_unique
    assert {row.customer_id: bool(row.active) for row in known.itertuples()} == expected
    assert set(expected.values()) == {True, False}
