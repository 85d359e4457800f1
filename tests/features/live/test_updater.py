"""Features follow events: the same numbers that training sees, whichever process pushes them."""

from datetime import datetime, timedelta

import pytest

from core.errors import StoreError
from core.settings import StoreSettings
from core.stamps import read_stamp, write_stamp
from features.live.updater import FeatureUpdater
from features.store.materialized import OutdatedFeaturesError, materialized_directory, read_online
from features.store.online import OnlineStore
from tests.features.live.place import AS_OF, Place, event, purchase
from training.churn.settings import ChurnSettings
from training.next_product.settings import NextProductSettings


def test_the_customer_is_other_on_the_very_next_read(place: Place) -> None:
    before = place.vector("6")
    assert place.vector("brand-new") is None
    place.take(purchase("6", 1, "1029743"), purchase("brand-new", 2, "1029743"))
    after = place.vector("6")
    assert before is not None
    assert after is not None
    assert after["baskets_7d"] == before["baskets_7d"] + 1
    assert after["last_purchase"] == AS_OF.timestamp()
    new = place.vector("brand-new", NextProductSettings.service)
    assert new is not None
    assert new["history_products"] == ["1029743"]
    (applied,) = place.applied
    assert set(applied[0]) == {"6", "brand-new"}


def test_views_that_fall_silent_are_cleared(place: Place) -> None:
    customer = "6"
    assert (place.vector(customer) or {})["products_84d"] is not None
    late = AS_OF + timedelta(days=100)
    place.take({"customer_id": customer, "number": 1, "kind": "contact", "event_timestamp": late})
    vector = place.vector(customer)
    assert vector is not None
    assert vector["products_84d"] is None  # nothing was bought in 84 days
    place.updater().follow()
    rows = place.store.online.rows(ChurnSettings.service, "customer_id", [customer])
    assert rows.values["products_84d"] == [None]
    assert rows.values["contacts_84d"][0] >= 1


def test_an_unavailable_store_leaves_customers_pending(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("The online store does not answer.", "Check it.")

    with monkeypatch.context() as broken:
        broken.setattr(OnlineStore, "push", away)
        with pytest.raises(StoreError):
            place.take(purchase("6", 1, "1029743"))
    assert list(place.log.pending(10)) == ["6"]
    assert place.updater().update() == 1
    assert place.log.pending(10) == {}
    assert (place.vector("6") or {})["last_purchase"] == AS_OF.timestamp()


def test_who_waits_for_a_customer_does_not_wait_for_others_that_come_meanwhile(place: Place) -> None:
    def another_event(customers: list[str], _: datetime) -> None:
        if "6" in customers:
            place.log.append([event(**purchase("12", 2, "1029743"))], AS_OF)

    place.log.append([event(**purchase("6", 1, "1029743"))], AS_OF)
    updater = FeatureUpdater(
        place.settings, place.store, place.log, place.online, lambda: place.online.as_of, another_event
    )
    assert updater.update(["6"]) == 1
    assert list(place.log.pending(10)) == ["12"]
    assert updater.update(["6"]) == 0
    assert updater.update() == 1
    assert place.log.pending(10) == {}


def test_moments_only_go_forward(place: Place) -> None:
    place.take(purchase("6", 1, "1029743"))
    (first,) = (vector.moment for vector in place.store.online.vectors(ChurnSettings.service, ["6"]) if vector)
    place.take(purchase("6", 2, "1029743"))
    (second,) = (vector.moment for vector in place.store.online.vectors(ChurnSettings.service, ["6"]) if vector)
    assert AS_OF < first < second == place.applied[-1][1]


def test_rows_that_were_replaced_are_followed_by_who_has_loaded_the_new_ones(place: Place) -> None:
    before = place.updater()
    before.update()
    folder = materialized_directory(place.settings[StoreSettings])
    stamp = read_stamp(folder)
    write_stamp(folder, stamp | {"fingerprint": "another"})
    place.log.append([event(**purchase("6", 1, "1029743"))], AS_OF)
    assert before.update() == 0
    assert list(place.log.pending(10)) == ["6"]
    write_stamp(folder, stamp)
    assert before.update() == 1


@pytest.mark.parametrize("definition", ["of other code", None])
def test_events_wait_where_features_would_be_computed_in_another_way(place: Place, definition: str | None) -> None:
    """After an upgrade, rows of new code would be next to rows of the code before."""
    folder = materialized_directory(place.settings[StoreSettings])
    stamp = read_stamp(folder)
    changed = {name: value for name, value in stamp.items() if name != "definition"}
    write_stamp(folder, changed if definition is None else changed | {"definition": definition})
    place.online = read_online(place.settings[StoreSettings])
    assert place.updater().update() == 0
    place.log.append([event(**purchase("6", 1, "1029743"))], AS_OF)
    with pytest.raises(OutdatedFeaturesError, match="encore features build"):
        place.updater().update()
    assert list(place.log.pending(10)) == ["6"]
    write_stamp(folder, stamp)
    place.online = read_online(place.settings[StoreSettings])
    assert place.updater().update() == 1
