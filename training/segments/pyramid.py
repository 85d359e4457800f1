"""The value pyramid: five tiers by an amount, such as the customer lifetime value.

A few customers bring most of the money. Zeithaml, Rust and Lemon, *The Customer Pyramid* (2001), have four tiers; the
fifth, diamond, separates the first one or two customers in a hundred from the platinum tier.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.segments.names import Names
from training.segments.settings import TierShares

#: The tiers, the highest first.
TIERS = ("diamond", "platinum", "gold", "regular", "basic")


@dataclass(frozen=True)
class PyramidCuts:
    """The least amounts of the tiers above basic, learned from a population and applied to any customer.

    Attributes
    ----------
    least
        The highest tier first, in descending order; infinite for a tier that no customer of the population is in and
        that no tier above has a limit for.
    """

    least: tuple[float, ...]

    @classmethod
    def learn(cls, amounts: Floats, shares: TierShares) -> "PyramidCuts":
        """Give the tiers their shares of the customers.

        Customers with the same amount are in the same tier, and a tier ends where the number of customers in it and
        above is nearest to the shares. An amount of 0 or less is basic, however few customers have more.

        Parameters
        ----------
        amounts
            Of the population; customers whose amount is missing are not counted.
        """
        known = np.sort(amounts[~np.isnan(amounts)])[::-1]
        total = np.cumsum(shares.as_tuple())
        return cls(_descending([_least(known, share * len(known)) for share in total.tolist()]))


def tiers(amounts: Floats, cuts: PyramidCuts) -> Names:
    """Return the tier of each customer; empty where the amount is missing."""
    limits = np.array(cuts.least)
    found: Names = np.array(TIERS, dtype=object)[(amounts[:, None] < limits).sum(axis=1)]
    found[np.isnan(amounts)] = ""
    return found


def _least(descending: Floats, wanted: float) -> float:
    """Return the amount from which on the number of customers is nearest to the one wanted."""
    place = min(max(math.ceil(wanted), 1), len(descending))
    if not place:
        return math.inf
    amount = descending[place - 1]
    with_it = int(np.searchsorted(-descending, -amount, side="right"))
    without = int(np.searchsorted(-descending, -amount, side="left"))
    if with_it - wanted > wanted - without:
        return float(descending[without - 1]) if without else math.inf
    return float(amount)


def _descending(limits: Sequence[float]) -> tuple[float, ...]:
    """Keep amounts of 0 or less out of the tiers above basic."""
    smallest = float(np.nextafter(0, 1))
    return tuple(max(limit, smallest) for limit in limits)
