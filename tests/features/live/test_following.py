"""The views of the online store follow the vectors, for programs that know Feast alone."""

import json
from datetime import datetime

import orjson

from features.views import views_of
from tests.features.live.place import AS_OF, Place, purchase
from training.churn.settings import ChurnSettings
from training.next_product.settings import NextProductSettings


def test_all_views_follow_not_just_the_vectors(place: Place) -> None:
    place.take(purchase("6", 1, "1029743"), {"customer_id": "6", "number": 2, "kind": "contact"})
    before = place.store.online.rows(ChurnSettings.service, "customer_id", ["6"])
    assert before.event_timestamps == [AS_OF]
    # by another process, where the first one has ended in between
    place.updater().follow()
    for service in (ChurnSettings.service, NextProductSettings.service):
        (vector,) = place.store.online.vectors(service, ["6"])
        assert vector is not None
        rows = place.store.online.rows(service, "customer_id", ["6"])
        assert rows.event_timestamps == [vector.moment]
        for name, (value,) in rows.values.items():
            comparable = value.timestamp() if isinstance(value, datetime) else json.loads(orjson.dumps(value))
            assert comparable == vector.values[name], name
    assert place.log.behind(10) == []
    assert {view.name for view in views_of(ChurnSettings.service)} >= {"customer_activity", "customer_profile"}


def test_views_have_what_the_vectors_of_a_build_have(place: Place) -> None:
    """A row that follows its vector is the row that a materialisation copies."""
    customers = ["6", "12", "18"]
    for service in (ChurnSettings.service, NextProductSettings.service):
        before = place.store.online.rows(service, "customer_id", customers)
        place.store.online.follow(service, [*customers, "unknown"])
        assert str(place.store.online.rows(service, "customer_id", customers)) == str(before)
        assert place.store.online.rows(service, "customer_id", ["unknown"]).event_timestamps == [None]


def test_nothing_follows_of_an_erased_customer(place: Place) -> None:
    place.take(purchase("6", 1, "1029743"), purchase("12", 2, "1029743"))
    assert set(place.log.behind(10)) == {"6", "12"}
    place.log.erase("6")
    place.store.online.erase("6")
    place.updater().follow()
    rows = place.store.online.rows(ChurnSettings.service, "customer_id", ["6", "12"])
    assert rows.event_timestamps[0] is None
    assert rows.event_timestamps[1] == place.applied[-1][1]
