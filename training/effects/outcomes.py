"""What became of the customers of campaigns: in the days after their assignment, and in as many days before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Rows
from core.settings import Settings

Measure = Literal["retained", "orders", "revenue", "margin"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Assigned:
    """Customers in campaigns: one place per assignment in every array, ordered by campaign and customer.

    Attributes
    ----------
    arms
        The name of an action, or `features.contract.assigned.HOLDOUT`.
    intended
        The action that a policy had chosen for the customer; "" where the arms were drawn for everybody alike.
    channels
        "" where none is known.
    moments
        Of the assignment, in UTC, to the microsecond.
    propensity
        The probability of the arm that the customer is in; NaN where it is unknown.
    cost
        Of the contact; NaN where it is unknown.
    """

    customers: Names
    campaigns: Names
    arms: Names
    intended: Names
    channels: Names
    moments: npt.NDArray[np.datetime64]
    propensity: Floats
    cost: Floats

    def rows(self, mask: Rows) -> "Assigned":
        """Return some places."""
        return Assigned(*(getattr(self, one.name)[mask] for one in fields(self)))

    def __len__(self) -> int:
        return len(self.customers)


@dataclass(frozen=True)
class Outcomes:
    """What became of assigned customers: one place per assignment, in the order of `Assigned`.

    Attributes
    ----------
    known
        Whether the window [assigned, assigned + days) is over in the data, or an outcome was given.
    values
        By measure; NaN where it is not known. `retained` is 1 or 0, money is in the currency of the data.
    before
        The same measures over [assigned - days, assigned); empty where nothing is sold.
    """

    known: npt.NDArray[np.bool_]
    values: Mapping[Measure, Floats]
    before: Mapping[Measure, Floats]


def read_assigned(settings: Settings, campaigns: Sequence[str] | None = None) -> Assigned:
    """Read who was assigned to campaigns.

    Parameters
    ----------
    campaigns
        None reads all of them.
    """
    raise NotImplementedError


def read_outcomes(settings: Settings, assigned: Assigned, days: int, margin: float | None = None) -> Outcomes:
    """Measure what became of assigned customers in [assigned, assigned + days).

    A row of `outcomes` wins over what order lines say, measure by measure.

    Parameters
    ----------
    margin
        The share of an amount that is earned where no cost of the goods is known; None leaves the margin of such lines
        unknown.
    """
    raise NotImplementedError
