"""Attribution: which contact a purchase followed. It is no effect: many purchases would have happened anyway."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats

Words = npt.NDArray[np.object_]
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

    customers: Words
    campaigns: Words
    moments: Moments
    kinds: Words


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

    customers: Words
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
