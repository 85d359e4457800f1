"""Snapshots that the data name: those of the business's own labels, and those of assignments to campaigns."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.errors import DataError
from features.snapshots import Group, Schedule, Split, Windows

#: With fewer snapshots there is none left to learn from, and customers are split instead.
_LEAST = 3
#: From this number of snapshots on the last two are tests.
_MANY = 8
#: Features of all customers are computed at each of them.
MOST_SNAPSHOTS = 60
#: Of a split by customers, the share of each group.
_SHARES: Mapping[Group, float] = {"train": 0.6, "validation": 0.2, "test": 0.2}


@dataclass(frozen=True)
class Given:
    """The moments that the data name, in ascending order.

    Attributes
    ----------
    labelled
        Of labels, where a model learns from them.
    assigned
        The snapshots of assignments; see `assigned_snapshots`.
    alone
        Whether the data have nothing else: no event happened.
    """

    labelled: tuple[datetime, ...] = ()
    assigned: tuple[datetime, ...] = ()
    alone: bool = False


#: Data that name no moments.
NONE_GIVEN = Given()


def group_of(customer: str) -> Group:
    """Return the group of a customer in a split by customers: always the same, whatever else is in the data."""
    place = place_of(customer)
    if place < _SHARES["train"]:
        return "train"
    return "validation" if place < _SHARES["train"] + _SHARES["validation"] else "test"


def place_of(customer: str) -> float:
    """Return the place of a customer in [0, 1), by a hash of the id: evenly spread, and the same on every machine."""
    return int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=6).digest()) / 2**48


def with_given(schedule: Schedule, models: Mapping[str, Windows], moments: Sequence[datetime]) -> Schedule:
    """Add the models whose snapshots are given to a schedule of the others.

    Parameters
    ----------
    moments
        Of the labels, in ascending order, at least one.

    Raises
    ------
    DataError
        If label windows reach from group to group, or test snapshots are configured that no label is of.
    """
    splits, needed = dict(schedule.splits), dict(schedule.needed)
    for name, windows in models.items():
        splits[name] = split_given(name, windows, moments)
        needed[name] = tuple(sorted({*splits[name].every, schedule.as_of}))
    return replace(schedule, splits=splits, needed=needed)


def with_assigned(schedule: Schedule, models: Mapping[str, Windows], moments: Sequence[datetime]) -> Schedule:
    """Add the models whose snapshots are those of assignments to a schedule of the others.

    Customers are split, as they were assigned by lot: what is learned from some holds for the others. Without moments
    there is nothing to learn from yet, which is no error.
    """
    every = tuple(moments)
    split = Split(every, every, every, by_customers=True) if every else Split()
    needed = tuple(sorted({*every, schedule.as_of}))
    return replace(
        schedule,
        splits={**schedule.splits, **dict.fromkeys(models, split)},
        needed={**schedule.needed, **dict.fromkeys(models, needed)},
    )


def assigned_snapshots(
    midnights: Sequence[datetime], first_event: datetime | None, as_of: datetime
) -> tuple[datetime, ...]:
    """Return the last snapshots that something is known at of the customers who were assigned after them.

    Parameters
    ----------
    midnights
        The different midnights at or before assignments, in ascending order.
    first_event
        Nothing is known at a snapshot before it; None where attributes of customers are known without events.
    as_of
        The moment taken for now; there are no snapshots after it.
    """
    known = [t for t in midnights if t <= as_of and (first_event is None or t > first_event)]
    return tuple(known[-MOST_SNAPSHOTS:])


def split_given(name: str, windows: Windows, moments: Sequence[datetime]) -> Split:
    """Split the moments of labels by time where there are three or more; else split the customers.

    The last moment is the test, of eight or more the last two; before it up to a third are for validation, but no more
    than `windows.validation`.

    Raises
    ------
    DataError
        If no moment is left to train on, as label windows reach from group to group, or if configured test snapshots
        are none of the moments.
    """
    unknown = [t for t in windows.tests if t not in moments]
    if unknown:
        raise DataError(
            f"{name}.test_snapshots: expected snapshots of the labels, found {unknown[0]:%Y-%m-%d}; they are of "
            f"{', '.join(f'{t:%Y-%m-%d}' for t in moments)}.",
            "Correct or remove them; without any, the last are taken.",
        )
    if len(moments) < _LEAST:
        every = tuple(moments)
        return Split(every, every, every, by_customers=True)
    reach = timedelta(days=windows.reach_days)
    test = tuple(sorted(windows.tests)) or tuple(moments[-2 if len(moments) >= _MANY else -1 :])
    before = [t for t in moments if t + reach <= test[0]]
    validation = before[-min(windows.validation, max(1, len(before) // 3)) :]
    train = tuple(t for t in before if validation and t + reach <= validation[0])
    if not train:
        raise DataError(
            f"{name}: expected labels whose {windows.reach_days}-day windows end before those of validation and tests, "
            f"found none among {len(moments)} snapshots from {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}.",
            f"Set {name}.horizon_days to the days that the label looks ahead, or supply labels of earlier snapshots.",
        )
    return Split(train, tuple(validation), test)
