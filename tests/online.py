"""What the online store holds view by view, as columns, to compare with vectors and with point-in-time frames."""

from datetime import datetime

from core.arrays import Columns
from features.store.online import OnlineRows
from features.vectors import columns_from_vectors


def columns_of(rows: OnlineRows) -> Columns:
    """Return the numbers and moments of an answer of Feast's own interface."""
    rows_of = zip(*rows.values.values(), strict=True)
    return columns_from_vectors([dict(zip(rows.values, map(_number, row), strict=True)) for row in rows_of])


def _number(value: object) -> object:
    return value.timestamp() if isinstance(value, datetime) else value
