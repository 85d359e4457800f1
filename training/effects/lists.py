"""What a list of offers brings more than its control, from the impressions of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.arrays import Floats
from training.effects.attribution import Moments
from training.effects.difference import Effect, adjusted_difference
from training.effects.given import Names


@dataclass(frozen=True)
class Shown:
    """Impressions: lists that were shown, aligned, in any order.

    Attributes
    ----------
    moments
        UTC.
    arms
        Which list of the experiment the customer got; the same at each impression of a customer.
    products
        Ids of what was shown.
    """

    customers: Names
    moments: Moments
    arms: Names
    products: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bought:
    """Order lines, aligned, in any order; moments in UTC, amounts in the currency of the data."""

    customers: Names
    moments: Moments
    products: Names
    amounts: Floats


@dataclass(frozen=True)
class Followed:
    """What followed the impressions: one place per customer with an impression.

    Attributes
    ----------
    shown
        Purchases (order lines) of products that were shown. A list of what customers buy anyway has many of them.
    any
        Purchases of any product: what a list adds to the basket shows here.
    revenue
        The amount of the purchases of any product.
    """

    arms: Names
    shown: Floats
    any: Floats
    revenue: Floats


@dataclass(frozen=True)
class ListGain:
    """What an arm brings more than the control, for each customer with an impression; as `Followed`."""

    shown: Effect
    any: Effect
    revenue: Effect


def followed(shown: Shown, bought: Bought, days: int) -> Followed:
    """Count what each customer bought after an impression.

    A purchase counts once, however often the list was shown, if an impression of the customer (with this product, for
    `shown`) was in (purchase - days, purchase].

    Parameters
    ----------
    days
        How long after an impression a purchase counts.
    """
    impressions = pd.DataFrame({"customer": shown.customers, "seen": shown.moments, "arm": shown.arms})
    impressions["product"] = pd.Series(list(shown.products), index=impressions.index, dtype=object)
    lines = pd.DataFrame({"customer": bought.customers, "at": bought.moments, "product": bought.products})
    lines["line"], lines["amount"] = np.arange(len(lines)), bought.amounts
    arms = impressions.drop_duplicates("customer").set_index("customer")["arm"]
    each = impressions.explode("product", ignore_index=True)
    every = _after(impressions.drop(columns="product").merge(lines, on="customer"), days)
    own = _after(each.merge(lines, on=["customer", "product"]), days)
    return Followed(
        arms.to_numpy(dtype=object),
        _spread(own.groupby("customer").size(), arms.index),
        _spread(every.groupby("customer").size(), arms.index),
        _spread(every.groupby("customer")["amount"].sum(), arms.index),
    )


def list_gain(found: Followed, *, arm: str, control: str) -> ListGain:
    """Compare an arm of an experiment with its control.

    Customers without an impression are in neither arm: an arm that often has nothing to show is judged by the customers
    who saw something.

    Parameters
    ----------
    arm, control
        As impressions name them, such as `challenger` and `champion`.
    """
    both = (found.arms == arm) | (found.arms == control)
    treated = found.arms[both] == arm
    none = np.zeros((len(treated), 0))
    shown, every, revenue = (
        adjusted_difference(values[both], treated, none) for values in (found.shown, found.any, found.revenue)
    )
    return ListGain(shown, every, revenue)


def _after(joined: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return each order line that followed an impression, once."""
    inside = (joined["at"] >= joined["seen"]) & (joined["at"] < joined["seen"] + pd.Timedelta(days=days))
    return joined[inside].drop_duplicates("line")


def _spread(sums: "pd.Series[Any]", customers: "pd.Index[str]") -> Floats:
    """Return a value for each customer, 0 where there is none."""
    values: Floats = sums.reindex(customers, fill_value=0).to_numpy().astype("float64")
    return values
