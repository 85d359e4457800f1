"""Histories and product statistics against a naive loop, on tables that hit every edge."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.views import history, product_statistics
from features.views import types as types_view
from tests.features.events import SNAPSHOTS, make_products, make_returns, make_transactions, records
from tests.features.views.computed import computed, tables
from tests.features.views.naive import SEEDS, Row, by, kept_lines, known, returned_at, rows_of, same


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_purchases_equal_a_naive_loop(con: Any, seed: int, *, returning: bool, alone: bool) -> None:
    lines, products, returned = make_transactions(seed), make_products(), make_returns(seed, make_transactions(seed))
    back = rows_of(returned) if returning else []
    contract = tables(transactions=lines, products=products, interactions=returned)
    kinds = frozenset({"return"}) if returning else frozenset()
    histories, statistics, types = (
        computed(con, module.VIEW, contract, alone=alone, kinds=kinds)
        for module in (history, product_statistics, types_view)
    )
    rows = [r for r in records(lines) if r["product_id"] != "p7" and r["quantity"] > 0 and r["amount"] > 0]
    type_of = dict(zip(products["product_id"], products["type"], strict=True))
    for t in SNAPSHOTS:
        given = returned_at(back, records(lines), t)
        known_rows = known(rows, t, 365)
        seen = kept_lines(known_rows, given)
        # without any, this test would not see whether they are left out
        assert returning == (len(seen) < len(known_rows))
        for customer, mine in by(seen, "customer_id").items():
            check_history(histories[customer, t], mine, t)
        for product, mine in by(seen, "product_id").items():
            check_statistics(statistics[product, t], mine, t)
        for customer, mine in by(kept_lines(known(rows, t, 182), given), "customer_id").items():
            check_types(types[customer, t], [r for r in mine if type_of[r["product_id"]]], type_of)


def check_history(features: Row, mine: list[Row], t: datetime) -> None:
    wanted = {}
    for product, own in by(mine, "product_id").items():
        baskets = by(own, "order_id")
        ages = [(t - min(r["event_timestamp"] for r in b)).total_seconds() / 86400 for b in baskets.values()]
        wanted[product] = (
            len(baskets),
            sum(0.5 ** (age / 42) for age in ages),
            min(r["event_timestamp"] for r in own).timestamp(),
            max(min(r["event_timestamp"] for r in b) for b in baskets.values()).timestamp(),
        )
    columns = [features[f"history_{name}"] for name in ("baskets", "decayed", "first", "last")]
    actual = {product: row for product, *row in zip(features["history_products"], *columns, strict=True)}
    assert actual.keys() == wanted.keys()
    for product, row in wanted.items():
        assert actual[product] == pytest.approx(row, abs=2e-6)
    assert list(features["history_last"]) == sorted(features["history_last"], reverse=True)


def check_statistics(features: Row, mine: list[Row], t: datetime) -> None:
    baskets = [
        {"customer_id": c, "event_timestamp": min(r["event_timestamp"] for r in b), "created_timestamp": t}
        for c, own in by(mine, "customer_id").items()
        for b in by(own, "order_id").values()
    ]
    cycles = []
    for own in by(baskets, "customer_id").values():
        if len(own) >= 2:
            ends = [b["event_timestamp"].timestamp() for b in own]
            cycles.append((max(ends) - min(ends)) / 86400 / (len(own) - 1))
    buyers = len({b["customer_id"] for b in baskets})
    now, before = len(known(baskets, t, 28)), len(known(baskets, t, 56)) - len(known(baskets, t, 28))
    same(
        features,
        {
            "product_baskets": len(baskets),
            "product_buyers": buyers,
            "product_baskets_7d": len(known(baskets, t, 7)),
            "product_baskets_28d": now,
            **{
                f"product_new_buyers_{days}d": sum(
                    min(b["event_timestamp"] for b in own) >= t - timedelta(days=days)
                    for own in by(baskets, "customer_id").values()
                )
                for days in (7, 28)
            },
            "product_trend": (now + 1) / (before + 1),
            "product_price": sum(r["amount"] + r["discount"] for r in mine) / sum(r["quantity"] for r in mine),
            "product_repeat_rate": len(cycles) / buyers,
            "product_cycle_days": np.median(cycles) if cycles else None,
        },
    )


#: What each product holds of its type's unit; p2 comes in grams and its type in pieces.
CONTENTS = {"p0": 1000.0, "p1": 500.0, "p3": 2.0, "p4": 1.0, "p6": 6.0}


def check_types(features: Row, mine: list[Row], type_of: dict[str, str]) -> None:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in mine:
        grouped[type_of[row["product_id"]]].append(row)
    assert list(features["types_names"]) == sorted(grouped)
    for place, name in enumerate(sorted(grouped)):
        own = grouped[name]
        comparable = [r for r in own if r["product_id"] in CONTENTS]
        prices = [(r["amount"] + r["discount"]) / r["quantity"] / CONTENTS[r["product_id"]] for r in comparable]
        assert features["types_baskets"][place] == len({r["order_id"] for r in own})
        assert features["types_last"][place] == max(r["event_timestamp"] for r in own).timestamp()
        wanted = np.median(prices) if prices else np.nan
        assert features["types_price"][place] == pytest.approx(wanted, abs=2e-6, nan_ok=True)
