"""The choice as a problem: gains, and what each option uses of the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints

#: The place of doing nothing.
NOTHING = -1
#: A cost below it costs nothing in a program: numbers of such sizes cannot be compared with others.
FREE = 1e-12
#: Sums of costs are rounded: a budget of 0.3 pays three contacts at 0.1.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Problem:
    """Customers who have an option, their options, and the limits.

    Attributes
    ----------
    gains
        Customers x actions; above 0, or -inf where the action is no option.
    costs
        Customers x actions; not negative, 0 where the action is no option.
    channels
        The place in `capacity` of each action's channel; -1 where it has no limit.
    budget
        Of all costs together; inf where it has no limit.
    capacity
        Contacts by limited channel.
    """

    gains: Floats
    costs: Floats
    channels: Ints
    budget: float
    capacity: Floats

    @classmethod
    def of(
        cls,
        gains: Floats,
        costs: Floats,
        channels: Sequence[str],
        allowed: npt.NDArray[np.bool_],
        limits: tuple[float | None, Mapping[str, int]],
    ) -> tuple["Problem", Ints]:
        """Leave out options that are not allowed or gain nothing, and customers without an option.

        Parameters
        ----------
        limits
            Budget, and capacity by channel.

        Returns
        -------
        The problem, and the places of its customers.
        """
        budget, capacity = limits
        names = [name for name in capacity if name in channels]
        with np.errstate(invalid="ignore"):
            options = allowed & (gains > 0) & np.isfinite(gains) & (costs <= _most(budget))
        options &= np.array([capacity.get(one, 1) > 0 for one in channels], dtype=np.bool_)
        rows = np.flatnonzero(options.any(axis=1))
        there = options[rows]
        problem = cls(
            np.asfortranarray(np.where(there, gains[rows], -np.inf)),
            np.asfortranarray(np.where(there, costs[rows], 0.0)),
            np.array([names.index(one) if one in names else NOTHING for one in channels], dtype="int64"),
            np.inf if budget is None else float(budget),
            np.array([max(0, capacity[name]) for name in names], dtype="float64"),
        )
        return problem, rows

    @property
    def customers(self) -> int:
        """How many have an option."""
        return len(self.gains)

    @property
    def limits(self) -> Floats:
        """The budget, then the capacities."""
        return np.concatenate([[self.budget], self.capacity])

    def reduced(self, prices: Floats) -> Floats:
        """Return what each option gains beyond what it uses of the limits, at the prices of the limits."""
        # a place of -1 takes the last entry, that of channels without a limit
        of_channels = np.concatenate([prices[1:], [0.0]])[self.channels]
        if prices[0] == 0:
            return np.asfortranarray(self.gains - of_channels)
        return np.asfortranarray(self.gains - prices[0] * self.costs - of_channels)

    def use(self, choice: Ints) -> Floats:
        """Return what a choice uses of each limit."""
        rows = np.flatnonzero(choice >= 0)
        taken = choice[rows]
        of_channel = self.channels[taken]
        contacts = np.bincount(of_channel[of_channel >= 0], minlength=len(self.capacity))
        return np.concatenate([[self.costs[rows, taken].sum()], contacts.astype("float64")])

    def total(self, choice: Ints) -> float:
        """Return the gain of a choice."""
        rows = np.flatnonzero(choice >= 0)
        return float(self.gains[rows, choice[rows]].sum())

    def fits(self, use: Floats) -> bool:
        """Return whether a use is within the limits."""
        return bool(np.all(use <= self.limits + slack(self.limits)))

    def part(self, rows: Ints, used: Floats) -> "Problem":
        """Return the problem of some customers, in what others leave of the limits."""
        left = np.maximum(self.limits - used, 0.0)
        return Problem(self.gains[rows], self.costs[rows], self.channels, float(left[0]), left[1:])


def _most(budget: float | None) -> float:
    """Return what one action may cost; an infinite cost is more than any budget."""
    return float(np.finfo("float64").max) if budget is None else budget + float(slack(np.array(budget)))


def slack(limit: Floats) -> Floats:
    """Return by how much sums of costs may differ from a limit because they are rounded."""
    return _ROUNDING * np.maximum(1.0, np.where(np.isfinite(limit), limit, 1.0))
