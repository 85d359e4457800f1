"""Computes a decision again from what is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Ints
from serving.decisions.actions import Action
from serving.decisions.choosing import choose
from serving.decisions.records import DecisionRecords, Run
from serving.decisions.rows import effects_in, matrix_in, places_in, stakes_in
from serving.decisions.worth import ActionWorth, worth_of
from serving.segments.values import Mask

#: What rounding may add up to, as a share of the total.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Replayed:
    """What a replay found.

    Attributes
    ----------
    customers
        Who are still kept.
    erased
        Customers who were removed since.
    gains, choices
        Customers whose gains, or whose choice, came out differently.
    """

    run: str
    customers: int
    erased: int
    gains: int
    choices: int

    @property
    def holds(self) -> bool:
        """Whether everything came out as it was decided."""
        return self.gains == 0 and self.choices == 0


def replay(records: DecisionRecords, name: str) -> Replayed:
    """Compute gains and choice again.

    Gains are computed from what was at stake and from the effects, and the choice from the gains and the limits. After
    an erasure the choice of others would be another one, as more is left of the limits for them. Then it is shown that
    what the others gain less than they could at the prices of the run is no more than the run may have missed: with
    the loss of a customer, the highest reduced gain less that of the choice, the bound of the run less its total is the
    sum of all losses and of what the limits that were left are worth.

    Raises
    ------
    DataError
        If there is no run of this name.
    """
    run, table = records.run(name), records.rows(name)
    actions = [run.decisions.actions[one.action] for one in run.sources]
    worth = worth_of(actions, stakes_in(table), effects_in(table, run.sources))
    computed = (("gain", worth.gain), ("cost", worth.cost))
    same = [_same(matrix_in(table, value, run.sources), one) for value, one in computed]
    choice = places_in(table, "choice", actions)
    allowed = matrix_in(table, "code", run.sources) == 0
    erased = int(run.body["totals"]["customers"]) - table.num_rows
    if erased:
        others = _unexplained(run, actions, worth, choice, allowed)
    else:
        again = choose(actions, worth, allowed, run.limits.budget, run.limits.capacity)
        others = np.flatnonzero(again.choice != choice)
    return Replayed(name, table.num_rows, erased, int((~np.logical_and(*same)).sum()), len(others))


def _same(kept: Floats, computed: Floats) -> Mask:
    """Return for each customer whether all numbers are the same, or missing in both."""
    same: Mask = ((kept == computed) | (np.isnan(kept) & np.isnan(computed))).all(axis=1)
    return same


def _unexplained(run: Run, actions: list[Action], worth: ActionWorth, choice: Ints, allowed: Mask) -> Ints:
    """Return the customers whose choice the prices of a run do not explain."""
    channels = [action.channel for action in actions]
    option = allowed & (worth.gain > 0)
    reduced: Floats = np.where(option, run.prices.reduced(worth.gain, worth.cost, channels), -np.inf)
    rows = np.arange(len(choice))
    own = np.where(choice >= 0, reduced[rows, np.maximum(choice, 0)], 0.0)
    loss = np.maximum(reduced.max(axis=1, initial=0.0), 0.0) - own
    totals: Mapping[str, float] = run.body["totals"]
    missed = totals["bound"] - totals["gain"] + _ROUNDING * abs(totals["bound"])
    # an option that is not allowed has an infinite loss
    places = np.flatnonzero(loss > missed)
    return places if loss[loss <= missed].sum() <= missed else np.flatnonzero(loss > 0)
