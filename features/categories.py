"""Attributes as model inputs: numbers as they are, texts as their place among those that were learned."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
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
#: With no more different values than this a column of numbers is a yes and no.
_FLAG = 2
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
#: Zeros at the front are a sign of a code, of which none is more than another.
_CODE = re.compile(r"[+-]?0\d")


@dataclass(frozen=True)
class Attributes:
    """How a model reads the attributes of customers: learned once, and kept with it.

    Attributes
    ----------
    categories
        The values of those that are read as categories, in the order of their codes.
    numbers
        Those that are read as numbers.
    """

    categories: Categories = field(default_factory=dict)
    numbers: tuple[str, ...] = ()


def attribute_texts(values: Mapping[str, Sequence[Any]] | pd.DataFrame, attributes: Sequence[str]) -> Texts:
    """Take the texts of some attributes from a point-in-time frame or an online answer."""
    names = [ATTRIBUTE + name for name in attributes if ATTRIBUTE + name in values]
    return _texts({name: list(values[name]) for name in names})


def model_columns(rows: pd.DataFrame | Sequence[Mapping[str, Any]], moments: Floats, attributes: Attributes) -> Columns:
    """Return everything a model may read of customers: numbers, ages, and attributes as numbers or codes.

    The one place where model inputs are assembled, for training, tiers and answers.

    Parameters
    ----------
    rows
        A point-in-time frame, or the online vectors of customers; at least one.
    moments
        The moment each row is at, in seconds since 1970.
    attributes
        How those that were learned are read.
    """
    names = (*attributes.categories, *attributes.numbers)
    if isinstance(rows, pd.DataFrame):
        numbers = columns_from_frame(rows.drop(columns=["event_timestamp"], errors="ignore"))
        texts = {name: rows[name].tolist() for name in names if name in rows}
    else:
        numbers = columns_from_vectors(rows)
        texts = {name: [row.get(name) for row in rows] for name in names}
    read = _texts(texts)
    of_numbers = {name: read.pop(name) for name in attributes.numbers if name in read}
    return with_ages(numbers, moments) | codes(read, attributes.categories) | numeric(of_numbers)


def _texts(values: Mapping[str, Sequence[Any]]) -> Texts:
    return {
        name: np.array([v if isinstance(v, str) else None for v in column], dtype=object)
        for name, column in values.items()
    }


def learn_attributes(texts: Texts, numbers: Collection[str] = (), categories: Collection[str] = ()) -> Attributes:
    """Decide how attributes are read, from the values in training rows, and learn the values of categories.

    An attribute is a number where every value is one, of more than two different ones and none with zeros at the front.
    Missing and blank values do not count.

    Parameters
    ----------
    numbers, categories
        Features that the configuration decides about.
    """
    chosen = tuple(
        name for name, values in texts.items() if name in numbers or (name not in categories and _are_numbers(values))
    )
    return Attributes(learn_categories({name: values for name, values in texts.items() if name not in chosen}), chosen)


def _are_numbers(values: npt.NDArray[np.object_]) -> bool:
    known = {value.strip() for value in values if value is not None} - {""}
    plain = all(_NUMBER.fullmatch(value) and not _CODE.match(value) for value in known)
    return plain and len({float(value) for value in known}) > _FLAG if known else False


def numeric(texts: Texts) -> Columns:
    """Return the number in each text; NaN where it is missing or none."""
    columns = {}
    for name, values in texts.items():
        found = (value.strip() if value is not None else "" for value in values)
        columns[name] = np.array(
            [float(text) if _NUMBER.fullmatch(text) else np.nan for text in found], dtype="float64"
        )
    return columns


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
