"""From feature rows, offline or online, to the columns of numbers that models read.

What depends on "now" is stored as a timestamp and becomes an age here, by the same code in training and in
serving, so that recency ages by itself between two materialisations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.arrays import Columns, Floats
from features.views import VIEWS

_DAY = 86_400.0
_YEAR = 365.2425


def columns_from_frame(frame: pd.DataFrame) -> Columns:
    """Take the numbers and moments of a point-in-time frame, moments in seconds since 1970; no texts, no arrays."""
    columns: Columns = {}
    for name, values in frame.items():
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            seconds = values.dt.as_unit("s").astype("int64").to_numpy(dtype="float64")
            columns[str(name)] = np.where(values.isna(), np.nan, seconds)
        elif pd.api.types.is_numeric_dtype(values.dtype):
            columns[str(name)] = values.to_numpy(dtype="float64", na_value=np.nan)
    return columns


def columns_from_vectors(vectors: Sequence[Mapping[str, Any]]) -> Columns:
    """Take the numbers and moments of online vectors; texts and arrays are left out."""
    if not vectors:
        return {}
    columns: Columns = {}
    for name in vectors[0]:
        answers = [vector[name] for vector in vectors]
        known = next((answer for answer in answers if answer is not None), np.nan)
        if isinstance(known, int | float):
            columns[name] = np.array(answers, dtype="float64")
    return columns


def ages() -> dict[str, str]:
    """Return the features that are ages in days, and the moments they are counted from."""
    return {age: moment for view in VIEWS for age, moment in view.ages.items()}


def _countdowns() -> dict[str, str]:
    return {name: moment for view in VIEWS for name, moment in view.countdowns.items()}


def with_ages(columns: Columns, moment: Floats) -> Columns:
    """Replace moments by ages, and add what views compute on demand.

    Parameters
    ----------
    columns
        Features of customers, with moments in seconds since 1970.
    moment
        The moment each row pretends to be at, in seconds since 1970.

    Returns
    -------
    The other columns; the `ages` and `countdowns` of every view, in days; what its `on_demand` returns; and the
    season as sine and cosine of the day of the year.
    """
    since, until = ages(), _countdowns()
    stored = {*since.values(), *until.values()}
    aged = {name: values for name, values in columns.items() if name not in stored}
    aged |= {
        age: (moment - columns[moment_name]) / _DAY for age, moment_name in since.items() if moment_name in columns
    }
    aged |= {
        name: (columns[moment_name] - moment) / _DAY for name, moment_name in until.items() if moment_name in columns
    }
    year = 2 * np.pi * moment / (_DAY * _YEAR)
    return on_demand(aged) | {"season_sin": np.sin(year), "season_cos": np.cos(year)}


def later(columns: Columns, days: float) -> Columns:
    """Return the features of the same customers some days later without an event; the season stays."""
    older = dict(columns)
    older |= {name: older[name] + days for name in ages() if name in older}
    older |= {name: older[name] - days for name in _countdowns() if name in older}
    return on_demand(older)


def on_demand(columns: Columns) -> Columns:
    """Add what views compute from other features of theirs."""
    computed = dict(columns)
    for view in VIEWS:
        if view.on_demand is not None:
            computed |= view.on_demand(computed)
    return computed
