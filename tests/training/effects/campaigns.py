"""Campaigns for tests: arrays by hand, and the shop whose effects are known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.arrays import Floats
from tests.simulate_effects import COST, MARGIN, simulate
from training.effects.given import Names
from training.effects.outcomes import Assigned, Measure, Outcomes

START = np.datetime64("2026-03-02T00:00:00", "us")


def words(values: Sequence[str]) -> Names:
    """Return texts as an array of objects."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def assigned_of(
    arms: Sequence[str],
    *,
    customers: Sequence[str] | None = None,
    campaigns: Sequence[str] | None = None,
    intended: Sequence[str] | None = None,
    **others: Any,
) -> Assigned:
    """Return assignments, of customers C0, C1, ... to one campaign unless said otherwise; other arrays by name."""
    count = len(arms)
    columns = {
        "customers": words(customers or [f"C{place}" for place in range(count)]),
        "campaigns": words(campaigns or ["spring"] * count),
        "arms": words(arms),
        "intended": words(intended or [""] * count),
        "channels": words([""] * count),
        "moments": np.full(count, START),
        "propensity": np.full(count, np.nan),
        "cost": np.zeros(count),
    }
    return Assigned(**{**columns, **others})


def outcomes_of(values: Mapping[Measure, Floats], before: Mapping[Measure, Floats] | None = None) -> Outcomes:
    """Return outcomes that are all known."""
    count = len(next(iter(values.values())))
    return Outcomes(np.ones(count, dtype=bool), values, before or {})


def simulated(
    customers: int, seed: int, *, share: float = 0.5, effect: float = 1.0
) -> tuple[Assigned, Outcomes, float]:
    """Return a campaign of the simulated shop, and the mean effect of a call on staying, which nobody can see."""
    drawn = simulate(customers, seed, share, effect)
    called = drawn["called"]
    assigned = assigned_of(
        np.where(called, "call", "holdout").tolist(),
        propensity=np.where(called, share, 1 - share),
        cost=np.where(called, COST, 0.0),
    )
    stayed, revenue = drawn["stayed"].astype("float64"), drawn["revenue"]
    orders = stayed * np.ceil(drawn["orders_84d"] / 3)
    usual = drawn["orders_84d"] / 3
    outcomes = outcomes_of(
        {"retained": stayed, "orders": orders, "revenue": revenue, "margin": MARGIN * revenue},
        {"orders": usual, "revenue": usual * drawn["spend_per_order"]},
    )
    return assigned, outcomes, float((drawn["p_call"] - drawn["p_holdout"]).mean())
