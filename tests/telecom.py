"""A telephone company's flat file: one row per customer with attributes and the business's own label."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

CONTRACTS = ("Month-to-month", "One year", "Two year")
PAYMENTS = ("Electronic check", "Mailed check", "Bank transfer", "Credit card")
#: What each contract adds to the log odds of leaving.
_BOUND = np.array([0.9, -0.6, -1.8])
SNAPSHOTS = tuple(datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4, 5))


def simulate(customers: int = 1000, seed: int = 11) -> pd.DataFrame:
    """Return one row per customer; the log odds of leaving are -0.3 - 0.04 tenure + 0.03 (charge - 65) + contract.

    `TenureMonths` is missing for one in thirty. Payment and region mean nothing; regions are numbers that are codes.
    """
    rng = np.random.default_rng(seed)
    tenure = rng.integers(0, 73, customers)
    charge = np.round(rng.uniform(20, 110, customers), 2)
    contract = rng.choice(3, customers, p=[0.55, 0.25, 0.2])
    odds = -0.3 - 0.04 * tenure + 0.03 * (charge - 65) + _BOUND[contract]
    churned = rng.random(customers) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "customerID": [f"T-{number:05}" for number in range(customers)],
            "gender": rng.choice(["Female", "Male"], customers),
            "TenureMonths": np.where(rng.random(customers) < 1 / 30, "", tenure.astype(str)),
            "MonthlyCharges": charge,
            "Contract": np.array(CONTRACTS)[contract],
            "Payment": rng.choice(PAYMENTS, customers),
            "Region": rng.choice(["001", "002", "003"], customers),
            "Churn": np.where(churned, "Yes", "No"),
        }
    )


def write_flat_file(directory: Path, rows: pd.DataFrame) -> None:
    """Write the export, where `encore init` looks for it."""
    (directory / "exports").mkdir(parents=True, exist_ok=True)
    rows.to_csv(directory / "exports" / "telecom.csv", index=False)


def write_with_snapshots(directory: Path, rows: pd.DataFrame, labelled: pd.DataFrame) -> None:
    """Write customers and their labels at several snapshots as files of their own, and a configuration."""
    (directory / "exports").mkdir(parents=True, exist_ok=True)
    rows.drop(columns="Churn").to_csv(directory / "exports" / "customers.csv", index=False)
    labelled.to_csv(directory / "exports" / "labels.csv", index=False)
    (directory / "encore.toml").write_text(
        """
threads = 1
[churn]
kind = "labelled"
[customers]
model_attributes = ["TenureMonths", "MonthlyCharges", "Contract", "Region"]
categorical_attributes = ["TenureMonths"]
[data]
source = "files"
root = "exports"
[[data.inputs]]
table = "customers"
path = "customers.csv"
columns = { customer_id = "customerID" }
[[data.inputs]]
table = "labels"
path = "labels.csv"
"""
    )


def label_over_time(rows: pd.DataFrame, seed: int = 5) -> pd.DataFrame:
    """Return a label for four in five customers at each snapshot: the row's own, or one in ten times the other."""
    rng = np.random.default_rng(seed)
    parts = []
    for snapshot in SNAPSHOTS:
        drawn = rng.random(len(rows)) < 0.8
        churned = (rows["Churn"] == "Yes").to_numpy() ^ (rng.random(len(rows)) < 0.1)
        parts.append(
            pd.DataFrame({"customer_id": rows["customerID"], "churned": churned, "snapshot": snapshot.isoformat()})[
                drawn
            ]
        )
    return pd.concat(parts, ignore_index=True)
