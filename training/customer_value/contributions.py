"""What each input adds to the logarithm of an amount: Shapley values of the start, and TreeSHAP of the trees on top.

The start is a closed formula of four quantities, so that its Shapley values (Shapley, *A Value for n-Person Games*,
1953) are computed exactly, over all sixteen subsets. A quantity that is left out has the values of typical customers,
one after the other, as in Lundberg and Lee, *A Unified Approach to Interpreting Model Predictions* (2017).
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np

from core.arrays import Columns, Floats
from training.customer_value.model import ValueModel, with_purchases

#: The quantities of the start: the input that a contribution is written to, and all inputs that change with it. How
#: often somebody has bought says nothing without the time that it took.
QUANTITIES = {
    "baskets_total": ("baskets_total", "tenure_days"),
    "recency_days": ("recency_days",),
    "amount_total": ("amount_total",),
    "amount_84d": ("amount_84d",),
}


def log_amounts(model: ValueModel, inputs: Floats) -> Floats:
    """Return the logarithm of the amount of each row of inputs."""
    start = model.start.amount(_columns(model, inputs))
    amounts: Floats = np.log(model.amounts.corrected(start, inputs))
    return amounts


def contributions(model: ValueModel, inputs: Floats) -> Floats:
    """Return what each input adds, rows x (features + 1); the last column is the base value.

    Each row sums to what `log_amounts` returns. Rows are of customers with a purchase.
    """
    columns = _columns(model, inputs)
    start = model.start.amount(columns)
    values = model.amounts.contributions(start, inputs)
    shares, base = _of_start(model, columns, len(inputs))
    for name, share in shares.items():
        values[:, model.features.index(name)] += share
    # the trees' base value holds the whole start
    values[:, -1] += base - np.log(start)
    return values


def _columns(model: ValueModel, inputs: Floats) -> Columns:
    named = {name: inputs[:, place] for place, name in enumerate(model.features)}
    return with_purchases(named, len(inputs))


def _of_start(model: ValueModel, columns: Columns, rows: int) -> tuple[dict[str, Floats], float]:
    """Return the Shapley value of each quantity that the model reads, and the mean of typical customers."""
    names = [name for name in QUANTITIES if name in model.features]
    typical = _columns(model, model.background)
    worth = {
        known: _known(model, columns, typical, rows, known)
        for size in range(len(names) + 1)
        for known in combinations(names, size)
    }
    shares = {name: np.zeros(rows) for name in names}
    for known, value in worth.items():
        for name in set(names) - set(known):
            joined = tuple(one for one in names if one == name or one in known)
            weight = factorial(len(known)) * factorial(len(names) - len(known) - 1) / factorial(len(names))
            shares[name] += weight * (worth[joined] - value)
    return shares, float(worth[()][0]) if rows else 0.0


def _known(model: ValueModel, columns: Columns, typical: Columns, rows: int, known: Sequence[str]) -> Floats:
    """Return the mean logarithm of the start where customers have their own values of some quantities only."""
    own = {name for quantity in known for name in QUANTITIES[quantity]}
    several = len(model.background)
    mixed = {
        name: np.repeat(values, several) if name in own else np.tile(typical[name], rows)
        for name, values in columns.items()
        if name in typical
    }
    means: Floats = np.log(model.start.amount(mixed)).reshape(rows, several).mean(axis=1)
    return means
