"""Every windowed feature against a naive loop over events, on tables that hit every edge."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.build import customer_views, size_table, snapshot_table
from features.expressions.activity import activity
from features.expressions.engagement import engagement
from features.expressions.habit import habit
from features.expressions.preference import preference
from features.expressions.profile import profile
from features.expressions.purchases import goods, history, pairs, product_statistics, types_bought
from features.expressions.subscription import subscription
from features.expressions.usage import usage
from features.expressions.value import value
from features.sources import Sources
from tests.features.events import (
    SNAPSHOTS,
    as_table,
    keyed,
    make_customers,
    make_interactions,
    make_products,
    make_subscriptions,
    make_transactions,
    records,
)

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
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def same(found: Row, wanted: Row) -> None:
    for name, expected in wanted.items():
        actual = found[name]
        if expected is None:
            assert pd.isna(actual), f"{name}: expected nothing, found {actual}"
        elif isinstance(expected, str | datetime):
            assert actual == expected, name
        else:
            assert actual == pytest.approx(expected, abs=2e-6), name


@pytest.mark.parametrize("seed", SEEDS)
def test_activity_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines = make_transactions(seed)
    found = keyed(con.to_pandas(activity(as_table(lines), snapshot_table(SNAPSHOTS))), "customer_id", "snapshot")
    wanted = {}
    for t in SNAPSHOTS:
        for customer, seen in by(orders_of(known(records(lines), t)), "customer_id").items():
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
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        same(found[key], row)


@pytest.mark.parametrize("seed", SEEDS)
def test_habit_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines = make_transactions(seed)
    found = keyed(con.to_pandas(habit(as_table(lines), snapshot_table(SNAPSHOTS))), "customer_id", "snapshot")
    count = trends = 0
    for t in SNAPSHOTS:
        for customer, seen in by(orders_of(known(records(lines), t)), "customer_id").items():
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
            same(found[customer, t], row)
            count += 1
    assert count == len(found)
    assert trends


@pytest.mark.parametrize("seed", SEEDS)
def test_subscription_equals_a_naive_loop(con: Any, seed: int) -> None:
    contracts = make_subscriptions(seed)
    expression = subscription(as_table(contracts), snapshot_table(SNAPSHOTS))
    found = keyed(con.to_pandas(expression), "customer_id", "snapshot")
    count = 0
    for t in SNAPSHOTS:
        rows = [r for r in records(contracts) if r["start_timestamp"] < t and r["created_timestamp"] <= t]
        for customer, mine in by(rows, "customer_id").items():
            ordered = sorted(mine, key=lambda r: (r["end_timestamp"], r["start_timestamp"]))
            latest, before = ordered[-1], (ordered[-2] if len(ordered) > 1 else None)
            prices = latest["price"], before["price"] if before else np.nan
            row: Row = {
                "first_contract": min(r["start_timestamp"] for r in mine),
                "contract_start": latest["start_timestamp"],
                "contract_end": latest["end_timestamp"],
                "contracts_total": len(mine),
                "contract_price": None if pd.isna(prices[0]) else prices[0],
                "contract_price_change": None if any(pd.isna(p) for p in prices) else prices[0] / prices[1],
                "contract_cancelled": int(
                    not pd.isna(latest["cancelled_timestamp"]) and latest["cancelled_timestamp"] < t
                ),
            }
            same(found[customer, t], row)
            count += 1
    assert count == len(found) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_value_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines = make_transactions(seed)
    found = keyed(con.to_pandas(value(as_table(lines), snapshot_table(SNAPSHOTS))), "customer_id", "snapshot")
    count = 0
    for t in SNAPSHOTS:
        for customer, seen in by(orders_of(known(records(lines), t)), "customer_id").items():
            recent = known(seen, t, 84)
            paid, saved, coupons = (sum(r[c] for r in recent) for c in ("amount", "discount", "coupon_discount"))
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
            same(found[customer, t], row)
            count += 1
    assert count == len(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_preference_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines, products = make_transactions(seed), make_products()
    expression = preference(as_table(lines), as_table(products), snapshot_table(SNAPSHOTS))
    found = keyed(con.to_pandas(expression), "customer_id", "snapshot")
    of = {row["product_id"]: row for row in records(products)}
    count = 0
    for t in SNAPSHOTS:
        every = by(known([r for r in records(lines) if r["quantity"] > 0], t), "customer_id")
        for customer, seen in by(known([r for r in records(lines) if r["quantity"] > 0], t, 84), "customer_id").items():
            lived = (t - min(r["event_timestamp"] for r in every[customer])).total_seconds() / 86400 / 28 - 1
            usual = (len_of(seen, of, t, 28) + len_of(seen, of, t, 56)) / min(lived, 2) if lived >= 1 else None
            departments = shares(seen, of, "department")
            categories = shares(seen, of, "category")
            tiers = shares(seen, of, "brand_tier")
            now, middle, first = (
                {of[r["product_id"]]["category"] for r in aged(seen, t, low)} - {None} for low in (0, 28, 56)
            )
            row = {
                "products_84d": len({r["product_id"] for r in seen}),
                "departments_84d": len(departments),
                "categories_84d": len(categories),
                "private_brand_share_84d": tiers.get("private", 0.0) if known_amount(seen, of, "brand_tier") else None,
                "top_department_share_84d": max(departments.values(), default=None),
                "department_concentration_84d": sum(s * s for s in departments.values()) if departments else None,
                "top_category_share_84d": max(categories.values(), default=None),
                "categories_28d": len(now) if categories else None,
                "categories_usual_28d": usual if categories else None,
                "categories_kept_28d": len((middle | first) & now) / len(middle | first) if middle | first else None,
            }
            same(found[customer, t], row)
            if departments and sorted(departments.values())[-1:] != sorted(departments.values())[-2:-1]:
                assert found[customer, t]["top_department"] == max(departments, key=lambda d: departments[d])
            count += 1
    assert count == len(found)


def len_of(rows: list[Row], of: dict[str, Row], t: datetime, low: int) -> int:
    return len({of[r["product_id"]]["category"] for r in aged(rows, t, low)} - {None})


def aged(rows: list[Row], t: datetime, low: int) -> list[Row]:
    return [r for r in rows if timedelta(days=low) < t - r["event_timestamp"] <= timedelta(days=low + 28)]


def known_amount(seen: list[Row], of: dict[str, Row], level: str) -> float:
    return float(sum(r["amount"] for r in seen if of[r["product_id"]][level] is not None))


def shares(seen: list[Row], of: dict[str, Row], level: str) -> dict[str, float]:
    whole = known_amount(seen, of, level)
    sums: dict[str, float] = defaultdict(float)
    for row in seen:
        name = of[row["product_id"]][level]
        if name is not None:
            sums[name] += row["amount"]
    return {name: amount / whole for name, amount in sums.items()} if whole else {}


@pytest.mark.parametrize("seed", SEEDS)
def test_engagement_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines, interactions = make_transactions(seed), make_interactions(seed)
    snapshots = snapshot_table(SNAPSHOTS)
    customers = activity(as_table(lines), snapshots).select("customer_id", "snapshot")
    found = keyed(con.to_pandas(engagement(as_table(interactions), customers, snapshots)), "customer_id", "snapshot")
    for (customer, t), row in found.items():
        mine = records(interactions[interactions["customer_id"] == customer])
        seen = known(mine, t)
        contacts = [r for r in seen if r["kind"] == "contact"]
        redemptions = [r for r in seen if r["kind"] == "redemption"]
        contacted = {r["campaign_id"] for r in contacts}
        answered = contacted & {r["campaign_id"] for r in redemptions}
        wanted = {
            "contacts_total": len(contacts),
            "contacts_84d": len(known(contacts, t, 84)),
            "last_contact": max((r["event_timestamp"] for r in contacts), default=None),
            "redemptions_total": len(redemptions),
            "redemptions_84d": len(known(redemptions, t, 84)),
            "last_redemption": max((r["event_timestamp"] for r in redemptions), default=None),
            "campaigns_contacted": len(contacted),
            "answer_rate": len(answered) / len(contacted) if contacted else None,
        }
        same(row, wanted)


@pytest.mark.parametrize("seed", SEEDS)
def test_usage_equals_a_naive_loop(con: Any, seed: int) -> None:
    lines, interactions = make_transactions(seed), make_interactions(seed)
    snapshots = snapshot_table(SNAPSHOTS)
    customers = activity(as_table(lines), snapshots).select("customer_id", "snapshot")
    found = keyed(con.to_pandas(usage(as_table(interactions), customers, snapshots)), "customer_id", "snapshot")
    assert len(found) > 5
    for (customer, t), row in found.items():
        seen = known(records(interactions[interactions["customer_id"] == customer]), t)
        of = by(seen, "kind")
        visits = of.get("visit", [])
        first = min((r["event_timestamp"] for r in visits), default=t)
        lived = (t - first).total_seconds() / 86400 / 28 - 1
        usual = (len(visits) - len(known(visits, t, 28))) / lived if lived >= 1 else None
        ratings = sorted(of.get("nps", []), key=lambda r: r["event_timestamp"])
        rated = [r["value"] for r in ratings if not np.isnan(r["value"])]
        wanted = {
            "visits_28d": len(known(visits, t, 28)),
            "visits_84d": len(known(visits, t, 84)),
            "visit_value_28d": np.nansum([r["value"] for r in known(visits, t, 28)]),
            "last_visit": max((r["event_timestamp"] for r in visits), default=None),
            "visits_usual_28d": usual,
            "visits_trend": len(known(visits, t, 28)) / usual if usual else None,
            "clicks_84d": len(known(of.get("click", []), t, 84)),
            "complaints_84d": len(known(of.get("complaint", []), t, 84)),
            "service_requests_84d": len(known(of.get("service_request", []), t, 84)),
            "nps_latest": rated[-1] if rated else None,
            "returns_84d": len(known(of.get("return", []), t, 84)),
            "returned_amount_84d": np.nansum([r["value"] for r in known(of.get("return", []), t, 84)]),
        }
        same(row, wanted)


def test_who_was_contacted_is_known_without_an_order_or_a_contract(con: Any) -> None:
    empty_contracts = as_table(make_subscriptions(1)).limit(0)
    contacted = make_interactions(1).assign(customer_id="prospect")
    lines, products, customers = (as_table(t) for t in (make_transactions(1), make_products(), make_customers()))
    sources = Sources(lines, products, customers, as_table(contacted), empty_contracts)
    rows = con.to_pandas(
        customer_views(sources, snapshot_table(SNAPSHOTS), [], frozenset({"contact"}))["customer_engagement"]
    )
    seen = [r for r in records(contacted) if r["event_timestamp"] < SNAPSHOTS[1] and r["kind"] == "contact"]
    mine = rows[(rows["customer_id"] == "prospect") & (rows["snapshot"] == SNAPSHOTS[1])]
    assert mine["contacts_total"].tolist() == [len(seen)]
    others = rows[rows["customer_id"] != "prospect"]
    assert len(others) > 5
    assert (others["contacts_total"] == 0).all()


def test_profiles_hold_what_is_on_file_at_a_snapshot(con: Any) -> None:
    asked = make_interactions(1).iloc[:4].assign(kind="consent")
    asked["customer_id"] = ["c1", "c1", "c3", "new"]
    asked["value"] = [0.0, 1.0, 0.0, 1.0]
    asked["event_timestamp"] = [
        SNAPSHOTS[0] - timedelta(days=2),
        *[SNAPSHOTS[0] + timedelta(days=d) for d in (0, 1, 2)],
    ]
    asked["created_timestamp"] = asked["event_timestamp"]
    profiles = profile(as_table(make_customers()), as_table(asked), snapshot_table(SNAPSHOTS), ["region"])
    rows = con.to_pandas(profiles)
    at = {t: keyed(rows[rows["snapshot"] == t], "customer_id") for t in SNAPSHOTS}
    assert sorted(name for (name,) in at[SNAPSHOTS[0]]) == ["c0", "c1", "c3"]  # c2 signed up at this very moment
    assert at[SNAPSHOTS[0]]["c1",]["marketing_consent"] == 0.0
    assert len(at[SNAPSHOTS[1]]) == 5
    consents = [at[SNAPSHOTS[1]][name,]["marketing_consent"] for name in ("c0", "c1", "c2", "c3", "new")]
    assert consents == [1.0, 1.0, 1.0, 0.0, 1.0]  # the last answer, else what is on file
    assert [at[SNAPSHOTS[1]][f"c{i}",]["attribute_region"] for i in range(4)] == ["north", "south", None, "north"]


@pytest.mark.parametrize("seed", SEEDS)
def test_purchases_equal_a_naive_loop(con: Any, seed: int) -> None:
    lines, products = make_transactions(seed), make_products()
    snapshots = snapshot_table(SNAPSHOTS)
    clean = goods(as_table(lines), as_table(products))
    bought = pairs(clean, snapshots, 365)
    histories = keyed(con.to_pandas(history(bought)), "customer_id", "snapshot")
    statistics = keyed(con.to_pandas(product_statistics(bought)), "product_id", "snapshot")
    types = keyed(con.to_pandas(types_bought(clean, size_table(products), snapshots)), "customer_id", "snapshot")
    rows = [r for r in records(lines) if r["product_id"] != "p7" and r["quantity"] > 0 and r["amount"] > 0]
    type_of = dict(zip(products["product_id"], products["type"], strict=True))
    for t in SNAPSHOTS:
        seen = known(rows, t, 365)
        for customer, mine in by(seen, "customer_id").items():
            check_history(histories[customer, t], mine, t)
        for product, mine in by(seen, "product_id").items():
            check_statistics(statistics[product, t], mine, t)
        for customer, mine in by(known(seen, t, 182), "customer_id").items():
            check_types(types[customer, t], [r for r in mine if type_of[r["product_id"]]], type_of)


def check_history(found: Row, mine: list[Row], t: datetime) -> None:
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
    columns = [found[f"history_{name}"] for name in ("baskets", "decayed", "first", "last")]
    actual = {product: row for product, *row in zip(found["history_products"], *columns, strict=True)}
    assert actual.keys() == wanted.keys()
    for product, row in wanted.items():
        assert actual[product] == pytest.approx(row, abs=2e-6)
    assert list(found["history_last"]) == sorted(found["history_last"], reverse=True)


def check_statistics(found: Row, mine: list[Row], t: datetime) -> None:
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
        found,
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


def check_types(found: Row, mine: list[Row], type_of: dict[str, str]) -> None:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in mine:
        grouped[type_of[row["product_id"]]].append(row)
    assert list(found["types_names"]) == sorted(grouped)
    for place, name in enumerate(sorted(grouped)):
        own = grouped[name]
        comparable = [r for r in own if r["product_id"] in CONTENTS]
        prices = [(r["amount"] + r["discount"]) / r["quantity"] / CONTENTS[r["product_id"]] for r in comparable]
        assert found["types_baskets"][place] == len({r["order_id"] for r in own})
        assert found["types_last"][place] == max(r["event_timestamp"] for r in own).timestamp()
        wanted = np.median(prices) if prices else np.nan
        assert found["types_price"][place] == pytest.approx(wanted, nan_ok=True)
