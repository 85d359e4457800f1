"""What a list of offers brings more than its control, from the impressions of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """Order lines, aligned, in any order; moments in UTC."""

    customers: Names
    moments: Moments
    products: Names


@dataclass(frozen=True)
class ListGain:
    """What an arm brings more than the control, in purchases (order lines) for each customer with an impression.

    Attributes
    ----------
    shown
        Purchases of products that were shown. A list of what customers buy anyway has many of them.
    any
        Purchases of any product: what the list adds to the basket.
    """

    shown: Effect
    any: Effect


def list_gain(shown: Shown, bought: Bought, *, arm: str, control: str, days: int) -> ListGain:
    """Compare an arm of an experiment with its control.

    A purchase counts once, however often the list was shown, if an impression of the customer (with this product, for
    `shown`) was in (purchase - days, purchase]. Customers without an impression are in neither arm: an arm that often
    has nothing to show is judged by the customers who saw something.

    Parameters
    ----------
    arm, control
        As impressions name them, such as `challenger` and `champion`.
    days
        How long after an impression a purchase counts.
    """
    impressions = pd.DataFrame({"customer": shown.customers, "seen": shown.moments, "arm": shown.arms})
    impressions["product"] = pd.Series(list(shown.products), index=impressions.index, dtype=object)
    impressions = impressions[impressions["arm"].isin([arm, control])]
    lines = pd.DataFrame({"customer": bought.customers, "at": bought.moments, "product": bought.products})
    lines["line"] = np.arange(len(lines))
    customers = impressions.drop_duplicates("customer").set_index("customer")["arm"]
    treated = (customers == arm).to_numpy()
    each = impressions.explode("product", ignore_index=True)
    none = np.zeros((len(customers), 0))
    counts = [
        _counted(impressions.drop(columns="product").merge(lines, on="customer"), days, customers.index),
        _counted(each.merge(lines, on=["customer", "product"]), days, customers.index),
    ]
    every, own = (adjusted_difference(count, treated, none) for count in counts)
    return ListGain(shown=own, any=every)


def _counted(joined: pd.DataFrame, days: int, customers: "pd.Index[str]") -> Floats:
    """Return the purchases of each customer that followed an impression."""
    inside = (joined["at"] >= joined["seen"]) & (joined["at"] < joined["seen"] + pd.Timedelta(days=days))
    lines = joined[inside].drop_duplicates("line")
    counts: Floats = lines.groupby("customer").size().reindex(customers, fill_value=0).to_numpy().astype("float64")
    return counts
