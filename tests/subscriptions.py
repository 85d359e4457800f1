"""A subscription business of a known kind: who is less content uses it less, asks for help more, and renews less."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 540
TERM = timedelta(days=30)
PRICES = {"basic": 9.9, "plus": 19.9, "premium": 39.9}
#: Shares of customers and what each adds to the log odds of leaving.
SEGMENTS = {"private": (0.6, 0.0), "student": (0.25, 1.2), "business": (0.15, -0.8)}

CONFIG = """
threads = 2
[time]
snapshot_spacing_days = 15
[customers]
model_attributes = ["segment"]
excluded_attributes = ["gender"]
[churn]
kind = "contractual"
horizon_days = 30
grace_days = 10
[data]
source = "files"
root = "{root}"
[[data.inputs]]
table = "subscriptions"
path = "subscriptions.csv"
"""
MORE = """
[[data.inputs]]
table = "interactions"
path = "*_log.csv"
[[data.inputs]]
table = "customers"
path = "customers.csv"
"""


@dataclass(frozen=True)
class Business:
    """What was simulated, and the probability of leaving at the end of each contract."""

    subscriptions: pd.DataFrame
    visits: pd.DataFrame
    calls: pd.DataFrame
    customers: pd.DataFrame
    hazards: pd.DataFrame


def simulate(customers: int = 700, seed: int = 3) -> Business:
    """Run each customer from contract to contract of 30 days.

    Contentment s starts at N(0, 1) and moves by N(-0.1, 0.5) with each contract. In a contract the customer visits
    Poisson(4 exp(0.7 s)) times and asks for help Poisson(0.5 exp(-0.6 s)) times; at its end they leave with log odds
    -2.2 - 1.5 s plus those of their segment, half of them with a notice twenty days before. A third of those who stay
    renew up to six days late, and one in twenty takes the next larger plan. Gender means nothing.
    """
    rng = np.random.default_rng(seed)
    contracts, hazards, people = [], [], []
    events: dict[str, list[tuple[str, datetime, str]]] = {"visit": [], "service_request": []}
    shares = [share for share, _ in SEGMENTS.values()]
    for number in range(customers):
        customer, segment = f"s{number}", str(rng.choice(list(SEGMENTS), p=shares))
        people.append((customer, segment, str(rng.choice(["f", "m"]))))
        start = START + timedelta(days=int(rng.integers(0, 500)))
        content, plan = rng.normal(), int(rng.integers(0, 3))
        while start < START + timedelta(days=DAYS):
            end = start + TERM
            for kind, mean in (("visit", 4 * np.exp(0.7 * content)), ("service_request", 0.5 * np.exp(-0.6 * content))):
                events[kind] += [(customer, start + TERM * rng.random(), kind) for _ in range(rng.poisson(mean))]
            hazard = 1 / (1 + np.exp(2.2 + 1.5 * content - SEGMENTS[segment][1]))
            leaves = rng.random() < hazard
            notice = end - timedelta(days=20) if leaves and rng.random() < 0.5 else None
            name = list(PRICES)[plan]
            contracts.append((customer, start, end, name, PRICES[name], notice))
            hazards.append((customer, end, hazard))
            if leaves:
                break
            content += rng.normal(-0.1, 0.5)
            plan = min(plan + int(rng.random() < 0.05), 2)
            start = end + timedelta(days=int(rng.integers(0, 7)) if rng.random() < 0.33 else 0)
    columns = ["customer_id", "start_timestamp", "end_timestamp", "plan", "price", "cancelled_timestamp"]
    visits, calls = (_until_now(events[kind]) for kind in ("visit", "service_request"))
    return Business(
        pd.DataFrame(contracts, columns=columns),
        visits,
        calls,
        pd.DataFrame(people, columns=["customer_id", "segment", "gender"]),
        pd.DataFrame(hazards, columns=["customer_id", "end_timestamp", "hazard"]),
    )


def _until_now(events: list[tuple[str, datetime, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(events, columns=["customer_id", "event_timestamp", "kind"])
    return frame[frame["event_timestamp"] < START + timedelta(days=DAYS)].sort_values("event_timestamp")


def write_business(directory: Path, business: Business, *, contracts_alone: bool = False) -> None:
    """Write the exports and an encore.toml that reads them."""
    exports = directory / "exports"
    exports.mkdir(parents=True)
    business.subscriptions.to_csv(exports / "subscriptions.csv", index=False)
    business.visits.to_csv(exports / "visits_log.csv", index=False)
    business.calls.to_csv(exports / "calls_log.csv", index=False)
    business.customers.to_csv(exports / "customers.csv", index=False)
    config = CONFIG.format(root=exports)
    if contracts_alone:
        config = config.replace('model_attributes = ["segment"]\n', "")
    (directory / "encore.toml").write_text(config + ("" if contracts_alone else MORE))
