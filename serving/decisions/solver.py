"""One action or nothing for each customer, so that the total gain is highest within budget and capacity.

This is a multiple-choice knapsack with as many knapsacks as there are limits. The prices of the limits decide nearly
all customers; those few whose best two options are about equal at these prices are then decided exactly, in what the
others leave (the core of Pisinger 1995, A minimal algorithm for the multiple-choice knapsack problem, European Journal
of Operational Research 83(2), 394-410). Few customers are a core as a whole.

Equal choices: an action before those in later columns, a customer before those in later rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from serving.decisions.dual import Dual, find_prices
from serving.decisions.exact import solve_exactly
from serving.decisions.problem import NOTHING, Problem
from serving.decisions.repair import fill, in_order, regret

#: Customers who are decided exactly.
_CORE = 300
#: The share of the total that the exact choice of the core may miss.
_MISSED = 1e-6
#: An exact choice takes the place of another one where it gains more by this share.
_BETTER = 1e-9


@dataclass(frozen=True)
class Prices:
    """What a unit of each limit is worth in gain: an action is worth its reduced gain, `gain - price x use`.

    Attributes
    ----------
    budget
        Of one unit of money; 0 where the budget does not bind.
    channels
        Of one contact, by channel; a channel that is not there, or does not bind, has none.
    """

    budget: float = 0.0
    channels: Mapping[str, float] = field(default_factory=dict)

    def reduced(self, gains: Floats, costs: Floats, channels: Sequence[str]) -> Floats:
        """Return the reduced gain of each action, customers x actions; `channels` are those of the actions."""
        of_channels = np.array([self.channels.get(one, 0.0) for one in channels], dtype="float64")
        reduced: Floats = gains - self.budget * costs - of_channels
        return reduced


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
        missing = self.bound - self.total
        return missing / self.bound if missing > _BETTER * abs(self.bound) else 0.0

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
        Of all costs together; None is no limit. It counts as kept where it is exceeded by a rounding error alone.
    capacity
        Most contacts by channel; a channel that is not there has no limit.
    """
    problem, rows = Problem.of(gains, costs, channels, allowed, (budget, capacity))
    limited = [name for name in capacity if name in channels]
    if not len(rows):
        return Solution(np.full(len(gains), NOTHING, dtype="int64"), 0.0, 0.0, 0.0, dict.fromkeys(limited, 0.0))
    dual = find_prices(problem)
    found, bound = _choose(problem, dual)
    choice = np.full(len(gains), NOTHING, dtype="int64")
    choice[rows] = found
    total = problem.total(found)
    prices = dict(zip(limited, dual.prices[1:].tolist(), strict=True))
    return Solution(choice, total, max(total, bound), float(dual.prices[0]), prices)


def _choose(problem: Problem, dual: Dual) -> tuple[Ints, float]:
    """Return a choice, and the bound of its total."""
    choice = fill(problem, dual.prices)
    if problem.total(choice) >= dual.bound * (1 - _BETTER):
        return choice, dual.bound
    core = _core(problem, dual, choice)
    others = choice.copy()
    others[core] = NOTHING
    best = solve_exactly(problem.part(core, problem.use(others)), choice[core], _MISSED * dual.bound)
    bound = min(dual.bound, best.bound) if len(core) == problem.customers else dual.bound
    better = others.copy()
    better[core] = best.choice
    if np.array_equal(better, choice) or not problem.fits(problem.use(better)):
        return choice, bound
    return in_order(problem, better, core), bound


def _core(problem: Problem, dual: Dual, choice: Ints) -> Ints:
    """Return the customers, in order, who are to be decided exactly.

    These are the ones whom the limits kept from a better option, by how much it is better, and the ones whose best two
    options are the nearest to each other at the prices: half of the core each.
    """
    if problem.customers <= _CORE:
        return np.arange(problem.customers)
    lead = regret(problem.reduced(dual.prices), choice)
    kept_from = np.argsort(lead, kind="stable")[: _CORE // 2]
    near = np.argsort(np.abs(lead), kind="stable")[:_CORE]
    return np.sort(np.concatenate([kept_from, near[~np.isin(near, kept_from)]])[:_CORE])
