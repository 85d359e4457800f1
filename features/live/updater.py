"""Features updated after events, in the online store."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

import structlog

from core.errors import StoreError
from core.settings import Settings, StoreSettings
from core.stamps import read_stamp
from features.engine.vectors import services_of
from features.live.computation import CustomerFeatures
from features.live.log import EventLog
from features.store.feature_store import Store
from features.store.materialized import Online, OutdatedFeaturesError, materialized_directory, updating

#: Customers whose features are computed at once.
_BATCH = 500
#: Customers whose views are written while events wait.
_FEW = 25
_SECOND = timedelta(seconds=1)
#: Customers whose moments differ by less than this are computed for one moment.
_NEAR = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class FeatureUpdater:
    """Pushes features of customers with new events to the online store. Safe for threads and processes.

    Parameters
    ----------
    clock
        Returns the current moment.
    applied
        Called with the customers whose features were updated, and the moment they are for.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        log: EventLog,
        online: Online,
        clock: Callable[[], datetime],
        applied: Callable[[list[str], datetime], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._log = log
        self._online = online
        self._clock = clock
        self._applied = applied
        self._lock = Lock()
        self._broken: dict[str, int] = {}
        self._features = None if online.is_outdated(settings) else CustomerFeatures(settings, online)

    def update(self, awaited: Collection[str] = ()) -> int:
        """Update the features of all pending customers; return how many there were.

        Does nothing where the online store was filled again since: the updater of that materialisation does it.

        Parameters
        ----------
        awaited
            Customers whose features the caller waits for: returns when none of them is pending, though others may be.
            Empty: all are waited for.

        Raises
        ------
        StoreError
            If the online store or the log does not answer; the customers stay pending.
        OutdatedFeaturesError
            If their features would be computed in another way than those of the online store; they stay pending.
        """
        done = 0
        while True:
            with self._alone() as current:
                if not current or (awaited and not self._log.is_pending(awaited)):
                    return done
                self._log.use_materialization(self._online.fingerprint, self._online.events, self._online.as_of)
                waiting = self._log.pending(_BATCH + len(self._broken))
                pending = {name: seq for name, seq in waiting.items() if seq > self._broken.get(name, 0)}
                if not pending:
                    return done
                if self._features is None:
                    raise OutdatedFeaturesError
                done += self._apply(self._features, pending)

    def follow(self) -> None:
        """Let views follow the vectors that were updated, which answer alone; few at once, as events wait meanwhile.

        Whose views are behind is in the log: what a process has not done, the next one does.

        Raises
        ------
        StoreError
            If the online store or the log does not answer; the views stay behind.
        """
        while self._features is not None:
            with self._alone() as current:
                behind = self._log.behind(_FEW) if current else []
                if not behind:
                    return
                for service in services_of(self._settings):
                    self._store.online.follow(service, behind)
                self._log.mark_followed(behind)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Wait for other threads and processes; yields whether the online store holds what this updater knows.

        One at a time, so that no process pushes features that were computed before another one's event.
        """
        stores = self._settings[StoreSettings]
        with self._lock, updating(stores):
            stamp = read_stamp(materialized_directory(stores))
            yield stamp.get("fingerprint") == self._online.fingerprint

    def _apply(self, features: CustomerFeatures, pending: Mapping[str, int]) -> int:
        """Push the features of some customers; one whose features cannot be computed is left out, and logged."""
        try:
            for moment, customers in self._moments(list(pending)).items():
                self._store.online.push(features.vectors(self._log, customers, moment), moment)
                self._applied(customers, moment)
                self._log.mark_updated({name: pending[name] for name in customers})
        except StoreError:
            raise
        except Exception as error:
            if len(pending) > 1:
                return sum(self._apply(features, {name: seq}) for name, seq in pending.items())
            self._broken |= pending
            _log.exception("features_not_updated", seq=next(iter(pending.values())), exc_info=error)
            return 0
        return len(pending)

    def _moments(self, customers: Sequence[str]) -> dict[datetime, list[str]]:
        """Group customers by the whole second to compute their features for.

        It is after their last event, and after the moment of the features that are replaced. A customer with an event
        from a clock that was ahead gets a moment of their own.
        """
        now = max(self._clock(), self._online.as_of)
        before: dict[str, datetime] = {}
        for service in services_of(self._settings)[:1]:  # vectors of all services are of one moment
            vectors = self._store.online.vectors(service, customers)
            before = {name: vector.moment for name, vector in zip(customers, vectors, strict=True) if vector}
        latest = self._log.latest(customers)
        least = {name: max(now, before.get(name, now), latest.get(name, now)) for name in customers}
        together = [name for name, moment in least.items() if moment <= now + _NEAR]
        groups = {max(least[name] for name in together): together} if together else {}
        for name, moment in least.items():
            if moment > now + _NEAR:
                groups.setdefault(moment, []).append(name)
        return {_next_second(moment): names for moment, names in groups.items()}


def _next_second(moment: datetime) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp()), tz=UTC) + _SECOND
