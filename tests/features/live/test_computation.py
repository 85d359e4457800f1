"""Plans that are made once compute the same for the next customers, and keep nothing of a run."""

import json
from datetime import timedelta

import orjson

from features.live.computation import CustomerFeatures
from tests.features.live.place import AS_OF, Place, event, purchase, same


def test_customers_without_returns_have_the_same_features_by_either_plan(place: Place) -> None:
    place.log.append([event(**purchase("6", 1, "1029743")), event("12", 2, "contact")], AS_OF)
    features = CustomerFeatures(place.settings, place.online)
    customers = ["6", "12", "18", "24", "nobody"]
    known = features._known.of(customers, features._live_rows(place.log, customers))
    plain, returning = (features._plans[returns].rows(known, AS_OF + timedelta(hours=1)) for returns in (False, True))
    assert plain.keys() == returning.keys()
    for view, rows in plain.items():
        others = returning[view]
        assert rows.keys() == others.keys()
        # by way of JSON, where no number is null
        assert all(same(*(json.loads(orjson.dumps(one[name])) for one in (rows, others))) for name in rows), view


def test_features_are_the_same_alone_and_together_one_run_after_another(place: Place) -> None:
    """Nothing of one run is in the next: no rows, and nothing that the engine has concluded from them."""
    features, moment = CustomerFeatures(place.settings, place.online), AS_OF + timedelta(hours=1)
    customers = ["6", "12", "18", "24", "30", "36"]
    together = features.vectors(place.log, customers, moment)
    for customer in reversed(customers):
        alone = features.vectors(place.log, [customer], moment)
        assert {view: texts[customer] for view, texts in together.items()} == {
            view: texts[customer] for view, texts in alone.items()
        }


def test_memory_does_not_grow_with_events(place: Place) -> None:
    features = CustomerFeatures(place.settings, place.online)

    def used() -> int:
        query = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        return sum(int(plan._con.execute(query).fetchall()[0][0]) for plan in features._plans.values())

    place.log.append([event("6", 1, "contact")], AS_OF)
    for turn in range(2):
        features.vectors(place.log, ["6"], AS_OF + timedelta(seconds=turn + 1))
    first = used()
    for turn in range(20):
        features.vectors(place.log, ["6"], AS_OF + timedelta(seconds=turn + 3))
    assert used() <= 1.05 * first
