"""Texts as model inputs: the place of a value among those that were learned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats
from features.vectors import columns_from_frame, columns_from_vectors, with_ages
from features.views.profile import ATTRIBUTE

#: Aligned texts by feature name; None where one is missing.
Texts = dict[str, npt.NDArray[np.object_]]
#: The values of each text feature, the most frequent first; a value's place is its code.
Categories = dict[str, tuple[str, ...]]

#: Values that are less frequent than the first 100 count as unknown.
_MOST = 100


def attribute_texts(values: Mapping[str, Sequence[Any]] | pd.DataFrame, attributes: Sequence[str]) -> Texts:
    """Take the texts of some attributes from a point-in-time frame or an online answer."""
    names = [ATTRIBUTE + name for name in attributes if ATTRIBUTE + name in values]
    return _texts({name: list(values[name]) for name in names})


def model_columns(rows: pd.DataFrame | Sequence[Mapping[str, Any]], moments: Floats, categories: Categories) -> Columns:
    """Return everything a model may read of customers: numbers, ages, and attributes as codes.

    The one place where model inputs are assembled, for training, tiers and answers.

    Parameters
    ----------
    rows
        A point-in-time frame, or the online vectors of customers; at least one.
    moments
        The moment each row is at, in seconds since 1970.
    categories
        The attributes that were learned, by feature name.
    """
    if isinstance(rows, pd.DataFrame):
        numbers = columns_from_frame(rows.drop(columns=["event_timestamp"], errors="ignore"))
        texts = {name: rows[name].tolist() for name in categories if name in rows}
    else:
        numbers = columns_from_vectors(rows)
        texts = {name: [row.get(name) for row in rows] for name in categories}
    return with_ages(numbers, moments) | codes(_texts(texts), categories)


def _texts(values: Mapping[str, Sequence[Any]]) -> Texts:
    return {
        name: np.array([v if isinstance(v, str) else None for v in column], dtype=object)
        for name, column in values.items()
    }


def learn_categories(texts: Texts) -> Categories:
    """Return the values of each text feature, the most frequent first."""
    counts = {name: Counter(value for value in values if value is not None) for name, values in texts.items()}
    return {
        name: tuple(value for value, _ in sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:_MOST])
        for name, counter in counts.items()
    }


def codes(texts: Texts, categories: Categories) -> Columns:
    """Return the code of each value; NaN where it is missing or was not learned."""
    columns = {}
    for name, values in texts.items():
        places = {value: float(place) for place, value in enumerate(categories.get(name, ()))}
        columns[name] = np.array([places.get(value, np.nan) for value in values], dtype="float64")
    return columns
