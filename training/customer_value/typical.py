"""Typical customers, who represent all where the model is asked for its forecast without a theme."""

import numpy as np

from core.arrays import Floats, matrix
from training.customer_value.dataset import ValueSet
from training.customer_value.start import Start, with_purchases

#: Groups of customers, at most, and customers of one, at least.
_TYPICAL, _LEAST = 12, 5


def typical_customers(rows: ValueSet, start: Start, features: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    """Return typical customers, groups x features: the medians of customers whose amounts are alike.

    They represent all customers where the model is asked for its forecast without a theme. None of them is a person.
    """
    amounts = start.amount(with_purchases(rows.columns, len(rows)))
    inputs = matrix(rows.columns, features, len(rows))
    everyone = _medians(inputs)
    groups = np.array_split(np.argsort(amounts, kind="stable"), max(1, min(_TYPICAL, len(rows) // _LEAST)))
    found = []
    for group in groups:
        own = _medians(inputs[group])
        found.append(tuple(np.where(np.isnan(own), everyone, own).tolist()))
    return tuple(found)


def _medians(inputs: Floats) -> Floats:
    """Return the median of each column; NaN where it is missing in every row."""
    known = ~np.isnan(inputs).all(axis=0)
    medians = np.full(inputs.shape[1], np.nan)
    medians[known] = np.nanmedian(inputs[:, known], axis=0)
    return medians
