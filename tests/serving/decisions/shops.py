"""Customers with risks and amounts, by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from serving.decisions.stakes import Stakes
from serving.segments.columns import RuleColumn
from serving.segments.population import Population
from training.customer_value.margins import Margins

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NUMBERS = ("risk", "amount", "orders", "amount_total", "baskets_total", "margin_amount_known", "margin_cost")
TEXTS = ("reason_1", "churn_model", "city")
PLAIN = Margins(1.0, {})


def population(rows: Sequence[Mapping[str, Any]]) -> Population:
    """Return customers `c000`, `c001` and so on with these values; the others are missing."""
    numbers = {name: np.array([row.get(name, np.nan) for row in rows], dtype="float64") for name in NUMBERS}
    texts = {name: np.array([*(row.get(name) for row in rows), None], dtype=object)[:-1] for name in TEXTS}
    columns = {name: RuleColumn(name, "number", "scores") for name in NUMBERS}
    columns |= {name: RuleColumn(name, "text", "profile") for name in TEXTS}
    return Population([f"c{place:03}" for place in range(len(rows))], NOW, columns, numbers, texts, "made")


def stakes(**values: Any) -> Stakes:
    """Return stakes that say this; whatever is not given is not known."""
    rows = len(next(iter(values.values())))
    names = ("risk", "base", "amount", "spend", "basket", "margin", "kept")
    return Stakes(**{name: np.array(values.get(name, [np.nan] * rows), dtype="float64") for name in names})


def many(customers: int, seed: int = 1) -> Population:
    """Return many customers with plausible values."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "risk": rng.beta(1.5, 3),
            "amount": rng.lognormal(4, 0.8),
            "orders": rng.gamma(2, 2),
            "amount_total": rng.lognormal(6, 1),
            "baskets_total": rng.integers(1, 40),
            "reason_1": rng.choice(["silence", "price"]),
            "churn_model": "churn v1",
        }
        for _ in range(customers)
    ]
    return population(rows)
