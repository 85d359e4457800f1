"""Attribution: which contact a purchase followed. It is no effect: many purchases would have happened anyway."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Floats
from features.contract.events.interactions import CONTACT
from training.effects.given import Names

Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Contacts:
    """Contacts with customers, aligned, in any order.

    Attributes
    ----------
    customers, campaigns, kinds
        Kinds are those of interactions, such as `contact`; a campaign is empty where a contact belongs to none.
    moments
        UTC.
    """

    customers: Names
    campaigns: Names
    moments: Moments
    kinds: Names


@dataclass(frozen=True)
class Purchases:
    """Orders of customers, one entry an order, aligned, in any order.

    Attributes
    ----------
    moments
        UTC.
    amounts
        Net, in the currency of the data.
    """

    customers: Names
    moments: Moments
    amounts: Floats


@dataclass(frozen=True)
class Attribution:
    """Orders that followed a contact within a window; the last contact before an order has it (last touch).

    Attributes
    ----------
    window_days
        An order at most so long after a contact is attributed to it: `contact <= order < contact + window`.
    orders, amount
        All orders of the period.
    attributed_orders, attributed_amount
        Those whose last contact belongs to the campaigns of the report.
    """

    window_days: int
    orders: int
    amount: float
    attributed_orders: int
    attributed_amount: float

    @property
    def share(self) -> float | None:
        """Share of all orders; None where there is none."""
        return self.attributed_orders / self.orders if self.orders else None


def attribute(purchases: Purchases, contacts: Contacts, campaigns: Collection[str], window_days: int) -> Attribution:
    """Attribute orders to the contacts that they followed.

    Parameters
    ----------
    purchases
        The orders of the period.
    contacts
        Of all campaigns, and of before the period too: the last one before an order has it.
    campaigns
        Those of the report.
    """
    made = contacts.kinds == CONTACT.name
    touched = pd.DataFrame(
        {
            "customer": contacts.customers[made],
            "campaign": contacts.campaigns[made],
            "at": contacts.moments[made].astype("datetime64[us]"),
        }
    )
    ordered = pd.DataFrame(
        {
            "customer": purchases.customers,
            "at": purchases.moments.astype("datetime64[us]"),
            "amount": purchases.amounts,
        }
    )
    touched["last"] = touched["at"]
    joined = pd.merge_asof(ordered.sort_values("at"), touched.sort_values("at"), on="at", by="customer")
    followed = joined["at"] < joined["last"] + pd.Timedelta(days=window_days)
    own = joined[followed & joined["campaign"].isin(campaigns)]
    return Attribution(window_days, len(ordered), float(ordered["amount"].sum()), len(own), float(own["amount"].sum()))
