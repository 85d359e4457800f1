"""Small random tables that hit every edge: events at a snapshot, at a window's start, written late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from features.contract.arrow import arrow_schema
from features.contract.events import interaction_kinds

SNAPSHOTS = (datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 3, tzinfo=UTC))
_KINDS = interaction_kinds()
_MOMENT = pa.timestamp("us", tz="UTC")
_CONTRACT_TYPES = {"earlier_terms": arrow_schema("subscriptions").field("earlier_terms").type}
_WINDOWS = (0, 7, 14, 28, 56, 84, 182, 365)


def moments(rng: np.random.Generator, count: int) -> list[datetime]:
    """Return moments of which a good part lies exactly on a window's edge."""
    edges = [snapshot - timedelta(days=days) for snapshot in SNAPSHOTS for days in _WINDOWS]
    spread = [SNAPSHOTS[1] - timedelta(seconds=int(s)) for s in rng.integers(-20 * 86400, 400 * 86400, count)]
    return [edges[rng.integers(len(edges))] if rng.random() < 0.25 else moment for moment in spread]


def make_transactions(seed: int, count: int = 250) -> pd.DataFrame:
    """Return order lines of a few customers and products; one in ten was written days late, some were replaced."""
    rng = np.random.default_rng(seed)
    happened = moments(rng, count)
    late = [timedelta(days=int(d)) if rng.random() < 0.1 else timedelta(0) for d in rng.integers(1, 60, count)]
    # an order is a customer's fortnight, so that its lines lie before and after snapshots and edges
    customers = [f"c{rng.integers(6)}" for _ in range(count)]
    written = [moment + delay for moment, delay in zip(happened, late, strict=True)]
    # some at a snapshot: they count no more then
    ends = [SNAPSHOTS[0] if rng.random() < 0.3 else one + timedelta(days=int(rng.integers(0, 90))) for one in written]
    return pd.DataFrame(
        {
            "customer_id": customers,
            "order_id": [
                f"{c}-{moment.timestamp() // (14 * 86400)}" for moment, c in zip(happened, customers, strict=True)
            ],
            "product_id": [f"p{rng.integers(8)}" for _ in range(count)],
            "event_timestamp": happened,
            "quantity": rng.integers(0, 4, count).astype(float),
            "amount": rng.integers(0, 40, count) / 4,
            "discount": rng.integers(0, 8, count) / 4,
            "coupon_discount": np.where(rng.random(count) < 0.2, 1.0, 0.0),
            "created_timestamp": written,
            "replaced_timestamp": pd.Series(
                [end if rng.random() < 0.1 else None for end in ends], dtype="datetime64[us, UTC]"
            ),
            # half of the lines say what their goods cost, some of them nothing
            "cost": [float(rng.integers(0, 24)) / 4 if rng.random() < 0.5 else None for _ in range(count)],
        }
    )


