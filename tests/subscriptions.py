"""A subscription business of a known kind: who is less content uses it less, and is likelier not to renew."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 540
TERM = timedelta(days=30)

CONFIG = """
threads = 2
[time]
snapshot_spacing_days = 15
[churn]
kind = "contractual"
horizon_days = 30
grace_days = 10
[next_product]
horizon_days = 15
[data]
source = "files"
root = "{root}"
[[data.inputs]]
table = "transactions"
path = "transactions.csv"
[[data.inputs]]
table = "subscriptions"
path = "subscriptions.csv"
"""


@dataclass(frozen=True)
class Business:
    """What was simulated: order lines, contracts, and the probability of leaving at each contract's end."""

    transactions: pd.DataFrame
    subscriptions: pd.DataFrame
    hazards: pd.DataFrame


def simulate(customers: int = 700, seed: int = 3) -> Business:
    """Run each customer from contract to contract of 30 days.

    Contentment s starts at N(0, 1) and moves by N(-0.1, 0.5) with each contract. In a contract the customer orders
    Poisson(4 exp(0.7 s)) times; at its end they leave with probability 1 / (1 + exp(2.2 + 1.5 s)), half of them
    with a notice twenty days before. A third of those who stay renew up to six days late.
    """
    rng = np.random.default_rng(seed)
    orders, contracts, hazards = [], [], []
    for number in range(customers):
        customer = f"s{number}"
        start = START + timedelta(days=int(rng.integers(0, 500)))
        content, price = rng.normal(), float(rng.choice([9.9, 19.9, 39.9]))
        while start < START + timedelta(days=DAYS):
            end = start + TERM
            for _ in range(rng.poisson(4 * np.exp(0.7 * content))):
                moment = start + TERM * rng.random()
                orders.append((customer, moment, round(float(rng.gamma(2, 10)), 2)))
            hazard = 1 / (1 + np.exp(2.2 + 1.5 * content))
            leaves = rng.random() < hazard
            notice = end - timedelta(days=20) if leaves and rng.random() < 0.5 else None
            contracts.append((customer, start, end, price, notice))
            hazards.append((customer, end, hazard))
            if leaves:
                break
            content += rng.normal(-0.1, 0.5)
            start = end + timedelta(days=int(rng.integers(0, 7)) if rng.random() < 0.33 else 0)
    lines = pd.DataFrame(orders, columns=["customer_id", "event_timestamp", "amount"])
    lines = lines[lines["event_timestamp"] < START + timedelta(days=DAYS)].reset_index(drop=True)
    lines["order_id"] = [f"o{i}" for i in range(len(lines))]
    lines["product_id"] = [f"p{i % 20}" for i in range(len(lines))]
    lines["quantity"] = 1
    columns = ["customer_id", "start_timestamp", "end_timestamp", "price", "cancelled_timestamp"]
    return Business(
        lines,
        pd.DataFrame(contracts, columns=columns),
        pd.DataFrame(hazards, columns=["customer_id", "end_timestamp", "hazard"]),
    )


def write_business(directory: Path, business: Business) -> None:
    """Write the exports and an encore.toml that reads them."""
    exports = directory / "exports"
    exports.mkdir(parents=True)
    business.transactions.to_csv(exports / "transactions.csv", index=False)
    business.subscriptions.to_csv(exports / "subscriptions.csv", index=False)
    (directory / "encore.toml").write_text(CONFIG.format(root=exports))
