"""Ratios, written once for the columns of an engine and for the numbers of one customer."""

import math
from typing import TypeVar

import ibis.expr.types as ir

_Value = TypeVar("_Value", ir.NumericValue, float)


def over(part: _Value, whole: _Value) -> _Value:
    """Divide; missing (null, NaN) where the whole is 0 or missing."""
    if isinstance(whole, ir.Value):
        ratio: _Value = part / whole.nullif(0)
        return ratio
    return part / whole if whole else math.nan


def trend(recent: _Value, usual: _Value) -> _Value:
    """Compare what is recent with what is usual in as many days: below 1, less than usual."""
    return over(recent, usual)


def basket_amount(amount: _Value, baskets: _Value) -> _Value:
    """Return the mean amount of some baskets from the sum of their amounts."""
    return over(amount, baskets)
