"""What is earned, as far as costs are known, against a naive loop, on tables that hit every edge."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from features.views import margin
from tests.features.events import SNAPSHOTS, make_products, make_returns, make_transactions, records
from tests.features.views.computed import computed, tables
from tests.features.views.naive import SEEDS, Row, known, returned_at, rows_of, same


def cost_of(line: Row, products: dict[str, float]) -> float | None:
    """The cost of a line: its own, else its quantity times what one costs."""
    if not pd.isna(line["cost"]):
        return float(line["cost"])
    unit = products[line["product_id"]]
    return None if pd.isna(unit) else line["quantity"] * unit


def naive(lines: list[Row], given: list[Row], products: dict[str, float]) -> dict[str, Row]:
    """Order by order, line by line: what is left of the amount and the cost of a line after returns."""
    back: dict[str, float] = defaultdict(float)
    for one in given:
        back[one["order_id"]] += one["value"]
    bought = [line for line in lines if line["quantity"] > 0]
    paid: dict[str, float] = defaultdict(float)
    for line in bought:
        paid[line["order_id"]] += line["amount"]
    sums: dict[str, Row] = {}
    for line in bought:
        cost = cost_of(line, products)
        if cost is None:
            continue
        whole = paid[line["order_id"]]
        kept = max(0.0, whole - back[line["order_id"]]) / whole if whole else 1.0
        row = sums.setdefault(line["customer_id"], {"margin_amount_known": 0.0, "margin_cost": 0.0})
        row["margin_amount_known"] += line["amount"] * kept
        row["margin_cost"] += cost * kept
    return sums


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_margin_equals_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    lines, products = make_transactions(seed), make_products()
    back = make_returns(seed, lines) if returning else None
    more = {} if back is None else {"interactions": back}
    kinds = frozenset({"return"}) if returning else frozenset()
    given = tables(transactions=lines, products=products, **more)
    features = computed(con, margin.VIEW, given, alone=alone, kinds=kinds)
    unit_costs = dict(zip(products["product_id"], products["unit_cost"], strict=True))
    wanted = {}
    for t in SNAPSHOTS:
        returns = [] if back is None else returned_at(rows_of(back), records(lines), t)
        for customer, row in naive(known(records(lines), t), returns, unit_costs).items():
            wanted[customer, t] = row
    assert features.keys() == wanted.keys()
    assert len(wanted) > len(SNAPSHOTS)
    for key, row in wanted.items():
        same(features[key], row)


def test_the_cost_of_a_line_comes_before_that_of_its_product(con: Any) -> None:
    t = SNAPSHOTS[0]
    line = {"customer_id": "a", "order_id": "o", "event_timestamp": t - timedelta(days=1), "amount": 10.0}
    rows = [
        line | {"product_id": "p0", "quantity": 2.0, "cost": 6.0},
        line | {"product_id": "p0", "quantity": 4.0, "cost": None},
        line | {"product_id": "p2", "quantity": 4.0, "cost": None},
    ]
    lines = pd.DataFrame([row | {"created_timestamp": row["event_timestamp"]} for row in rows])
    found = computed(con, margin.VIEW, tables(transactions=lines, products=make_products()), SNAPSHOTS)
    # 6 of the line, 4 x 0.50 of the product; of the third line nothing is known
    same(found["a", t], {"margin_amount_known": 20.0, "margin_cost": 8.0})


def test_customers_without_a_known_cost_have_no_row(con: Any) -> None:
    lines = make_transactions(1).assign(cost=float("nan"))
    products = make_products().assign(unit_cost=float("nan"))
    assert computed(con, margin.VIEW, tables(transactions=lines, products=products)) == {}
