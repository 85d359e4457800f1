"""Labels against a naive loop, on tables that hit every edge."""

from datetime import timedelta
from typing import Any, Literal

import pandas as pd
import pytest
from pydantic import ValidationError

from core.errors import StateError
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
from training.churn.definition import check_definition, definition_of
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


def many_contracts() -> pd.DataFrame:
    """Return contracts of 144 customers; some are up for renewal, and a part of these renew."""
    parts = [make_subscriptions(seed, count=24) for seed in range(6)]
    return pd.concat([part.assign(customer_id=part["customer_id"] + f"-{n}") for n, part in enumerate(parts)])


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("grace", [1, 14])
@pytest.mark.parametrize("population", ["up_for_renewal", "all"])
def test_contractual_labels_equal_a_naive_loop(
    con: Any, gap: int, grace: int, population: Literal["up_for_renewal", "all"]
) -> None:
    contracts = many_contracts()
    churn = ChurnSettings(kind="contractual", population=population, horizon_days=30, gap_days=gap, grace_days=grace)
    labelled = con.to_pandas(labels(sources(make_transactions(5), contracts), snapshot_table(SNAPSHOTS), churn))
    actual = {(r.customer_id, r.snapshot): r.churned for r in labelled.itertuples()}
    wanted = {}
    for t in SNAPSHOTS:
        start, end = t + timedelta(days=gap), t + timedelta(days=gap + 30)
        for customer, mine in contracts.groupby("customer_id"):
            rows = records(mine)
            ends = [NEVER if pd.isna(r["end_timestamp"]) else r["end_timestamp"] for r in rows]
            seen = [as_known(r, t) for r in rows if r["start_timestamp"] < t and r["created_timestamp"] <= t]
            known = [r["end_timestamp"] or NEVER for r in seen]
            if not any(last >= t for last in known):
                continue
            if population == "up_for_renewal" and not start <= max(known) < end:
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


def test_a_renewal_is_labelled_as_a_reader_would(con: Any) -> None:
    """Contracts by hand, asked about on 1 May with a horizon of 30 days and a grace period of 14."""
    t = SNAPSHOTS[0]
    rows: list[dict[str, Any]] = []

    def contract(customer: str, start: int, end: int | None, **more: Any) -> None:
        day = timedelta(days=1)
        rows.append(
            {
                "customer_id": customer,
                "start_timestamp": t + start * day,
                "end_timestamp": None if end is None else t + end * day,
                "earlier_terms": None,
                "price": 10.0,
                "cancelled_timestamp": None,
                "created_timestamp": t + start * day,
                **more,
            }
        )

    known = {"until_timestamp": t + timedelta(days=5), "price": 10.0}
    contract("not renewed", -300, 20)
    contract("renewed", -300, 20)
    contract("renewed", 20, 385)
    contract("renewed late", -300, 20)
    contract("renewed late", 33, 398)
    contract("renewed too late", -300, 20)
    contract("renewed too late", 34, 399)
    contract("extended in place", -300, 385, earlier_terms=[{**known, "end_timestamp": t + timedelta(days=20)}])
    contract("ends as the horizon does", -300, 30)
    contract("ends at the snapshot", -300, 0)
    contract("ends later", -300, 31)
    contract("runs on", -300, None)
    contract("cancelled later", -300, 20, earlier_terms=[{**known, "end_timestamp": None}])
    contract("shortened later", -300, 20, earlier_terms=[{**known, "end_timestamp": t + timedelta(days=200)}])
    contract("has a longer one as well", -300, 20)
    contract("has a longer one as well", -100, 200)
    contract("left before", -300, -1)
    tables = sources(make_transactions(5), pd.DataFrame(rows))
    asked = snapshot_table([t])
    renewals, everybody = (
        con.to_pandas(labels(tables, asked, churn)).set_index("customer_id")["churned"].to_dict()
        for churn in (
            ChurnSettings(kind="contractual", horizon_days=30),
            ChurnSettings(kind="contractual", horizon_days=30, population="all"),
        )
    )
    assert renewals == {
        "not renewed": 1,
        "renewed": 0,
        "renewed late": 0,
        "renewed too late": 1,
        "extended in place": 0,
        "ends at the snapshot": 1,
    }
    assert everybody == renewals | {
        "ends as the horizon does": 0,
        "ends later": 0,
        "runs on": 0,
        # their ends were not known at the snapshot, so that they were not up for renewal
        "cancelled later": 1,
        "shortened later": 1,
        "has a longer one as well": 0,
    }


def test_only_contracts_are_renewed() -> None:
    assert definition_of(ChurnSettings(kind="contractual")).population == "up_for_renewal"
    assert definition_of(ChurnSettings(kind="contractual", population="all")).population == "all"
    assert (
        definition_of(ChurnSettings()).population == definition_of(ChurnSettings(kind="labelled")).population == "all"
    )
    of_renewals = definition_of(ChurnSettings(kind="contractual"))
    with pytest.raises(StateError, match=r"population='up_for_renewal'.*population='all'"):
        check_definition("m", of_renewals, ChurnSettings(kind="contractual", population="all"))
    check_definition("m", of_renewals, ChurnSettings(kind="contractual", population="up_for_renewal"))
    with pytest.raises(ValidationError, match="only contracts are renewed"):
        ChurnSettings(population="up_for_renewal")


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
