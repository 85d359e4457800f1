"""Columns that may be missing, and names of customers' places that may be unknown."""

import numpy as np
import numpy.typing as npt

from core.arrays import Columns, Floats

#: Identifiers, aligned with the customers; empty where nothing can be said.
Names = npt.NDArray[np.object_]


def column(columns: Columns, name: str, rows: int) -> Floats:
    """Return a column, missing in every row where the data have none."""
    return columns[name] if name in columns else np.full(rows, np.nan)


def absent(rows: int) -> Names:
    """Return empty names."""
    return np.full(rows, "", dtype=object)


def rows_of(columns: Columns) -> int:
    """Return the number of customers."""
    return len(next(iter(columns.values()))) if columns else 0
