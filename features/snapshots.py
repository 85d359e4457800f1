"""The moments at which features are computed.

Everything that pretends to be at an earlier moment (training, evaluation) pretends to be at one of these.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import DataError
from core.settings import Settings

_DAY = timedelta(days=1)


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
        Every `snapshot_spacing_days` back from `as_of`, as long as there is history before.
    churn_train, churn_validation, churn_test
        Snapshots whose label windows are complete. A label window of an earlier group ends at or before
        the first snapshot of the next group.
    next_train, next_test
        The same for the next product; none where nothing is sold.
    """

    data_start: datetime
    as_of: datetime
    grid: tuple[datetime, ...]
    churn_train: tuple[datetime, ...]
    churn_validation: tuple[datetime, ...]
    churn_test: tuple[datetime, ...]
    next_train: tuple[datetime, ...]
    next_test: tuple[datetime, ...]

    @property
    def customer_snapshots(self) -> tuple[datetime, ...]:
        """Snapshots at which the features of customers are needed."""
        return tuple(sorted({*self.grid, *self.churn_test, *self.purchase_snapshots}))

    @property
    def purchase_snapshots(self) -> tuple[datetime, ...]:
        """Snapshots at which histories and product statistics are needed."""
        return tuple(sorted({*self.next_train, *self.next_test, self.as_of}))


def resolve_as_of(settings: Settings, last_event: datetime, now: datetime) -> datetime:
    """Return the moment taken for now: a configured one, the last midnight, or the one after the last event."""
    if settings.time.as_of == "now":
        return _midnight(now)
    if settings.time.as_of == "data_end":
        return _midnight(last_event) + _DAY
    return settings.time.as_of


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def make_schedule(settings: Settings, first_event: datetime, as_of: datetime, *, sells: bool = True) -> Schedule:
    """Lay out the snapshots between the first event and `as_of`.

    Parameters
    ----------
    sells
        Whether there are order lines. Without any there is no next product, and no snapshots for it.

    Raises
    ------
    DataError
        If the history is too short for training, validation and test snapshots that do not overlap.
    """
    grid = _grid(first_event + settings.time.min_history_days * _DAY, as_of, settings.time.snapshot_spacing_days)
    if len(grid) < 2:
        raise DataError(
            f"Expected several snapshots between {first_event:%Y-%m-%d} and {as_of:%Y-%m-%d}, found {len(grid)}: "
            f"the first may be {settings.time.min_history_days} days after the first event.",
            "Supply a longer history, or lower time.min_history_days or time.snapshot_spacing_days.",
        )
    churn, following = settings.churn, settings.next_product
    reach = churn.label_days * _DAY
    test = churn.test_snapshots or _last_complete(grid, as_of, reach, 2)
    before = [t for t in grid if t + reach <= min(test)] if test else []
    validation = tuple(before[-churn.validation_snapshots :])
    train = tuple(t for t in before if t + reach <= validation[0]) if validation else ()
    step = following.horizon_days * _DAY
    next_test = (following.test_snapshots or _last_complete(grid, as_of, step, 2)) if sells else ()
    next_train = _steps_back(grid[0], next_test, step, following.training_snapshots)
    schedule = Schedule(
        first_event, as_of, grid, train, validation, tuple(sorted(test)), next_train, tuple(sorted(next_test))
    )
    _check(schedule, settings, sells=sells)
    return schedule


def _grid(first: datetime, as_of: datetime, spacing: int) -> tuple[datetime, ...]:
    count = int((as_of - first) / (spacing * _DAY)) + 1 if as_of >= first else 0
    return tuple(as_of - k * spacing * _DAY for k in reversed(range(count)))


def _last_complete(grid: tuple[datetime, ...], as_of: datetime, reach: timedelta, count: int) -> tuple[datetime, ...]:
    """Return the last snapshots whose label windows end by `as_of`, at least half a label window apart."""
    chosen: list[datetime] = []
    for moment in reversed(grid):
        if moment + reach <= as_of and (not chosen or chosen[-1] - moment >= reach / 2):
            chosen.append(moment)
    return tuple(sorted(chosen[:count]))


def _steps_back(earliest: datetime, tests: tuple[datetime, ...], step: timedelta, count: int) -> tuple[datetime, ...]:
    if not tests:
        return ()
    moments = [min(tests) - k * step for k in range(1, count + 1)]
    return tuple(sorted(moment for moment in moments if moment >= earliest))


def _check(schedule: Schedule, settings: Settings, *, sells: bool) -> None:
    needs = {
        "churn": (schedule.churn_train, schedule.churn_test, settings.churn.label_days),
        "next_product": (schedule.next_train, schedule.next_test, settings.next_product.horizon_days),
    }
    if not sells:
        del needs["next_product"]
    for section, (train, group, reach) in needs.items():
        outside = [t for t in group if not schedule.grid[0] <= t <= schedule.as_of]
        if outside:
            raise DataError(
                f"{section}.test_snapshots: expected moments between {schedule.grid[0]:%Y-%m-%d} and "
                f"{schedule.as_of:%Y-%m-%d}, found {outside[0]:%Y-%m-%d}.",
                "Correct or remove them; without any, the last complete snapshots are taken.",
            )
        if not train:
            raise DataError(
                f"{section}: expected training snapshots whose {reach}-day label windows end before the first "
                f"test snapshot, found none among {len(schedule.grid)} snapshots from "
                f"{schedule.grid[0]:%Y-%m-%d} to {schedule.as_of:%Y-%m-%d}.",
                f"Supply a longer history, or lower time.min_history_days or {section}.horizon_days.",
            )
        if group[-1] + reach * _DAY > schedule.as_of:
            raise DataError(
                f"{section}.test_snapshots: expected a {reach}-day label window that is over by "
                f"{schedule.as_of:%Y-%m-%d}, found the one of {group[-1]:%Y-%m-%d}.",
                "Choose an earlier test snapshot.",
            )
