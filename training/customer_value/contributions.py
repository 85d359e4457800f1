"""What each quantity adds to the logarithm of the start of an amount: exact Shapley values.

The start is a closed formula of four quantities, so that its Shapley values (Shapley, *A Value for n-Person Games*,
1953) are computed over all sixteen subsets. A quantity that is left out has the values of typical customers, one after
the other, as in Lundberg and Lee, *A Unified Approach to Interpreting Model Predictions* (2017).
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np

from core.arrays import Columns, Floats
from training.customer_value.start import Start

#: The quantities of the start: the input that a contribution is written to, and all inputs that change with it. How
#: often somebody has bought says nothing without the time that it took.
QUANTITIES = {
    "baskets_total": ("baskets_total", "tenure_days"),
    "recency_days": ("recency_days",),
    "amount_total": ("amount_total",),
    "amount_84d": ("amount_84d",),
}
#: All inputs of the start of an amount.
READ = tuple(name for changed in QUANTITIES.values() for name in changed)


def start_contributions(start: Start, columns: Columns, typical: Columns) -> tuple[dict[str, Floats], float]:
    """Return what quantities add to the logarithm of the start of each customer, and the mean of typical customers.

    What is added and the mean sum to the logarithm.

    Parameters
    ----------
    columns, typical
        Of customers with a purchase, and of typical customers: `READ`.
    """
    every = len(QUANTITIES)
    subsets = [frozenset(known) for size in range(every + 1) for known in combinations(QUANTITIES, size)]
    worth = dict(zip(subsets, _known(start, columns, typical, subsets), strict=True))
    rows = len(columns[READ[0]])
    shares = {name: np.zeros(rows) for name in QUANTITIES}
    for known, value in worth.items():
        for name in QUANTITIES.keys() - known:
            weight = factorial(len(known)) * factorial(every - len(known) - 1) / factorial(every)
            shares[name] += weight * (worth[known | {name}] - value)
    return shares, float(worth[frozenset()][0]) if rows else 0.0


def _known(start: Start, columns: Columns, typical: Columns, subsets: Sequence[frozenset[str]]) -> Floats:
    """Return the mean logarithm of the start where customers have their own values of some quantities only.

    Returns
    -------
    Subsets x rows: every subset with every typical customer, in one forecast.
    """
    rows, several = (len(one[READ[0]]) for one in (columns, typical))
    mixed = {}
    for name in READ:
        own, others = np.repeat(columns[name], several), np.tile(typical[name], rows)
        is_own = [any(name in QUANTITIES[quantity] for quantity in known) for known in subsets]
        mixed[name] = np.concatenate([own if mine else others for mine in is_own])
    means: Floats = np.log(start.amount(mixed)).reshape(len(subsets), rows, several).mean(axis=2)
    return means
