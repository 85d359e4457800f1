"""Texts as model inputs: the place of a value among those that were learned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns
from features.views.profile import ATTRIBUTE

#: Aligned texts by feature name; None where one is missing.
Texts = dict[str, npt.NDArray[np.object_]]
#: The values of each text feature, the commonest first; a value's place is its code.
Categories = dict[str, tuple[str, ...]]

#: Rarer values than the first so many count as unknown.
_MOST = 100


def attribute_texts(values: Mapping[str, Sequence[Any]] | pd.DataFrame, attributes: Sequence[str]) -> Texts:
    """Take the texts of some attributes from a point-in-time frame or an online answer."""
    names = [ATTRIBUTE + name for name in attributes if ATTRIBUTE + name in values]
    return {name: np.array([v if isinstance(v, str) else None for v in values[name]], dtype=object) for name in names}


def learn_categories(texts: Texts) -> Categories:
    """Return the values of each text feature, the commonest first."""
    counts = {name: Counter(value for value in values if value is not None) for name, values in texts.items()}
    return {
        name: tuple(value for value, _ in sorted(of.items(), key=lambda item: (-item[1], item[0]))[:_MOST])
        for name, of in counts.items()
    }


def codes(texts: Texts, categories: Categories) -> Columns:
    """Return the code of each value; NaN where it is missing or was not learned."""
    found = {}
    for name, values in texts.items():
        places = {value: float(place) for place, value in enumerate(categories.get(name, ()))}
        found[name] = np.array([places.get(value, np.nan) for value in values], dtype="float64")
    return found
