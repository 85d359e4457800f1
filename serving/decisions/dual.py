"""The prices of the limits: those at which customers, each choosing alone, use no more than there is.

The Lagrangian dual of the choice is

    D(p) = p . limits + sum over customers of max(0, max over options of gain - p . use),   p >= 0

Every D(p) is a bound of the best total (Fisher 1981, The Lagrangian Relaxation Method for Solving Integer Programming
Problems, Management Science 27(1), 1-18). D is convex and linear in pieces, in as many prices as there are limits: its
least value is found by cutting planes inside a box around the best prices so far (Marsten, Hogan and Blankenship 1975,
The BOXSTEP Method for Large-Scale Optimization, Operations Research 23(3), 389-405).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from core.arrays import Floats
from serving.decisions.problem import FREE, Problem

#: Above as many customers, prices of a sample are a start.
_SAMPLED = 40_000
#: Customers of the sample.
_SAMPLE = 20_000
#: The share of the value that the least one may be missed by.
_TOLERANCE = 1e-7
#: How near to those of the sample the prices of all are looked for first, as a share of them.
_NEAR = 0.03
#: A cost is nearly nothing that is below this share of the highest.
_CHEAP = 1e-9
#: Prices that are looked at, at most.
_MOST_STEPS = 150
#: A step counts that lowers the value by this share of what the planes promise.
_ENOUGH = 0.1


@dataclass(frozen=True)
class Dual:
    """Prices of the limits, and the bound that they give.

    Attributes
    ----------
    prices
        Of the budget, then of the channels.
    bound
        No choice gains more.
    """

    prices: Floats
    bound: float


@dataclass(frozen=True)
class _Point:
    """Prices with their value, and a slope of D there."""

    prices: Floats
    value: float
    slope: Floats


def find_prices(problem: Problem) -> Dual:
    """Return the prices with the least bound."""
    start, width = np.zeros(1 + len(problem.capacity)), _highest(problem)
    if problem.customers > _SAMPLED:
        rows = np.sort(np.random.default_rng(0).choice(problem.customers, _SAMPLE, replace=False))
        share = _SAMPLE / problem.customers
        few = Problem(
            np.asfortranarray(problem.gains[rows]),
            np.asfortranarray(problem.costs[rows]),
            problem.channels,
            problem.budget * share,
            problem.capacity * share,
        )
        start = _Search(few).run(start, width).prices
        width = _NEAR * start + _NEAR**2 * width
    found = _Search(problem).run(start, width)
    return Dual(found.prices, found.value)


class _Search:
    """Cutting planes in a box that moves with the best prices."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._limits = np.where(np.isfinite(problem.limits), problem.limits, 0.0)
        self._most = _highest(problem)
        self._planes: list[_Point] = []

    def run(self, start: Floats, width: Floats) -> _Point:
        """Return the point with the least value that was found.

        Parameters
        ----------
        width
            Of the first box, from the start to each side.
        """
        best = self._look(np.minimum(start, self._most))
        for _ in range(_MOST_STEPS):
            prices, promised = self._lowest_of_planes(best, width)
            # where the planes promise nothing in a box around a point, a convex function has its least value there
            if best.value - promised <= _TOLERANCE * abs(best.value):
                break
            point = self._look(prices)
            if best.value - point.value >= _ENOUGH * (best.value - promised):
                width, best = 2 * width, point
            else:
                width = width / 2
                best = min(best, point, key=lambda one: one.value)
        return best

    def _look(self, prices: Floats) -> _Point:
        """Compute the value and a slope at some prices, and keep the plane."""
        reduced = self._problem.reduced(prices)
        choice = reduced.argmax(axis=1)
        best = np.take_along_axis(reduced, choice[:, None], axis=1)[:, 0]
        use = self._problem.use(np.where(best > 0, choice, -1))
        value = float(prices @ self._limits + np.maximum(best, 0.0).sum())
        point = _Point(prices, value, np.where(self._most > 0, self._limits - use, 0.0))
        self._planes.append(point)
        return point

    def _lowest_of_planes(self, best: _Point, width: Floats) -> tuple[Floats, float]:
        """Return where the planes are lowest in a box around a point, and how low."""
        scale = np.where(self._most > 0, self._most, 1.0)
        slopes = np.array([one.slope * scale for one in self._planes])
        at_zero = np.array([one.value - one.slope @ one.prices for one in self._planes])
        size = max(abs(best.value), 1e-300)
        low = np.maximum(best.prices - width, 0.0) / scale
        high = np.minimum(best.prices + width, self._most) / scale
        found = linprog(
            np.append(np.zeros(len(scale)), 1.0),
            A_ub=np.column_stack([slopes / size, -np.ones(len(slopes))]),
            b_ub=-at_zero / size,
            bounds=[*zip(low, np.maximum(low, high), strict=True), (None, None)],
            method="highs",
        )
        if found.x is None:  # numbers of such sizes that the planes cannot be compared
            return best.prices, best.value
        return found.x[:-1] * scale, float(found.x[-1]) * size


def _highest(problem: Problem) -> Floats:
    """Return prices at which nothing is chosen that uses a limit; 0 for a limit that there is not."""
    highest = np.zeros(1 + len(problem.capacity))
    gains = np.where(np.isfinite(problem.gains), problem.gains, 0.0)
    if not problem.customers:
        return highest
    if np.isfinite(problem.budget):
        # a price that keeps from what costs nearly nothing would be too high to compare with others
        paid = problem.costs > max(_CHEAP * float(problem.costs.max()), FREE)
        highest[0] = (gains[paid] / problem.costs[paid]).max(initial=0.0)
    for place in range(len(problem.capacity)):
        highest[1 + place] = gains[:, problem.channels == place].max(initial=0.0)
    return highest