def make_returns(seed: int, lines: pd.DataFrame, count: int = 60) -> pd.DataFrame:
    """Return returns of order lines: whole and partial ones, without an order, without a product, of nothing sold."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for line in records(lines.iloc[rng.integers(0, len(lines), count)]):
        whole = lines[(lines["order_id"] == line["order_id"]) & (lines["product_id"] == line["product_id"])]
        order = lines[lines["order_id"] == line["order_id"]]
        of_order = rng.random() < 0.15
        value = float((order if of_order else whole)["amount"].sum()) * float(rng.choice([0.3, 1.0, 1.0, 1.2]))
        happened = [*SNAPSHOTS, line["event_timestamp"] + timedelta(hours=int(rng.integers(-30, 40 * 24)))]
        moment = happened[rng.choice(3, p=[0.1, 0.1, 0.8])]
        rows.append(
            {
                "customer_id": line["customer_id"],
                "event_timestamp": moment,
                "kind": "return",
                "order_id": None if not of_order and rng.random() < 0.3 else line["order_id"],
                "product_id": None if of_order else line["product_id"],
                "value": None if rng.random() < 0.05 else value,
                "created_timestamp": moment + timedelta(days=int(rng.integers(0, 2) * rng.integers(0, 20))),
            }
        )
    rows.append(rows[0] | {"order_id": "unknown"})
    rows.append(rows[0] | {"kind": "visit"})
    return pd.DataFrame([*rows, rows[1]])  # two equal returns are two


def make_products() -> pd.DataFrame:
    """Return products of which one has no type and one is not active."""
    return pd.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(8)],
            "department": ["food", "food", "food", "home", "home", None, "food", "home"],
            "category": ["milk", "milk", "bread", "soap", "soap", None, "bread", "paper"],
            "type": ["whole", "skim", "rye", "bar", "liquid", None, "rye", "towel"],
            "brand_tier": [
                "private",
                "national",
                "national",
                "private",
                "national",
                None,
                "private",
                "national",
            ],
            # rye comes in grams, and once in pieces, which cannot be compared with them
            "size": ["1 l", "500 ml", "500 g", "2 ct", None, None, "6 ct", "3 rolls"],
            "unit_cost": [0.5, 0.25, None, 2.0, None, None, 0.0, 1.25],
            "active": [True, True, True, True, True, True, True, False],
        }
    )


def make_customers() -> pd.DataFrame:
    """Return customers; one signed up after the first snapshot, one was never asked for consent, one attribute was
    written at the first snapshot and one after it."""
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(4)],
            "signup_timestamp": pd.Series([None, "2024-04-30", "2024-05-01", None]).pipe(pd.to_datetime, utc=True),
            "marketing_consent": [True, False, True, None],
            "region": ["north", "south", None, "north"],
            "known_since_timestamp": pd.Series([None, "2024-05-01", None, "2024-05-02"]).pipe(pd.to_datetime, utc=True),
        }
    )


def make_interactions(seed: int, count: int = 200) -> pd.DataFrame:
    """Return contacts and redemptions of a few campaigns, and everything else that customers do."""
    rng = np.random.default_rng(seed)
    happened = moments(rng, count)
    return pd.DataFrame(
        {
            "customer_id": [f"c{rng.integers(6)}" for _ in range(count)],
            "event_timestamp": happened,
            "kind": [_KINDS[rng.integers(len(_KINDS))] for _ in range(count)],
            "value": [None if rng.random() < 0.1 else float(rng.integers(0, 11)) for _ in range(count)],
            "campaign_id": [f"m{rng.integers(4)}" for _ in range(count)],
            "created_timestamp": happened,
        }
    )


def make_subscriptions(seed: int, count: int = 40) -> pd.DataFrame:
    """Return contract periods of a few customers, in chains with gaps; some were written late, some cancelled."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        start = moments(rng, 1)[0] - timedelta(days=int(rng.integers(0, 200)))
        for _ in range(rng.integers(1, 6)):
            end = start + timedelta(days=int(rng.choice([30, 84, 365])))
            cancelled = end - timedelta(days=int(rng.integers(1, 60))) if rng.random() < 0.2 else None
            created = start + timedelta(days=int(rng.integers(0, 2) * rng.integers(0, 20)))
            runs_on = number % 12 < 4 and rng.random() < 0.2
            rows.append(
                {
                    "customer_id": f"c{number % 12}",
                    "start_timestamp": start,
                    "end_timestamp": None if runs_on else end,
                    "earlier_terms": _earlier_terms(rng, start, end) if rng.random() < 0.3 else None,
                    "price": None if rng.random() < 0.1 else float(rng.integers(1, 40)),
                    "cancelled_timestamp": cancelled,
                    "created_timestamp": created,
                }
            )
            if runs_on:
                break
            start = end + timedelta(days=int(rng.choice([0, 0, 5, 14, 30])))
    return pd.DataFrame(rows)


def _earlier_terms(rng: np.random.Generator, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return what was known of a contract before: once that it runs on, then perhaps a later end."""
    edges = sorted([end - timedelta(days=int(rng.integers(1, 60))), SNAPSHOTS[int(rng.integers(2))]])
    terms: list[dict[str, Any]] = [
        {"until_timestamp": edges[0], "end_timestamp": None, "price": 1.0},
        {"until_timestamp": edges[1], "end_timestamp": start + timedelta(days=400), "price": None},
    ]
    return terms[: int(rng.integers(1, 3))]


def as_known(contract: dict[str, Any], moment: datetime) -> dict[str, Any]:
    """Return a contract with the end and the price that were known at a moment, a null end as none."""
    terms = contract["earlier_terms"] if isinstance(contract["earlier_terms"], list) else []
    now = {"end_timestamp": contract["end_timestamp"], "price": contract["price"]}
    known = next((one for one in terms if one["until_timestamp"] > moment), now)
    end = None if pd.isna(known["end_timestamp"]) else known["end_timestamp"]
    return {**contract, "end_timestamp": end, "price": known["price"]}


def as_table(frame: pd.DataFrame) -> ir.Table:
    """Turn a frame into an Ibis table with the contract's types."""
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        pa.field(f.name, _CONTRACT_TYPES.get(f.name, _MOMENT if pa.types.is_timestamp(f.type) else f.type))
        for f in arrow.schema
    ]
    return ibis.memtable(arrow.cast(pa.schema(fields)))


def no_labels() -> ir.Table:
    """Return an empty table of labels."""
    return ibis.memtable(arrow_schema("labels").empty_table())


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain dicts."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def keyed(frame: pd.DataFrame, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return rows by key."""
    return {tuple(row[k] for k in keys): row for row in records(frame)}
