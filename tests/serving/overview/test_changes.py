"""What changed between two records: causes that add up, and the customers behind them."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from serving.overview.changes import Changes, compare
from serving.scoring.score_history import COLUMNS, Recorded, Total

#: By customer: tier, value at risk and main reason before and after; None where there is no row.
Rows = dict[str, tuple[tuple[str, float | None, str | None] | None, tuple[str, float | None, str | None] | None]]
CUSTOMERS: Rows = {
    "new": (None, ("medium", 9.0, "buys_less")),
    "gone": (("low", 4.0, None), None),
    "back": (("inactive", None, None), ("medium", 12.0, "buys_less")),
    "left": (("high", 30.0, "long_silence"), ("inactive", None, None)),
    "rose": (("low", 5.0, None), ("high", 50.0, "long_silence")),
    "fell": (("medium", 20.0, "long_silence"), ("low", 2.0, None)),
    "same": (("low", 5.0, None), ("low", 6.0, None)),
    "worse": (("high", 10.0, "buys_less"), ("high", 70.0, "buys_less")),
    "still away": (("inactive", None, None), ("inactive", None, None)),
}


def changes(customers: Rows) -> Changes:
    sides = [recorded(customers, side, day) for side, day in ((0, 1), (1, 8))]
    return compare(*sides)


def recorded(customers: Rows, side: int, day: int) -> tuple[Recorded, pd.DataFrame]:
    rows: list[dict[str, Any]] = [
        {"customer_id": name, "tier": one[0], "value_at_risk": one[1], "reason": one[2]}
        for name, sides in customers.items()
        if (one := sides[side]) is not None
    ]
    record = pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype({"value_at_risk": float})
    moment = datetime(2024, 3, day, tzinfo=UTC)
    total = Total(len(record), float(record["value_at_risk"].sum()))
    return Recorded(moment, moment, False, ("encore-churn/1",), total, {}, {}), record


def test_every_customer_has_one_cause_and_the_causes_add_up() -> None:
    found = changes(CUSTOMERS)
    causes = {one.cause: (one.customers, one.change) for one in found.causes}
    assert causes == {
        "new": (1, 9.0),
        "returned": (1, 12.0),
        "rose": (1, 45.0),
        "same": (3, 61.0),
        "fell": (1, -18.0),
        "left": (1, -30.0),
        "gone": (1, -4.0),
    }
    assert sum(one.customers for one in found.causes) == len(CUSTOMERS)
    assert sum(one.change for one in found.causes) == pytest.approx(found.after - found.before)


def test_the_largest_changes_are_of_customers_who_stayed_and_of_those_who_left() -> None:
    found = changes(CUSTOMERS)
    assert [one.customer_id for one in found.worse] == ["worse", "rose", "same"]
    assert [one.customer_id for one in found.better] == ["fell"]
    assert [one.customer_id for one in found.left] == ["left"]
    (left,) = found.left
    assert (left.before, left.after, left.tier_before, left.tier, left.reason) == (30.0, 0.0, "high", "inactive", None)


def test_reasons_of_customers_at_risk_are_counted_on_both_sides() -> None:
    found = changes(CUSTOMERS)
    assert [(one.reason, one.before, one.after) for one in found.reasons] == [
        ("buys_less", 1, 3),
        ("long_silence", 2, 1),
    ]


def test_without_reasons_before_none_became_more_frequent() -> None:
    without: Rows = {name: (None if one[0] is None else (*one[0][:2], None), one[1]) for name, one in CUSTOMERS.items()}
    assert changes(without).reasons == ()
