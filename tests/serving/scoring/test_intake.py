"""What follows an event while the API runs."""

import time
from pathlib import Path

from features.store.feature_store import Store
from tests.conftest import World, connected, copied
from training.churn.settings import ChurnSettings

CUSTOMER = "6"


def test_views_follow_an_event_by_themselves(world: World, tmp_path: Path) -> None:
    event = {"kind": "contact", "event_id": "e1", "customer_id": CUSTOMER}
    with copied(world, tmp_path) as settings, connected(settings) as client:
        online = Store(settings).online
        assert client.post("/v1/events", json={"events": [event]}).json()["applied"]
        (vector,) = online.vectors(ChurnSettings.service, [CUSTOMER])
        assert vector is not None
        deadline = time.monotonic() + 60
        while (rows := online.rows(ChurnSettings.service, "customer_id", [CUSTOMER])).event_timestamps != [
            vector.moment
        ]:
            assert time.monotonic() < deadline, rows.event_timestamps
            time.sleep(0.2)
        assert rows.values["contacts_84d"] == [vector.values["contacts_84d"]]
