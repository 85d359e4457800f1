"""What the oracles share: the rule about time, once more and by hand."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

SEEDS = (1, 2, 3)
Row = dict[str, Any]


def known(rows: list[Row], snapshot: datetime, days: float = 1e5) -> list[Row]:
    """The rule about time, once more and by hand: [t - days, t), and written by t."""
    return [
        row
        for row in rows
        if snapshot - timedelta(days=days) <= row["event_timestamp"] < snapshot
        and row.get("created_timestamp", snapshot) <= snapshot
    ]


def orders_of(lines: list[Row]) -> list[Row]:
    """Lines to orders; a line that is no purchase counts for nothing."""
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for line in [line for line in lines if line["quantity"] > 0]:
        grouped[line["customer_id"], line["order_id"]].append(line)
    return [
        {
            "customer_id": customer,
            "event_timestamp": min(line["event_timestamp"] for line in group),
            "amount": sum(line["amount"] for line in group),
            "discount": sum(line["discount"] for line in group),
            "coupon_discount": sum(line["coupon_discount"] for line in group),
            "lines": len(group),
            "discounted_lines": sum(line["discount"] > 0 for line in group),
        }
        for (customer, _), group in grouped.items()
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
