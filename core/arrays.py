"""Arrays of numbers, by the names that modules share."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: A choice of rows: a mask, or their places.
Rows = npt.NDArray[np.bool_] | Ints
#: Aligned columns of numbers by name; NaN where one is missing.
Columns = dict[str, Floats]


def matrix(columns: Mapping[str, Floats], names: Sequence[str], rows: int) -> Floats:
    """Stack columns to rows x names; a name that the columns lack is missing in every row."""
    absent = np.full(rows, np.nan)
    return np.column_stack([columns.get(name, absent) for name in names])
