"""From feature rows, offline or online, to the columns of numbers that models read.

What depends on "now" is stored as a timestamp and becomes an age here, by the same code in training and in
serving, so that recency ages by itself between two materialisations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
#: Aligned columns of numbers by feature name; NaN where a feature is missing, seconds since 1970 for moments.
Columns = dict[str, Floats]

_DAY = 86_400.0
_YEAR = 365.2425
#: Ages in days, and the moments they are counted from.
AGES = {
    "recency_days": "last_purchase",
    "tenure_days": "first_purchase",
    "days_since_redemption": "last_redemption",
    "days_since_contact": "last_contact",
    "days_since_visit": "last_visit",
    "contract_age_days": "contract_start",
    "contracts_tenure_days": "first_contract",
}
_CONTRACT_END = "contract_end"
#: What is said of a running contract, and is missing once it is over.
_RUNNING = (
    "contract_age_days",
    "contract_cancelled",
    "contract_price",
    "contract_price_change",
    "days_to_contract_end",
)


def columns_from_frame(frame: pd.DataFrame) -> Columns:
    """Take the numbers and moments of a point-in-time frame; texts and arrays are left out."""
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


def with_ages(columns: Columns, moment: Floats) -> Columns:
    """Replace moments by ages, and set the age of the last purchase against the customer's own habit.

    Parameters
    ----------
    columns
        Columns of `churn_v1`, with moments in seconds since 1970.
    moment
        The moment each row pretends to be at, in seconds since 1970.

    Returns
    -------
    The other columns, and those of `AGES`; `recency_over_gap` (recency over the customer's mean gap between
    purchase days) and `recency_over_p90` (over the gap that nine in ten of theirs stay below);
    `days_to_contract_end`, missing like all else about the contract once it is over; and the season as sine and
    cosine of the day of the year.
    """
    aged = {name: values for name, values in columns.items() if name not in {*AGES.values(), _CONTRACT_END}}
    aged |= {age: (moment - columns[of]) / _DAY for age, of in AGES.items() if of in columns}
    if _CONTRACT_END in columns:
        aged["days_to_contract_end"] = (columns[_CONTRACT_END] - moment) / _DAY
        over = aged["days_to_contract_end"] < 0
        aged |= {name: np.where(over, np.nan, aged[name]) for name in _RUNNING if name in aged}
    aged |= overdue(aged)
    year = 2 * np.pi * moment / (_DAY * _YEAR)
    return aged | {"season_sin": np.sin(year), "season_cos": np.cos(year)}


def overdue(columns: Columns) -> Columns:
    """Set the age of the last purchase against the gaps the customer usually leaves."""
    return {
        f"recency_over_{name}": columns["recency_days"] / columns[gap]
        for name, gap in (("gap", "gap_mean"), ("p90", "gap_p90"))
        if gap in columns
    }


def matrix(columns: Columns, features: Sequence[str], rows: int) -> Floats:
    """Stack features to rows x features; a feature the columns lack is missing in every row."""
    absent = np.full(rows, np.nan)
    return np.column_stack([columns.get(name, absent) for name in features])
