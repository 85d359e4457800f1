"""One action or nothing for each customer, so that the total gain is highest within budget and capacity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints

#: The place of doing nothing.
NOTHING = -1


@dataclass(frozen=True)
class Prices:
    """What a unit of each limit is worth in gain: an action is worth its reduced gain, `gain - price x use`.

    Attributes
    ----------
    budget
        Of one unit of money; 0 where the budget does not bind.
    channels
        Of one contact, by channel with a capacity; 0 where it does not bind.
    """

    budget: float = 0.0
    channels: Mapping[str, float] | None = None

    def of(self, channels: Sequence[str]) -> Floats:
        """Return the price of one contact of each action, by the channels of the actions."""
        known = self.channels or {}
        return np.array([known.get(channel, 0.0) for channel in channels], dtype="float64")


@dataclass(frozen=True)
class Solution:
    """What was chosen.

    Attributes
    ----------
    choice
        The place of the action of each customer; -1 is nothing.
    total
        The sum of the gains.
    bound
        No choice within the limits gains more than this.
    budget_price, channel_prices
        Of `Prices`.
    """

    choice: Ints
    total: float
    bound: float
    budget_price: float
    channel_prices: Mapping[str, float]

    @property
    def gap(self) -> float:
        """The share of the bound that may be missing; 0 where the choice is proven to be the best."""
        return max(0.0, self.bound - self.total) / self.bound if self.bound > 0 else 0.0

    @property
    def prices(self) -> Prices:
        """The prices, as single customers are answered with them."""
        return Prices(self.budget_price, self.channel_prices)


def solve(
    gains: Floats,
    costs: Floats,
    channels: Sequence[str],
    allowed: npt.NDArray[np.bool_],
    budget: float | None,
    capacity: Mapping[str, int],
) -> Solution:
    """Choose for all customers at once.

    Parameters
    ----------
    gains, costs, allowed
        Customers x actions. A gain of NaN, or one that is not above 0, is never chosen. Costs are not negative.
    channels
        Of each action.
    budget
        Of all costs together; None is no limit.
    capacity
        Most contacts by channel; a channel that is not there has no limit.
    """
    raise NotImplementedError
