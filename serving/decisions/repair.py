"""A choice within the limits, from the prices of the limits.

At the right prices nearly all customers may have the option that is best for them. Where more want an option than the
limits allow, those go first who would lose most without it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from serving.decisions.problem import NOTHING, Problem, slack

#: Rounds of acceptance, at most; each accepts at least one customer.
_MOST_ROUNDS = 200


def regret(reduced: Floats, choice: Ints) -> Floats:
    """Return by how much the choice of each customer is better than the best other one, at the prices.

    Doing nothing is another one, worth 0. It is negative where the limits kept a customer from the better one.
    """
    rows = np.arange(len(choice))
    taken = choice >= 0
    own = np.where(taken, reduced[rows, np.maximum(choice, 0)], 0.0)
    others = reduced.copy(order="F")
    others[rows[taken], choice[taken]] = -np.inf
    best: Floats = own - np.maximum(others.max(axis=1, initial=-np.inf), np.where(taken, 0.0, -np.inf))
    return best


def fill(problem: Problem, prices: Floats) -> Ints:
    """Return a choice within the limits: first by reduced gains of 0 and more, then what is left of the limits."""
    filling = _Filling(problem, problem.reduced(prices))
    filling.run(least=0.0)
    filling.run(least=-np.inf)
    return filling.choice


class _Filling:
    """Accepts options of customers while the limits last."""

    def __init__(self, problem: Problem, reduced: Floats) -> None:
        self._problem = problem
        self._reduced = reduced
        self._left = problem.limits + slack(problem.limits)
        self.choice = np.full(problem.customers, NOTHING, dtype="int64")

    def run(self, least: float) -> None:
        """Accept options with a reduced gain of at least this, in rounds, until none is left that fits."""
        for _ in range(_MOST_ROUNDS):
            waiting = self._waiting(least)
            if not len(waiting.rows):
                return
            self._accept(waiting)

    def _waiting(self, least: float) -> "_Waiting":
        """Return the customers without an action who have an option that fits, those who would lose most first."""
        rows = np.flatnonzero(self.choice < 0)
        reduced = self._reduced[rows]
        with np.errstate(invalid="ignore"):
            closed = self._problem.costs[rows] > self._left[0]
        full = np.flatnonzero(self._left[1:] < 1)
        closed |= np.isin(self._problem.channels, full)[None, :]
        reduced[closed | (reduced < least)] = -np.inf
        there = np.flatnonzero(np.isfinite(reduced).any(axis=1))
        rows, reduced = rows[there], reduced[there]
        option = reduced.argmax(axis=1)
        loss = regret(reduced, option) if least == 0.0 else reduced.max(axis=1, initial=-np.inf)
        order = np.argsort(-loss, kind="stable")
        return _Waiting(rows[order], option[order])

    def _accept(self, waiting: "_Waiting") -> None:
        """Accept in order: as many of each channel as it has left, and of these as far as the budget reaches."""
        of_channel = self._problem.channels[waiting.option]
        fits = np.ones(len(of_channel), dtype=np.bool_)
        for place, left in enumerate(self._left[1:]):
            among = of_channel == place
            fits[among] = np.cumsum(among)[among] <= left
        costs = self._problem.costs[waiting.rows, waiting.option]
        fits &= np.cumsum(np.where(fits, costs, 0.0)) <= self._left[0]
        taken = np.where(fits, waiting.option, NOTHING)
        self.choice[waiting.rows[fits]] = taken[fits]
        self._left[0] -= costs[fits].sum()
        for place in range(len(self._left) - 1):
            self._left[1 + place] -= np.count_nonzero(fits & (of_channel == place))


@dataclass(frozen=True)
class _Waiting:
    """Places of customers, and the option that each would have next."""

    rows: Ints
    option: Ints


def rows_alike(problem: Problem, rows: Ints) -> list[Ints]:
    """Return groups of customers, in order, whose options are the same in gain and cost."""
    both = np.column_stack([problem.gains[rows], problem.costs[rows]])
    _, group = np.unique(both, axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    return [rows[places] for places in np.split(order, ends) if len(places) > 1]


def in_order(problem: Problem, choice: Ints, rows: Ints) -> Ints:
    """Give the actions of customers who are alike to the first of them, in the order of the actions."""
    sorted_choice: npt.NDArray[np.int64] = choice.copy()
    for alike in rows_alike(problem, rows):
        own = choice[alike]
        sorted_choice[alike] = own[np.argsort(np.where(own < 0, len(problem.channels), own), kind="stable")]
    return sorted_choice
