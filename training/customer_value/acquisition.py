"""What acquiring customers cost, and what they are worth for it: by channel, and by month of the first purchase."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.tables import table_path
from training.customer_value.money import Worth


@dataclass(frozen=True)
class Acquired:
    """Customers who were acquired together.

    Attributes
    ----------
    name
        The channel, or the month as 2024-05; None for customers without one.
    customers
        How many there are, which every figure here is a mean over.
    acquisition_cost
        Of one customer.
    clv
        Total value of one customer, after the acquisition cost.
    clv_over_cost
        Total value before the acquisition cost, over that cost: above 1, acquisition has paid. None where nothing was
        paid.
    """

    name: str | None
    customers: int
    acquisition_cost: float
    clv: float
    clv_over_cost: float | None


def read_channels(settings: Settings) -> dict[str, str]:
    """Return the acquisition channel by customer, of customers who have one."""
    people = relation(table_path(settings[StoreSettings], "customers"))
    with engine(settings) as con:
        query = f"SELECT customer_id, acquisition_channel FROM {people} WHERE acquisition_channel IS NOT NULL"
        return {str(customer): str(channel) for customer, channel in con.execute(query).fetchall()}


def by_channel(channels: Sequence[str | None], cost: Floats, worth: Worth) -> list[Acquired]:
    """Return the customers of each acquisition channel, the most customers first, those of unknown channels last.

    Parameters
    ----------
    channels, cost
        Of each customer: how they were acquired, and what that cost.
    """
    found = _grouped(channels, cost, worth)
    return sorted(found, key=lambda one: (one.name is None, -one.customers, one.name or ""))


def by_cohort(first_purchases: npt.NDArray[np.datetime64], cost: Floats, worth: Worth) -> list[Acquired]:
    """Return the customers of each month of a first purchase, in UTC, the earliest first.

    Parameters
    ----------
    first_purchases
        Moments of each customer; NaT for one without a purchase, who comes last.
    """
    months = first_purchases.astype("datetime64[M]")
    names = [None if np.isnat(month) else str(month) for month in months]
    found = _grouped(names, cost, worth)
    return sorted(found, key=lambda one: (one.name is None, one.name or ""))


def _grouped(names: Sequence[str | None], cost: Floats, worth: Worth) -> list[Acquired]:
    places: dict[str | None, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return [_mean(name, cost[rows], worth.total[rows]) for name, rows in places.items()]


def _mean(name: str | None, cost: Floats, total: Floats) -> Acquired:
    paid, value = float(cost.mean()), float(total.mean())
    return Acquired(name, len(cost), paid, value, (value + paid) / paid if paid > 0 else None)
