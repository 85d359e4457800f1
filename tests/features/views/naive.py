"""What the oracles share: the rule about time, once more and by hand."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.features.events import records

SEEDS = (1, 2, 3)
Row = dict[str, Any]


def known(rows: list[Row], snapshot: datetime, days: float = 1e5) -> list[Row]:
    """The rule about time, once more and by hand: [t - days, t), written by t, and not replaced by t."""
    return [
        row
        for row in rows
        if snapshot - timedelta(days=days) <= row["event_timestamp"] < snapshot
        and row.get("created_timestamp", snapshot) <= snapshot
        and (pd.isna(row.get("replaced_timestamp")) or row["replaced_timestamp"] > snapshot)
    ]


def returned_at(returns: list[Row], lines: list[Row], snapshot: datetime) -> list[Row]:
    """The returns that are known at a snapshot, each with the order it belongs to, once more and by hand."""
    found = []
    for one in known([row for row in returns if row["kind"] == "return" and (row["value"] or 0) > 0], snapshot):
        if one["event_timestamp"] == snapshot:
            continue
        heard = max(one["created_timestamp"], one["event_timestamp"] + timedelta(microseconds=1))
        firsts: dict[str, tuple[datetime, datetime]] = {}
        for line in lines:
            of_order = one["order_id"] in {None, line["order_id"]}
            of_product = one["product_id"] in {None, line["product_id"]}
            if line["customer_id"] == one["customer_id"] and line["quantity"] > 0 and of_order and of_product:
                first = line["created_timestamp"], line["event_timestamp"]
                firsts[line["order_id"]] = min(first, firsts.get(line["order_id"], first))
        if one["order_id"] is None:
            before = {o: (w, s) for o, (w, s) in firsts.items() if w <= heard and s <= one["event_timestamp"]}
            order = max(before, key=lambda o: (before[o][1], o), default=None)
        else:
            order = one["order_id"] if one["order_id"] in firsts else None
        if order is not None and firsts[order][0] <= snapshot and firsts[order][1] < snapshot:
            found.append(one | {"order_id": order})
    return found


def kept_lines(seen: list[Row], given: list[Row]) -> list[Row]:
    """Order lines without those that all of the money was given back for."""

    def gone(line: Row) -> bool:
        same_order = [r for r in seen if r["order_id"] == line["order_id"]]
        same_line = [r for r in same_order if r["product_id"] == line["product_id"]]
        back = [r for r in given if r["order_id"] == line["order_id"]]
        of_line = [r["value"] for r in back if r["product_id"] == line["product_id"]]
        of_order = [r["value"] for r in back if r["product_id"] is None]
        return any(
            values and sum(values) > sum(r["amount"] for r in rows) - 0.005
            for values, rows in ((of_line, same_line), (of_order, same_order))
        )

    return [line for line in seen if not gone(line)]


def orders_of(lines: list[Row], given: list[Row] | None = None) -> list[Row]:
    """Lines to orders, less what was given back; a line that is no purchase counts for nothing."""
    back: dict[str, float] = defaultdict(float)
    for one in given or []:
        back[one["order_id"]] += one["value"]
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for line in [line for line in lines if line["quantity"] > 0]:
        grouped[line["customer_id"], line["order_id"]].append(line)
    return [
        {
            "customer_id": customer,
            "event_timestamp": min(line["event_timestamp"] for line in group),
            "paid": sum(line["amount"] for line in group),
            "amount": max(0.0, sum(line["amount"] for line in group) - back[order]),
            "discount": sum(line["discount"] for line in group),
            "coupon_discount": sum(line["coupon_discount"] for line in group),
            "lines": len(group),
            "discounted_lines": sum(line["discount"] > 0 for line in group),
        }
        for (customer, order), group in grouped.items()
    ]


def by(rows: list[Row], name: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    return groups


def same(row: Row, wanted: Row) -> None:
    for name, expected in wanted.items():
        actual = row[name]
        if expected is None:
            assert pd.isna(actual), f"{name}: expected nothing, found {actual}"
        elif isinstance(expected, str | datetime):
            assert actual == expected, name
        else:
            assert actual == pytest.approx(expected, abs=2e-6), name


def rows_of(frame: pd.DataFrame) -> list[Row]:
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in records(frame)]
