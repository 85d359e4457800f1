"""The champions: each change of the alias is kept with who made it and why, and one is made at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from core.errors import StateError
from core.locks import locked
from core.settings import Settings, StoreSettings
from training.lifecycle.gate import Decision
from training.lifecycle.promotions import Action, Entry, PromotionLog, Who
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version

_UNKNOWN = Who("unknown", "no entry says why")


class Champions:
    """Promotes, refuses and rolls back versions. Every method raises `StoreError` where MLflow or the log fail."""

    def __init__(
        self,
        settings: Settings,
        tracking: Tracking | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        stores = settings[StoreSettings]
        self._clock = clock
        self.tracking = tracking or Tracking(settings[TrackingSettings])
        self.log = PromotionLog(stores)
        self._lock = stores.data / "promotions.lock"

    def current(self, name: str) -> Version | None:
        """Return the champion; one that the log does not know, as it was set by other means, is noted there."""
        with self._alone():
            return self._current(self.tracking.own(name))

    def promote(self, version: Version, decision: Decision, who: Who) -> Version:
        """Make a version the champion; the log says where the gate refuses it."""
        if not decision.passes:
            reason = " ".join(("It is promoted by hand, though the gate refuses it.", *decision.refusals))
            decision = replace(decision, reason=reason)
        with self._alone():
            before = self._current(version.name)
            self.tracking.set_champion(version, who.by, who.why)
            self.log.add(self._entry("promoted", version, before, who, decision))
            return self.tracking.version(version.name, version.number)

    def refuse(self, version: Version, decision: Decision, who: Who) -> None:
        """Note that the gate keeps a version from becoming the champion."""
        with self._alone():
            before = self._current(version.name)
            self.log.add(self._entry("refused", version, before, who, decision))

    def roll_back(self, name: str, who: Who, to: str | None = None) -> Version:
        """Let an earlier champion answer again.

        The version that answered until now is marked, so that training on the same data does not bring it back.

        Parameters
        ----------
        to
            Number of the version; None is the champion before this one.

        Raises
        ------
        StateError
            If there is no earlier champion, or the version is not one that is registered or is the champion already.
        """
        name = self.tracking.own(name)
        with self._alone():
            before = self._current(name)
            if before is None:
                raise StateError(f"There is no champion of {name} to roll back from.", "Train a model first.")
            number = to or self._earlier(name, before)
            if number == before.number:
                raise StateError(
                    f"{before.label} is the champion already.", "Name another version: `encore models list`."
                )
            version = self.tracking.version(name, number)
            self.tracking.check_files(version)
            self.tracking.mark_rolled_back(before)
            self.tracking.set_champion(version, who.by, who.why)
            reason = f"Rolled back from {before.label}."
            self.log.add(self._entry("rolled_back", version, before, who, Decision(passes=True, reason=reason)))
            return self.tracking.version(name, number)

    def history(self, name: str | None = None, limit: int | None = None) -> list[Entry]:
        """Return the entries of the log, the newest first."""
        return self.log.entries(name and self.tracking.own(name), limit)

    def _earlier(self, name: str, champion: Version) -> str:
        """Return the number of the champion before; a version that was rolled back is passed over."""
        registered = {one.number: one for one in self.tracking.versions(name)}
        for number in self.log.champions(name):
            if number != champion.number and number in registered and not registered[number].rolled_back:
                return number
        raise StateError(
            f"No earlier champion of {name} is known.",
            "Name a version with --to; `encore models list` shows those that are registered.",
        )

    def _current(self, name: str) -> Version | None:
        champion = self.tracking.find(name)
        known = next(iter(self.log.champions(name)), None)
        if champion is not None and champion.number != known:
            found = Decision(
                passes=True, reason="The alias names this version, and was not set by a command of Encore that ended."
            )
            who = champion.promoted or _UNKNOWN
            self.log.add(replace(self._entry("found", champion, None, who, found), previous=known))
        return champion

    def _entry(self, action: Action, version: Version, before: Version | None, who: Who, decision: Decision) -> Entry:
        return Entry(
            moment=self._clock(),
            model=version.name,
            action=action,
            version=version.number,
            previous=before.number if before else None,
            decided_by=who.by,
            why=who.why,
            grade=version.grade,
            reason=decision.reason,
            checks=tuple(decision.as_json()["checks"]),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process change champions meanwhile."""
        with locked(self._lock):
            yield
