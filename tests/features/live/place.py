"""A copy of the fitted world that events may change, and events to change it by."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings, StoreSettings
from features.contract.events import event_reader
from features.contract.events.kind import Event
from features.live.log import EventLog
from features.live.updater import FeatureUpdater
from features.services import FeatureService
from features.store.feature_store import Store
from features.store.materialized import read_online
from training.churn.settings import ChurnSettings

AS_OF = datetime(2018, 1, 2, tzinfo=UTC)


class Place:
    """A copy of the fitted world that events may change."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings
        self.store = Store(self.settings)
        self.log = EventLog(self.settings[StoreSettings])
        self.online = read_online(self.settings[StoreSettings])
        self.applied: list[tuple[list[str], datetime]] = []

    def updater(self) -> FeatureUpdater:
        def noted(customers: list[str], moment: datetime) -> None:
            self.applied.append((customers, moment))

        def clock() -> datetime:
            """Return the moment of the last event that was applied."""
            return max([self.online.as_of, *(moment for _, moment in self.applied)])

        return FeatureUpdater(self.settings, self.store, self.log, self.online, clock, noted)

    def take(self, *events: dict[str, Any], by: FeatureUpdater | None = None) -> None:
        """Keep events and apply them, by an updater of another process if none is given."""
        self.log.append([event(**one) for one in events], self.online.as_of)
        (by or self.updater()).update()

    def vector(self, customer: str, service: FeatureService = ChurnSettings.service) -> dict[str, Any] | None:
        (vector,) = self.store.online.vectors(service, [customer])
        return vector.values if vector else None


def event(customer_id: str, number: int, kind: str, **more: Any) -> Event:
    return event_reader().validate_python({"event_id": f"e{number}", "customer_id": customer_id, "kind": kind, **more})


def purchase(customer_id: str, number: int, product: str, **more: Any) -> dict[str, Any]:
    line = {"product_id": product, "quantity": 1, "amount": 2.5, "discount": 0.5}
    order = {"order_id": f"o{number}", "lines": [line], **more}
    return {"customer_id": customer_id, "number": number, "kind": "purchase", **order}


def same(one: Any, other: Any) -> bool:
    """Equal but for the last of six decimals, which depends on the order of a sum."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, abs=2e-6)
    return bool(one == other)
