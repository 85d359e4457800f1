"""The identity of an order: which events report the same one, and whether they say the same about it."""

from collections import Counter
from datetime import UTC, datetime

from features.contract.events import kind_of
from features.contract.events.kind import Event, Row

#: Columns that all lines of an order share.
_OF_THE_ORDER = ("store_id", "channel")
#: Columns that say nothing about the order.
_KEYS = ("customer_id", "order_id", "event_timestamp", "created_timestamp")
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def order_of(event: Event) -> str | None:
    """Return the id of the order that an event reports; None for an event that reports none."""
    if kind_of(event).table != "transactions":
        return None
    rows = _rows(event)
    # an order that is cancelled has no lines
    order: str | None = rows[0]["order_id"] if rows else getattr(event, "order_id", None)
    return order


def replaces(event: Event) -> bool:
    """Return whether an event states that it takes the place of what was reported of its order before."""
    return bool(getattr(event, "replaces", None))


def same_order(event: Event, other: Event) -> bool:
    """Return whether two events of one order say the same: the same lines, in any order.

    The moment, the store and the channel count where both events name them.
    """
    moments = event.event_timestamp, other.event_timestamp
    if None not in moments and moments[0] != moments[1]:
        return False
    rows, others = _rows(event), _rows(other)
    for name in _OF_THE_ORDER:
        stated, there = ({row.get(name) for row in lines} - {None} for lines in (rows, others))
        if stated and there and stated != there:
            return False
    return _lines(rows) == _lines(others)


def _rows(event: Event) -> list[Row]:
    return kind_of(event).rows(event, _ANY_MOMENT, _ANY_MOMENT)


def _lines(rows: list[Row]) -> Counter[tuple[tuple[str, object], ...]]:
    but = {*_KEYS, *_OF_THE_ORDER}
    return Counter(
        tuple(sorted((name, value) for name, value in row.items() if name not in but and value is not None))
        for row in rows
    )
