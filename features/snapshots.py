"""The moments at which features are computed.

Everything that pretends to be at an earlier moment (training, evaluation) pretends to be at one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from core.errors import DataError
from features.contract.tables import TableName
from features.settings import TimeSettings

_DAY = timedelta(days=1)
#: A day that every grid has, whatever the data: a Tuesday, so that the grid of the demo stayed where it was.
_GRID_START = datetime(1970, 1, 6, tzinfo=UTC)
Group = Literal["train", "validation", "test"]
#: A time without order lines: the moments of the last one before it and of the first one after it.
Gap = tuple[datetime, datetime]
#: From this many days on, answers are about customers as they were and no longer as they are.
OLD_DAYS = 7
#: What to do then.
NEWER = 'Bring newer exports and run `encore ingest`; time.as_of = "data_end" answers for the end of the data.'


@dataclass(frozen=True)
class Windows:
    """Which snapshots a model takes.

    Attributes
    ----------
    reach_days
        Days after a snapshot until its labels are complete: gap, horizon, and whatever else has to be waited for.
    tests
        The test snapshots; none are the last ones whose labels are complete.
    validation
        How many snapshots before the tests stop training early and calibrate; with 0 all of them are trained on.
    steps
        None trains at every snapshot of the grid that is early enough; a number at that many before the first test,
        one reach apart.
    needs_sales
        Whether there is nothing to learn where there are no order lines.
    labels
        The contract table that labels are made of: they are complete as far as that table is.
    given
        Whether the data name the snapshots: those of the labels, and none of the grid.
    assigned
        Whether the data name the snapshots: the midnights at or before assignments to campaigns, and none of the grid.
        Without assignments the model has no snapshots, which is no error.
    active_days
        A snapshot is learned from if order lines were bought within these days before it; None takes every snapshot,
        since customers can be there who buy nothing, such as those with a contract.
    optional
        Whether a history too short for the model leaves it without snapshots, unless its tests are configured; else it
        is an error, which stops every model.
    unlabelled
        Whether nothing is predicted, so that there is nothing to wait for: `as_of` is the one snapshot, and what was
        found with some of its customers is measured on others.
    """

    reach_days: int
    tests: tuple[datetime, ...] = ()
    validation: int = 0
    steps: int | None = None
    needs_sales: bool = False
    labels: TableName = "transactions"
    given: bool = False
    assigned: bool = False
    active_days: int | None = None
    optional: bool = False
    unlabelled: bool = False

    def sees(self, moment: datetime, gaps: Sequence[Gap]) -> bool:
        """Return whether there is somebody to learn from at a moment."""
        if self.active_days is None:
            return True
        start = moment - self.active_days * _DAY
        return not any(last < start and moment <= following for last, following in gaps)


@dataclass(frozen=True)
class Split:
    """The snapshots of a model, each group in ascending order.

    A label window of an earlier group ends at or before the first snapshot of the next group.

    Attributes
    ----------
    by_customers
        Whether the groups are of different customers at the same snapshots, as there is no time to split by.
    """

    train: tuple[datetime, ...] = ()
    validation: tuple[datetime, ...] = ()
    test: tuple[datetime, ...] = ()
    by_customers: bool = False

    @property
    def every(self) -> tuple[datetime, ...]:
        """All of them, in ascending order."""
        return self.test if self.by_customers else (*self.train, *self.validation, *self.test)


@dataclass(frozen=True)
class Schedule:
    """Which snapshots serve what. All are UTC and in ascending order.

    Attributes
    ----------
    data_start
        The moment of the first event.
    as_of
        The moment taken for now; features are materialised as they are at it.
    grid
        Every `snapshot_spacing_days` from a fixed day on, up to `as_of`, or to where the data are complete until if
        that is earlier, as long as there is history before; without those that no model can learn from.
    splits
        By name of the model; a split without snapshots where there is nothing to learn from, or too short a history.
    needed
        By name of the model the snapshots at which its features are needed: those of its split, `as_of`, and the
        grid where it trains on it.
    """

    data_start: datetime
    as_of: datetime
    grid: tuple[datetime, ...]
    splits: Mapping[str, Split]
    needed: Mapping[str, tuple[datetime, ...]]


def resolve_as_of(time: TimeSettings, last_event: datetime, now: datetime) -> datetime:
    """Return the moment taken for now: a configured one, the last midnight, or the one after the last event."""
    if time.as_of == "now":
        return _midnight(now)
    if time.as_of == "data_end":
        return after_day_of(last_event)
    return time.as_of


def after_day_of(moment: datetime) -> datetime:
    """Return the midnight after a moment."""
    return _midnight(moment) + _DAY


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def make_schedule(
    time: TimeSettings,
    models: Mapping[str, Windows],
    first_event: datetime,
    as_of: datetime,
    *,
    sells: bool = True,
    complete: Mapping[TableName, datetime] | None = None,
    gaps: Sequence[Gap] = (),
) -> Schedule:
    """Lay out the snapshots between the first event and `as_of`.

    Parameters
    ----------
    models
        What each model takes, by name, which is that of its section of the configuration.
    sells
        Whether there are order lines.
    complete
        Until when contract tables are complete; a table that is not there is until `as_of`.
    gaps
        Times without order lines, in ascending order.

    Raises
    ------
    DataError
        If the history is too short for training, validation and test snapshots that do not overlap.
    """
    possible = {name: windows for name, windows in models.items() if sells or not windows.needs_sales}
    learned = {name: windows for name, windows in possible.items() if not windows.unlabelled}
    ends = {name: min(as_of, (complete or {}).get(windows.labels, as_of)) for name, windows in learned.items()}
    end = max(ends.values(), default=as_of)
    grid = _grid(first_event + time.min_history_days * _DAY, end, time.snapshot_spacing_days)
    if len(grid) < 2:
        raise DataError(
            f"Expected several snapshots between {first_event:%Y-%m-%d} and {end:%Y-%m-%d}, found {len(grid)}: "
            f"the first may be {time.min_history_days} days after the first event{_stale(end, as_of)}.",
            "Supply a longer history, or lower time.min_history_days or time.snapshot_spacing_days.",
        )
    splits = {name: Split() for name in models}
    splits |= {name: Split((as_of,), (), (as_of,), by_customers=True) for name in possible if name not in learned}
    needed: dict[str, tuple[datetime, ...]] = dict.fromkeys(models, (as_of,))
    taken: set[datetime] = set()
    for name, windows in learned.items():
        own = tuple(t for t in grid if windows.sees(t, gaps))
        split = _split(windows, own, ends[name], gaps)
        if windows.optional and not windows.tests and not split.train:
            continue
        splits[name] = split
        _check(name, splits[name], windows.reach_days, grid, ends[name], as_of)
        trained = own if windows.steps is None else ()
        needed[name] = tuple(sorted({*trained, *splits[name].every, as_of}))
        taken.update(own)
    return Schedule(first_event, as_of, tuple(sorted(taken)), splits, needed)


def _grid(first: datetime, end: datetime, spacing: int) -> tuple[datetime, ...]:
    """Return days that are a multiple of the spacing after a fixed day, so that they stay when the data grow."""
    step = spacing * _DAY
    start = _GRID_START + -((_GRID_START - first) // step) * step
    return tuple(start + k * step for k in range(max(0, (end - start) // step + 1)))


def _split(windows: Windows, grid: tuple[datetime, ...], end: datetime, gaps: Sequence[Gap]) -> Split:
    reach = windows.reach_days * _DAY
    test = tuple(sorted(windows.tests or _last_complete(grid, end, reach, 2)))
    if windows.steps is not None:
        return Split(train=_steps_back(windows, grid, test, gaps), test=test)
    before = [t for t in grid if t + reach <= min(test)] if test else []
    if not windows.validation:
        return Split(train=tuple(before), test=test)
    validation = tuple(before[-windows.validation :])
    train = tuple(t for t in before if t + reach <= validation[0]) if validation else ()
    return Split(train, validation, test)


def _last_complete(grid: tuple[datetime, ...], end: datetime, reach: timedelta, count: int) -> tuple[datetime, ...]:
    """Return the last snapshots whose label windows are over by the end of the data, half a label window apart."""
    chosen: list[datetime] = []
    for moment in reversed(grid):
        if moment + reach <= end and (not chosen or chosen[-1] - moment >= reach / 2):
            chosen.append(moment)
    return tuple(sorted(chosen[:count]))


def _steps_back(
    windows: Windows, grid: tuple[datetime, ...], tests: tuple[datetime, ...], gaps: Sequence[Gap]
) -> tuple[datetime, ...]:
    """Return moments before the tests, one reach apart, with somebody to learn from; none before the grid."""
    if not tests or not grid:
        return ()
    moments: list[datetime] = []
    moment = min(tests) - windows.reach_days * _DAY
    while moment >= grid[0] and len(moments) < (windows.steps or 0):
        if windows.sees(moment, gaps):
            moments.append(moment)
        moment -= windows.reach_days * _DAY
    return tuple(reversed(moments))


def _check(name: str, split: Split, reach: int, grid: tuple[datetime, ...], end: datetime, as_of: datetime) -> None:
    outside = [t for t in split.test if not grid[0] <= t <= as_of]
    if outside:
        raise DataError(
            f"{name}.test_snapshots: expected moments between {grid[0]:%Y-%m-%d} and {as_of:%Y-%m-%d}, "
            f"found {outside[0]:%Y-%m-%d}.",
            "Correct or remove them; without any, the last complete snapshots are taken.",
        )
    if split.test and split.test[-1] + reach * _DAY > end:
        raise DataError(
            f"{name}.test_snapshots: expected a {reach}-day label window that is over by {end:%Y-%m-%d}, found "
            f"the one of {split.test[-1]:%Y-%m-%d}{_stale(end, as_of)}.",
            "Choose an earlier test snapshot, or bring newer exports." if end < as_of else "Choose an earlier one.",
        )
    if not split.train:
        raise DataError(
            f"{name}: expected training snapshots whose {reach}-day label windows end before the first test snapshot, "
            f"found none among {len(grid)} snapshots from {grid[0]:%Y-%m-%d} to {grid[-1]:%Y-%m-%d}"
            f"{_stale(end, as_of)}.",
            f"Supply a longer history, or lower time.min_history_days or {name}.horizon_days.",
        )


def _stale(end: datetime, as_of: datetime) -> str:
    """Say that the data end before the moment that is taken for now, where they do."""
    days = (as_of - end) / _DAY
    return f"; the data are complete until {end:%Y-%m-%d}, {days:.0f} days before now" if days >= 1 else ""
