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
from training.customer_value.model import ValueModel
from training.customer_value.start import START_COLUMNS

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
    """Return what the start reads of inputs."""
    named = {name: inputs[:, place] for place, name in enumerate(model.features)}
    return {name: named[name] for name in START_COLUMNS if name in named} | {
        name: np.full(len(inputs), np.nan) for name in START_COLUMNS if name not in named
    }


def _of_start(model: ValueModel, columns: Columns, rows: int) -> tuple[dict[str, Floats], float]:
    """Return the Shapley value of each quantity that the model reads, and the mean of typical customers."""
    names = [name for name in QUANTITIES if name in model.features]
    subsets = [frozenset(known) for size in range(len(names) + 1) for known in combinations(names, size)]
    worth = dict(zip(subsets, _known(model, columns, rows, subsets), strict=True))
    shares = {name: np.zeros(rows) for name in names}
    for known, value in worth.items():
        for name in set(names) - known:
            weight = factorial(len(known)) * factorial(len(names) - len(known) - 1) / factorial(len(names))
            shares[name] += weight * (worth[known | {name}] - value)
    return shares, float(worth[frozenset()][0]) if rows else 0.0


def _known(model: ValueModel, columns: Columns, rows: int, subsets: Sequence[frozenset[str]]) -> Floats:
    """Return the mean logarithm of the start where customers have their own values of some quantities only.

    Returns
    -------
    Subsets x rows: every subset with every typical customer, in one forecast.
    """
    typical = _columns(model, model.background)
    several = len(model.background)
    mixed = {}
    for name, values in columns.items():
        own, others = np.repeat(values, several), np.tile(typical[name], rows)
        is_own = [any(name in QUANTITIES[quantity] for quantity in known) for known in subsets]
        mixed[name] = np.concatenate([own if mine else others for mine in is_own])
    means: Floats = np.log(model.start.amount(mixed)).reshape(len(subsets), rows, several).mean(axis=2)
    return means
