"""The best choice of few customers, by a mixed-integer program that HiGHS solves."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from core.arrays import Floats, Ints
from core.output import native_output_as_errors
from serving.decisions.problem import FREE, NOTHING, Problem

#: Nodes of the search, at most: a number of seconds would make decisions depend on the machine.
_MOST_NODES = 1_000
#: A binary variable above it is 1.
_HALF = 0.5


@dataclass(frozen=True)
class Best:
    """A choice, and what no choice gains more than."""

    choice: Ints
    bound: float


def solve_exactly(problem: Problem, known: Ints, missed: float) -> Best:
    """Return the best choice, or the known one where no better one was found.

    Parameters
    ----------
    known
        A choice within the limits.
    missed
        The gain that the best choice may miss.
    """
    rows, actions = np.nonzero(np.isfinite(problem.gains))
    if not len(rows):
        return Best(known, 0.0)
    gains, total = problem.gains[rows, actions], problem.total(known)
    uses, most = _limits(problem, rows, actions)
    unit = float(gains.max())
    with native_output_as_errors():  # HiGHS prints remarks there even if it is asked for none
        found = milp(
            -gains / unit,
            integrality=np.ones(len(gains), dtype=np.int64),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(uses, -np.inf, most),
            options={"node_limit": _MOST_NODES, "mip_rel_gap": missed / max(total, missed)},
        )
    bound = found.mip_dual_bound
    highest = np.inf if bound is None else max(float(-bound) * unit, total)
    if found.x is None:
        return Best(known, highest)
    options = np.flatnonzero(found.x > _HALF)
    choice = np.full(problem.customers, NOTHING, dtype="int64")
    choice[rows[options]] = actions[options]
    # it has tolerances of its own
    is_better = problem.fits(problem.use(choice)) and problem.total(choice) > total + missed
    return Best(choice if is_better else known, highest)


def _limits(problem: Problem, rows: Ints, actions: Ints) -> tuple[csr_array, Floats]:
    """Return what each option uses: of its customer, of the budget, and of its channel; and how much there is."""
    options, customers = np.arange(len(rows)), problem.customers
    costs, channels = problem.costs[rows, actions], problem.channels[actions]
    limited = np.flatnonzero(channels >= 0)
    places = [rows, np.full(len(rows), customers), customers + 1 + channels[limited]]
    # costs as shares of the highest, so that tolerances of the solver mean the same in any currency
    unit = max(float(costs.max()), FREE)
    used = [np.ones(len(rows)), costs / unit, np.ones(len(limited))]
    table = coo_array(
        (np.concatenate(used), (np.concatenate(places), np.concatenate([options, options, options[limited]]))),
        shape=(customers + 1 + len(problem.capacity), len(rows)),
    )
    most = np.concatenate([np.ones(customers), [problem.budget / unit], problem.capacity])
    return csr_array(table), most
