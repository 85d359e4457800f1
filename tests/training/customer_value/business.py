"""Generated customers whose rates, amounts and departures are known: a shop, and a wholesaler with a few giants."""

from dataclasses import dataclass, field

import numpy as np

from core.arrays import Columns, Floats
from training.customer_value.dataset import ValueSet

_START = np.datetime64("2024-01-02", "us")
HORIZON = 91


@dataclass(frozen=True)
class Business:
    """How customers of a business behave.

    Attributes
    ----------
    rate
        Orders a week of each customer: the mean and the shape of a Gamma distribution.
    amount
        Mean amount of an order of each customer: median and spread of a lognormal distribution.
    giants
        How many of them order fifty times as much at a time.
    growth
        By which factor the amounts of those with an even number grow in a year; those of the others shrink.
    """

    customers: int = 600
    rate: tuple[float, float] = (1.0, 1.2)
    amount: tuple[float, float] = (40.0, 0.8)
    giants: int = 0
    growth: float = 1.3
    leave: float = 0.02
    seed: int = 3


SHOP = Business()
WHOLESALE = Business(customers=500, rate=(0.6, 4.0), amount=(3000.0, 0.8), giants=6, growth=1.2, leave=0.01, seed=11)


@dataclass(frozen=True)
class History:
    """The orders of a customer: days since the start of the data, and amounts."""

    days: list[float] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)


def histories(business: Business, days: int = 560) -> list[History]:
    """Return the orders of each customer from the day on which they come."""
    rng = np.random.default_rng(business.seed)
    every = []
    mean, shape = business.rate
    for number in range(business.customers):
        one = History()
        rate = rng.gamma(shape, mean / shape) / 7
        usual = rng.lognormal(np.log(business.amount[0]), business.amount[1])
        usual *= 50 if number < business.giants else 1
        yearly = business.growth if number % 2 == 0 else 1 / business.growth
        leave = 0.0 if number < business.giants else business.leave
        day = float(rng.uniform(0, 120))
        while day < days:
            one.days.append(day)
            one.amounts.append(usual * yearly ** (day / 365) * float(rng.lognormal(0, 0.4)))
            if rng.random() < leave:
                break
            day += float(rng.exponential(1 / max(rate, 1e-4)))
        every.append(one)
    return every


def value_set(every: list[History], snapshots: list[int], horizon: int = HORIZON) -> ValueSet:
    """Return the rows of the snapshots, by loops over orders: features before the day, and what comes from it on."""
    rows: list[dict[str, float]] = []
    ids: list[str] = []
    for snapshot in snapshots:
        for number, one in enumerate(every):
            row = _row(one, float(snapshot), horizon, number)
            if row is not None:
                rows.append(row)
                ids.append(f"c{number:04}")
    columns: Columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    days = columns.pop("snapshot")
    return ValueSet(
        customers=np.array(ids, dtype=object),
        snapshots=_START + (days * 86_400_000_000).astype("int64").astype("timedelta64[us]"),
        spent=columns.pop("spent"),
        orders=columns.pop("orders"),
        next_days=columns.pop("next_days"),
        columns=columns,
    )


def _row(one: History, snapshot: float, horizon: int, number: int) -> dict[str, float] | None:
    days, amounts = np.array(one.days), np.array(one.amounts)
    before, inside = days < snapshot, (days >= snapshot) & (days < snapshot + horizon)
    if not before.any():
        return None
    gaps = np.diff(days[before])
    return {
        "snapshot": snapshot,
        "baskets_total": float(before.sum()),
        "amount_total": float(amounts[before].sum()),
        "tenure_days": snapshot - days[before][0],
        "recency_days": snapshot - days[before][-1],
        "gap_mean": float(gaps.mean()) if len(gaps) else np.nan,
        "amount_28d": _recent(days, amounts, snapshot, 28),
        "amount_84d": _recent(days, amounts, snapshot, 84),
        "baskets_28d": _recent(days, np.ones(len(days)), snapshot, 28),
        "baskets_84d": _recent(days, np.ones(len(days)), snapshot, 84),
        "segment": float(number % 2),
        "spent": float(amounts[inside].sum()),
        "orders": float(inside.sum()),
        "next_days": float(days[inside][0] - snapshot) if inside.any() else np.nan,
    }


def _recent(days: Floats, values: Floats, snapshot: float, width: int) -> float:
    return float(values[(days < snapshot) & (days >= snapshot - width)].sum())
