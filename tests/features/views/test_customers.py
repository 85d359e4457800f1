"""Features of what customers buy and when against a naive loop, on tables that hit every edge."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.spans.base import Tables
from features.views import activity, habit, preference, value
from tests.features.events import SNAPSHOTS, make_products, make_returns, make_transactions, records
from tests.features.views.computed import computed, tables
from tests.features.views.naive import SEEDS, Row, by, known, orders_of, returned_at, rows_of, same


def with_returns(seed: int, lines: pd.DataFrame, *, returning: bool) -> tuple[Tables, frozenset[str], list[Row]]:
    """Order lines with their returns, if there are any: as views read them, and the returns as rows."""
    if not returning:
        return tables(transactions=lines), frozenset(), []
    back = make_returns(seed, lines)
    return tables(transactions=lines, interactions=back), frozenset({"return"}), rows_of(back)


def orders_at(lines: pd.DataFrame, back: list[Row], t: datetime) -> list[Row]:
    return orders_of(known(records(lines), t), returned_at(back, records(lines), t))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_activity_equals_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    lines = make_transactions(seed)
    given, kinds, back = with_returns(seed, lines, returning=returning)
    features = computed(con, activity.VIEW, given, alone=alone, kinds=kinds)
    wanted = {}
    for t in SNAPSHOTS:
        for customer, seen in by(orders_at(lines, back, t), "customer_id").items():
            days = sorted({row["event_timestamp"].date() for row in seen})
            gaps = [(b - a).days for a, b in pairwise(days)]
            recent = [(b - a).days for a, b in pairwise(days) if b >= (t - timedelta(days=56)).date()]
            row: Row = {
                "first_purchase": min(r["event_timestamp"] for r in seen),
                "last_purchase": max(r["event_timestamp"] for r in seen),
                "baskets_total": len(seen),
                "purchase_days_84d": len({r["event_timestamp"].date() for r in known(seen, t, 84)}),
                "gap_mean": np.mean(gaps) if gaps else None,
                "gap_median": np.median(gaps) if gaps else None,
                "gap_std": np.std(gaps) if gaps else None,
                "gap_p90": np.quantile(gaps, 0.9) if gaps else None,
                "gap_trend": np.mean(recent) / np.mean(gaps) if recent else None,
            }
            for window in (7, 14, 28, 56, 84):
                row[f"baskets_{window}d"] = len(known(seen, t, window))
                row[f"amount_{window}d"] = sum(r["amount"] for r in known(seen, t, window))
            wanted[customer, t] = row
    assert features.keys() == wanted.keys()
    for key, row in wanted.items():
        same(features[key], row)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_habit_equals_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    lines = make_transactions(seed)
    given, kinds, back = with_returns(seed, lines, returning=returning)
    features = computed(con, habit.VIEW, given, alone=alone, kinds=kinds)
    count = trends = 0
    for t in SNAPSHOTS:
        for customer, seen in by(orders_at(lines, back, t), "customer_id").items():
            now = known(seen, t, 28)
            before = [r for r in seen if r not in now]
            days = (t - min(r["event_timestamp"] for r in seen)).total_seconds() / 86400 - 28
            row: Row = dict.fromkeys(("baskets_usual_28d", "amount_usual_28d", "baskets_trend", "amount_trend"))
            if days >= 28:
                amount, spent = (sum(r["amount"] for r in rows) for rows in (before, now))
                row["baskets_usual_28d"] = len(before) / days * 28
                row["amount_usual_28d"] = amount / days * 28
                row["baskets_trend"] = len(now) / row["baskets_usual_28d"]
                row["amount_trend"] = spent / row["amount_usual_28d"] if amount else None
                trends += 1
            weekdays = Counter(r["event_timestamp"].weekday() for r in seen)
            parts = Counter(r["event_timestamp"].hour // 4 for r in seen)
            row["weekday_concentration"] = sum((n / len(seen)) ** 2 for n in weekdays.values())
            row["daypart_concentration"] = sum((n / len(seen)) ** 2 for n in parts.values())
            same(features[customer, t], row)
            count += 1
    assert count == len(features)
    assert trends


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_value_equals_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    lines = make_transactions(seed)
    given, kinds, back = with_returns(seed, lines, returning=returning)
    features = computed(con, value.VIEW, given, alone=alone, kinds=kinds)
    count = 0
    for t in SNAPSHOTS:
        for customer, seen in by(orders_at(lines, back, t), "customer_id").items():
            recent = known(seen, t, 84)
            paid, saved, coupons = (sum(r[c] for r in recent) for c in ("paid", "discount", "coupon_discount"))
            row = {
                "amount_total": sum(r["amount"] for r in seen),
                "basket_amount_mean": np.mean([r["amount"] for r in seen]),
                "basket_amount_84d": np.mean([r["amount"] for r in recent]) if recent else None,
                "basket_lines_84d": np.mean([r["lines"] for r in recent]) if recent else None,
                "discount_share_84d": saved / (paid + saved) if paid + saved else None,
                "coupon_share_84d": coupons / paid if paid else None,
                "discounted_lines_share_84d": sum(r["discounted_lines"] for r in recent)
                / sum(r["lines"] for r in recent)
                if recent
                else None,
            }
            same(features[customer, t], row)
            count += 1
    assert count == len(features)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_preference_equals_a_naive_loop(con: Any, seed: int, *, alone: bool) -> None:
    lines, products = make_transactions(seed), make_products()
    features = computed(con, preference.VIEW, tables(transactions=lines, products=products), alone=alone)
    by_id = {row["product_id"]: row for row in records(products)}
    count = 0
    for t in SNAPSHOTS:
        every = by(known([r for r in records(lines) if r["quantity"] > 0], t), "customer_id")
        for customer, seen in by(known([r for r in records(lines) if r["quantity"] > 0], t, 84), "customer_id").items():
            lived = (t - min(r["event_timestamp"] for r in every[customer])).total_seconds() / 86400 / 28 - 1
            usual = (len_of(seen, by_id, t, 28) + len_of(seen, by_id, t, 56)) / min(lived, 2) if lived >= 1 else None
            departments = shares(seen, by_id, "department")
            categories = shares(seen, by_id, "category")
            tiers = shares(seen, by_id, "brand_tier")
            now, middle, first = (
                {by_id[r["product_id"]]["category"] for r in aged(seen, t, low)} - {None} for low in (0, 28, 56)
            )
            row = {
                "products_84d": len({r["product_id"] for r in seen}),
                "departments_84d": len(departments),
                "categories_84d": len(categories),
                "private_brand_share_84d": tiers.get("private", 0.0)
                if known_amount(seen, by_id, "brand_tier")
                else None,
                "top_department_share_84d": max(departments.values(), default=None),
                "department_concentration_84d": sum(s * s for s in departments.values()) if departments else None,
                "top_category_share_84d": max(categories.values(), default=None),
                "categories_28d": len(now) if categories else None,
                "categories_usual_28d": usual if categories else None,
                "categories_kept_28d": len((middle | first) & now) / len(middle | first) if middle | first else None,
            }
            same(features[customer, t], row)
            for level, amounts in (("department", departments), ("category", categories)):
                if amounts:  # of several with the same amount the first by name
                    top = min(amounts, key=lambda name: (-round(amounts[name], 9), name))
                    assert features[customer, t][f"top_{level}"] == top
            count += 1
    assert count == len(features)


def len_of(rows: list[Row], by_id: dict[str, Row], t: datetime, low: int) -> int:
    return len({by_id[r["product_id"]]["category"] for r in aged(rows, t, low)} - {None})


def aged(rows: list[Row], t: datetime, low: int) -> list[Row]:
    return [r for r in rows if timedelta(days=low) < t - r["event_timestamp"] <= timedelta(days=low + 28)]


def known_amount(seen: list[Row], by_id: dict[str, Row], level: str) -> float:
    return float(sum(r["amount"] for r in seen if by_id[r["product_id"]][level] is not None))


def shares(seen: list[Row], by_id: dict[str, Row], level: str) -> dict[str, float]:
    whole = known_amount(seen, by_id, level)
    sums: dict[str, float] = defaultdict(float)
    for row in seen:
        name = by_id[row["product_id"]][level]
        if name is not None:
            sums[name] += row["amount"]
    return {name: amount / whole for name, amount in sums.items()} if whole else {}
