"""Events as the API takes them in: kept, then followed by features, before they are acknowledged."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.contract.events.kind import Event
from features.live.log import EventLog, Outcome
from features.live.updater import FeatureUpdater
from features.settings import TimeSettings
from features.store.feature_store import Store
from features.store.materialized import Online, read_online
from serving.scoring.score_table import ScoreTable

#: How far the clock of a source may be ahead.
_SKEW = timedelta(minutes=5)
_log = structlog.get_logger(__name__)


class FutureEventError(DataError):
    """An event that has not happened yet."""

    def __init__(self, event: Event, latest: datetime, *, live: bool) -> None:
        what = (
            "Correct the source's clock."
            if live
            else 'Leave event_timestamp out to mean that moment, or set time.as_of = "now".'
        )
        super().__init__(
            f"Event {event.event_id!r}: expected event_timestamp at or before {latest:%Y-%m-%dT%H:%M:%SZ}, found "
            f"{event.event_timestamp:%Y-%m-%dT%H:%M:%S%z}.",
            what,
        )


@dataclass(frozen=True)
class Taken:
    """What became of events.

    Attributes
    ----------
    outcomes
        One for each, in their order.
    applied
        Whether the features follow all of them already; if not, they will.
    """

    outcomes: list[Outcome]
    applied: bool


class EventIntake:
    """Takes events in, and says up to which moment features follow them.

    Parameters
    ----------
    clock
        The wall clock.
    """

    def __init__(self, settings: Settings, table: ScoreTable, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._table = table
        self._clock = clock
        self._is_live = settings[TimeSettings].as_of == "now"
        self._rows: tuple[Store, Online] | None = None
        self._updater: FeatureUpdater | None = None
        self._making = threading.Lock()
        self.log = EventLog(settings[StoreSettings])

    def use(self, store: Store, online: Online) -> None:
        """Let features follow events on the rows of a materialisation from now on."""
        with self._making:
            self._rows, self._updater = (store, online), None

    def catch_up(self, awaited: Collection[str] = ()) -> None:
        """Compute the features of customers with events that are not applied yet.

        A worker may have died, or a store been unavailable.

        Parameters
        ----------
        awaited
            Customers to wait for; of all where there is none.

        Raises
        ------
        StoreError
            If the online store or the log does not answer.
        """
        updater = self._current() if self.log.exists else None
        if updater is None:
            return
        try:
            updater.update(awaited)
        except Exception:
            # what was computed before is not current any more, though nothing newer can be computed yet
            self._table.outdate(list(self.log.pending()))
            raise

    def follow(self) -> None:
        """Let the views of the online store follow the vectors, for programs that know Feast alone.

        Raises
        ------
        StoreError
            If the online store or the log does not answer.
        """
        updater = self._current() if self.log.exists else None
        if updater is not None:
            updater.follow()

    def warm(self) -> None:
        """Prepare what the first event would wait for."""
        self._current()

    def _current(self) -> FeatureUpdater | None:
        """Return who follows on the rows that are in use; None where there are none."""
        with self._making:
            if self._updater is None and self._rows is not None:
                store, online = self._rows
                self._updater = FeatureUpdater(
                    self._settings, store, self.log, online, lambda: self._now(online), self._table.changed
                )
            return self._updater

    def take(self, events: Sequence[Event]) -> Taken:
        """Keep events and let features follow.

        Raises
        ------
        FutureEventError
            If one has not happened yet; none is kept then.
        StateError
            If time does not advance with the clock, and nothing is materialised that gives a moment; none is kept then.
        StoreError
            If the log cannot be written; none is kept then.
        """
        now = self._now(self._rows[1] if self._rows else None)
        latest = now + (_SKEW if self._is_live else timedelta(days=self._settings[TimeSettings].snapshot_spacing_days))
        for event in events:
            if event.event_timestamp is not None and event.event_timestamp > latest:
                raise FutureEventError(event, latest, live=self._is_live)
        outcomes = self.log.append(events, now, self._clock() if self._is_live else None)
        # they are kept: whatever goes wrong from here on, that is what the source has to know
        waiting = {event.customer_id for event in events}
        try:
            self.catch_up(waiting)
            waiting = {customer for customer in waiting if self.log.is_pending([customer])}
            self._table.outdate(sorted(waiting))
        except Exception as error:
            _log.warning("events_not_applied", problem=str(error))
        return Taken(outcomes, applied=not waiting)

    def _now(self, online: Online | None) -> datetime:
        """Return the clock, or the moment the data stand at, which no event moves."""
        return self._clock() if self._is_live else (online or read_online(self._settings[StoreSettings])).as_of
