"""Features of contacts, use, contracts and attributes against a naive loop, on tables that hit every edge."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract.events import interaction_kinds
from features.views import engagement, profile, subscription, usage
from tests.features.events import (
    SNAPSHOTS,
    as_known,
    make_customers,
    make_interactions,
    make_subscriptions,
    make_transactions,
    records,
)
from tests.features.views.computed import computed, tables
from tests.features.views.naive import SEEDS, Row, by, known, same


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_engagement_equals_a_naive_loop(con: Any, seed: int, *, alone: bool) -> None:
    lines, interactions = make_transactions(seed), make_interactions(seed)
    given = tables(transactions=lines, interactions=interactions)
    rows = computed(con, engagement.VIEW, given, alone=alone, kinds=frozenset(interaction_kinds()))
    for (customer, t), row in rows.items():
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


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_usage_equals_a_naive_loop(con: Any, seed: int, *, alone: bool) -> None:
    lines, interactions = make_transactions(seed), make_interactions(seed)
    given = tables(transactions=lines, interactions=interactions)
    rows = computed(con, usage.VIEW, given, alone=alone, kinds=frozenset(interaction_kinds()))
    assert len(rows) > 5
    for (customer, t), row in rows.items():
        seen = known(records(interactions[interactions["customer_id"] == customer]), t)
        by_kind = by(seen, "kind")
        visits = by_kind.get("visit", [])
        first = min((r["event_timestamp"] for r in visits), default=t)
        lived = (t - first).total_seconds() / 86400 / 28 - 1
        usual = (len(visits) - len(known(visits, t, 28))) / lived if lived >= 1 else None
        ratings = [r for r in by_kind.get("nps", []) if not np.isnan(r["value"])]
        # of several at once the least counts
        rated = [r["value"] for r in sorted(ratings, key=lambda r: (r["event_timestamp"], -r["value"]))]
        wanted = {
            "visits_28d": len(known(visits, t, 28)),
            "visits_84d": len(known(visits, t, 84)),
            "visit_value_28d": np.nansum([r["value"] for r in known(visits, t, 28)]),
            "last_visit": max((r["event_timestamp"] for r in visits), default=None),
            "visits_usual_28d": usual,
            "visits_trend": len(known(visits, t, 28)) / usual if usual else None,
            "clicks_84d": len(known(by_kind.get("click", []), t, 84)),
            "complaints_84d": len(known(by_kind.get("complaint", []), t, 84)),
            "service_requests_84d": len(known(by_kind.get("service_request", []), t, 84)),
            "nps_latest": rated[-1] if rated else None,
            "returns_84d": len(known(by_kind.get("return", []), t, 84)),
            "returned_amount_84d": np.nansum([r["value"] for r in known(by_kind.get("return", []), t, 84)]),
        }
        same(row, wanted)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_subscription_equals_a_naive_loop(con: Any, seed: int, *, alone: bool) -> None:
    contracts = make_subscriptions(seed)
    features = computed(con, subscription.VIEW, tables(subscriptions=contracts), alone=alone)
    count = 0
    for t in SNAPSHOTS:
        rows = [r for r in records(contracts) if r["start_timestamp"] < t and r["created_timestamp"] <= t]
        for customer, mine in by([as_known(r, t) for r in rows], "customer_id").items():
            ordered = sorted(
                mine, key=lambda r: (r["end_timestamp"] is None, r["end_timestamp"] or t, r["start_timestamp"])
            )
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
            same(features[customer, t], row)
            count += 1
    assert count == len(features) > 0


def test_who_was_contacted_is_known_without_an_order_or_a_contract(con: Any) -> None:
    contacted = make_interactions(1).assign(customer_id="prospect")
    given = tables(transactions=make_transactions(1), interactions=contacted)
    rows = computed(con, engagement.VIEW, given, kinds=frozenset({"contact"}))
    seen = [r for r in records(contacted) if r["event_timestamp"] < SNAPSHOTS[1] and r["kind"] == "contact"]
    assert rows["prospect", SNAPSHOTS[1]]["contacts_total"] == len(seen) > 0
    others = [row for (customer, _), row in rows.items() if customer != "prospect"]
    assert len(others) > 5
    assert all(row["contacts_total"] == 0 for row in others)


def test_profiles_hold_what_is_on_file_at_a_snapshot(con: Any) -> None:
    answers = make_interactions(1).iloc[:4].assign(kind="consent")
    answers["customer_id"] = ["c1", "c1", "c3", "new"]
    answers["value"] = [0.0, 1.0, 0.0, 1.0]
    answers["event_timestamp"] = [
        SNAPSHOTS[0] - timedelta(days=2),
        *[SNAPSHOTS[0] + timedelta(days=d) for d in (0, 1, 2)],
    ]
    answers["created_timestamp"] = answers["event_timestamp"]
    given = tables(customers=make_customers(), interactions=answers)
    rows = computed(con, profile.VIEW, given, attributes=("region",))
    at = {t: {name: row for (name, moment), row in rows.items() if moment == t} for t in SNAPSHOTS}
    assert sorted(at[SNAPSHOTS[0]]) == ["c0", "c1", "c3"]  # c2 signed up at this very moment
    assert at[SNAPSHOTS[0]]["c1"]["marketing_consent"] == 0.0
    assert len(at[SNAPSHOTS[1]]) == 5
    consents = [at[SNAPSHOTS[1]][name]["marketing_consent"] for name in ("c0", "c1", "c2", "c3", "new")]
    assert consents == [1.0, 1.0, 1.0, 0.0, 1.0]  # the last answer, else what is on file
    assert [at[SNAPSHOTS[1]][f"c{i}"]["attribute_region"] for i in range(4)] == ["north", "south", None, "north"]
    # c1's was written at the first snapshot, c3's after it
    assert [at[SNAPSHOTS[0]][name]["attribute_region"] for name in ("c0", "c1", "c3")] == ["north", "south", None]
