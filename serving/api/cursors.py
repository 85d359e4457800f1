"""Cursors of lists: where the page before has ended, as a text that a client hands back."""

import base64
import binascii
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError


def write_cursor(*place: str | float | None) -> str:
    """Return the cursor of a place: what the list is, and where a page has ended."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def read_cursor(text: str) -> list[Any]:
    """Return the place of a cursor.

    Raises
    ------
    RequestValidationError
        If it is none of ours.
    """
    try:
        place = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        place = None
    if not isinstance(place, list):
        raise wrong_cursor(text, "expected `next_cursor` of the page before")
    return place


def read_place(text: str, sort: str) -> tuple[float | None, str]:
    """Return the place of a cursor of the score table: value of the sort column, and id of a customer.

    Raises
    ------
    RequestValidationError
        If it is none of ours, or belongs to a list in another order.
    """
    match read_cursor(text):
        case [order, None | float() | int() as value, str() as customer] if order == sort:
            return value, customer
    raise wrong_cursor(text, f"expected a cursor of a list sorted by {sort}")


def wrong_cursor(text: str, problem: str) -> RequestValidationError:
    """Return the error of a cursor that is of another list."""
    return RequestValidationError([{"type": "value_error", "loc": ("query", "cursor"), "msg": problem, "input": text}])
