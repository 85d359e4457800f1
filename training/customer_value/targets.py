"""What the trees of each forecast learn from, and what they correct."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Columns, Floats, Rows, matrix
from core.errors import DataError
from training.customer_value.dataset import ValueSet
from training.customer_value.model import AMOUNT, NEXT, ORDERS
from training.customer_value.start import (
    ALIVE,
    OVERDUE,
    SHIFT_DAYS,
    Start,
    fit_start,
    next_start,
    rhythm,
    with_purchases,
)

#: Amounts and orders above this quantile count as it, so that a single customer does not make a leaf.
CAP = 0.995
#: A start may be exceeded this many times before the cap holds.
_ABOVE_START = 2.0


@dataclass(frozen=True)
class Target:
    """What trees are grown for. One entry a row.

    Attributes
    ----------
    truth
        In the unit of the forecast.
    learned
        What the trees are fitted to: the truth with its highest values cut, or its logarithm.
    start
        The forecast that is corrected, above 0.
    inputs
        Rows x features.
    """

    objective: str
    truth: Floats
    learned: Floats
    start: Floats
    inputs: Floats
    weights: Floats
    names: tuple[str, ...]

    def at(self, rows: Rows) -> "Target":
        """Return some rows."""
        return Target(
            self.objective,
            self.truth[rows],
            self.learned[rows],
            self.start[rows],
            self.inputs[rows],
            self.weights[rows],
            self.names,
        )


def starts_of(train: ValueSet, horizon_days: int) -> tuple[Start, Columns]:
    """Fit a start at each snapshot; return that of the newest, and columns with what each says of its own rows."""
    columns = with_purchases(train.columns, len(train))
    found: Columns = {name: np.full(len(train), np.nan) for name in (AMOUNT, ORDERS, NEXT, OVERDUE, ALIVE)}
    start = None
    for moment in np.unique(train.snapshots):
        rows = train.snapshots == moment
        own = {name: values[rows] for name, values in columns.items()}
        try:
            start = fit_start(own, horizon_days)
        except ValueError as error:
            raise DataError(
                f"Expected order lines with an amount above 0 before {moment.astype('datetime64[D]')}, found none.",
                "Map transactions.amount, or correct its sign.",
            ) from error
        found[AMOUNT][rows], found[ORDERS][rows] = start.amount(own), start.orders(own)
        found[NEXT][rows] = next_start(start, own)
        of_rhythm = rhythm(start, own)
        found[OVERDUE][rows], found[ALIVE][rows] = of_rhythm[OVERDUE], of_rhythm[ALIVE]
    if start is None:
        raise DataError(
            "Expected customers with a purchase at the training snapshots, found none.", "Supply more data."
        )
    return start, found


def targets_of(train: ValueSet, starts: Columns, features: tuple[str, ...]) -> dict[str, Target]:
    """Return what each of the forecasts is learned from."""
    inputs = matrix(train.columns, features, len(train))
    with_rhythm = np.column_stack([inputs, starts[OVERDUE], starts[ALIVE]])
    found = {}
    for name, truth in ((AMOUNT, train.spent), (ORDERS, train.orders)):
        start = starts[name]
        cap = max(float(np.quantile(truth, CAP)), float(np.finfo("float64").tiny))
        # a very large customer is learned from without a bias, and weighs no more than one at the cap
        learned = np.minimum(truth, np.maximum(cap, _ABOVE_START * start))
        weights = np.minimum(1.0, cap / start)
        found[name] = Target("poisson", truth, learned, start, inputs, weights, features)
    days = train.next_days + SHIFT_DAYS
    found[NEXT] = Target(
        "regression_l1", days, np.log(days), starts[NEXT], with_rhythm, np.ones(len(days)), (*features, OVERDUE, ALIVE)
    )
    return found
