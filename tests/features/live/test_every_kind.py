"""Events of every kind, on data that know them all: served features are those that training sees."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from features.engine.build import build_features
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import interaction_kinds, size_table, view_tables
from features.engine.vectors import services_of, vector_query
from features.engine.write import as_arrays, as_feature_rows
from features.ingest.pipeline import ingest
from features.live.parity import verify_parity
from features.store.feature_store import Store
from features.views import VIEWS, customer_views_of
from serving.settings import load_settings
from tests.conftest import NOW, World, copied, inside
from tests.features.live.place import AS_OF, Place, event, purchase, same
from tests.features.views.computed import inputs_of
from training.churn.settings import ChurnSettings
from training.next_product.settings import NextProductSettings


@pytest.fixture(scope="module")
def prepared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the world that knows every kind, built once."""
    directory = tmp_path_factory.mktemp("kinds")
    with copied(world, directory) as settings:
        make_every_kind_known(Place(directory, settings))
    return directory


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Iterator[Place]:
    """A copy of it, with its events."""
    shutil.copytree(prepared, tmp_path, symlinks=True, dirs_exist_ok=True)
    with inside(tmp_path):
        settings = load_settings()
        Store(settings).apply()  # the registry holds the paths of the features
        yield Place(tmp_path, settings)


def make_every_kind_known(place: Place) -> None:
    """Let the data know every kind of interaction; rows for the moment the data end at see none of that moment."""
    kinds = ("visit", "click", "complaint", "service_request")
    events = [{"number": 900 + n, "kind": kind} for n, kind in enumerate(kinds)]
    events += [
        {"number": 910, "kind": "nps", "value": 4},
        {"number": 911, "kind": "return", "product_id": "1029743", "value": 2},
    ]
    events = [{"customer_id": "36", "event_timestamp": AS_OF - timedelta(days=3), **one} for one in events]
    consent = {"customer_id": "42", "number": 950, "kind": "consent", "value": 0, "event_timestamp": AS_OF}
    place.take(*events, consent)
    ingest(place.settings, NOW)
    build_features(place.settings, NOW)
    place.store.apply()
    place.store.materialize()
    after = Place(place.directory, place.settings)
    assert after.online.as_of == AS_OF
    assert (after.vector("36") or {})["visits_28d"] == 1
    assert (after.vector("42") or {})["marketing_consent"] is None
    assert after.updater().update() > 0
    assert (after.vector("42") or {})["marketing_consent"] == 0


def offline(settings: Settings, customers: list[str], moment: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """The vectors that the expressions give on the whole contract tables."""
    con: Any = connect(settings)
    sources = read_sources(con, settings[StoreSettings])
    sizes, kinds = size_table(con.to_pandas(sources.products)), interaction_kinds(con, sources)
    # with an earlier snapshot, so that totals are added up as they are in a build
    moments = [moment - timedelta(days=7), moment]
    inputs = inputs_of(con, view_tables(sources, sizes), moments, kinds)
    for view in VIEWS:
        rows = as_arrays(as_feature_rows(view, inputs), view)
        con.create_table(view.name, rows.filter(rows.event_timestamp == moment), temp=True)
    vectors = {}
    for service in services_of(settings):
        parts = {view.name: f"SELECT * FROM {view.name}" for view in customer_views_of(service)}
        rows = con.con.execute(vector_query(con.con, parts)).fetchall()
        vectors[service.name] = {row[0]: json.loads(row[1]) for row in rows if row[0] in customers}
    return vectors


def of_every_kind(products: list[str], again: pd.Series, days: list[datetime]) -> list[dict[str, Any]]:
    """Events of each kind, late ones, and ones that report an order again; `again` is a line of an exported order."""
    return [
        purchase("6", 1, products[0], event_timestamp=days[0]),
        purchase("6", 2, products[1], event_timestamp=days[2]),
        {"customer_id": "6", "number": 3, "kind": "visit", "event_timestamp": days[2], "value": 30},
        {"customer_id": "12", "number": 4, "kind": "redemption", "campaign_id": "8", "event_timestamp": days[1]},
        {"customer_id": "12", "number": 5, "kind": "complaint", "event_timestamp": days[1]},
        purchase("12", 6, products[2], event_timestamp=AS_OF - timedelta(days=40)),  # late: it was not known before
        # an order that the exports have already
        purchase("18", 7, products[0]) | {"order_id": again["order_id"], "event_timestamp": again["event_timestamp"]},
        {"customer_id": "18", "number": 8, "kind": "nps", "value": 3, "event_timestamp": days[3]},
        {"customer_id": "24", "number": 9, "kind": "consent", "value": 0, "event_timestamp": days[0]},
        {"customer_id": "24", "number": 10, "kind": "return", "product_id": products[0], "value": 4.5},
        purchase("brand-new", 11, products[0], event_timestamp=days[1]),
        # the same order again, another version of it, and one that is cancelled
        purchase("6", 20, products[0]) | {"order_id": "o1"},
        purchase("6", 21, products[2], replaces=True) | {"order_id": "o1"},
        purchase("12", 22, products[1], event_timestamp=days[0]),
        purchase("12", 23, products[1], replaces=True) | {"order_id": "o22", "lines": []},
        # goods that come back, of events and of exports
        {"customer_id": "6", "number": 24, "kind": "return", "product_id": products[1], "value": 2.5, "order_id": "o2"},
        {
            "customer_id": "18",
            "number": 25,
            "kind": "return",
            "product_id": again["product_id"],
            "value": float(again["amount"]),
            "order_id": again["order_id"],
        },
        # an order of an export, which stays what the export says
        purchase("18", 26, products[1], replaces=True) | {"order_id": again["order_id"]},
        {
            "customer_id": "30",
            "number": 12,
            "kind": "subscription",
            "start_timestamp": "2017-12-01T00:00:00Z",
            "end_timestamp": "2018-12-01T00:00:00Z",
            "price": 9.9,
            "event_timestamp": days[0],
        },
        {
            "customer_id": "30",
            "number": 14,
            "kind": "subscription",
            "start_timestamp": "2017-12-01T00:00:00Z",
            "end_timestamp": "2018-03-01T00:00:00Z",
            "event_timestamp": days[1],
        },
    ]


def test_replayed_events_give_the_features_that_training_sees(place: Place) -> None:
    lines = pd.read_parquet(place.directory / "data/contract/transactions.parquet")
    products = lines["product_id"].value_counts().index[:3].tolist()
    again = lines[lines["customer_id"] == "18"].iloc[-1]
    days = [AS_OF + timedelta(days=day, hours=9) for day in range(4)]
    events = of_every_kind(products, again, days)
    customers = ["6", "12", "18", "24", "30", "brand-new"]
    # one after the other, the last of each as of its end, is the same as all at once
    first = place.updater()
    for one in events[:4]:
        place.take(one, by=first)
    place.take(*events[4:])
    place.log.append([event("30", 13, "contact", event_timestamp=days[3])], AS_OF)
    place.updater().update()
    place.take(*({"customer_id": c, "number": 100 + n, "kind": "click"} for n, c in enumerate(customers)))
    (moment,) = {vector.moment for vector in place.store.online.vectors(ChurnSettings.service, customers) if vector}
    assert moment > days[3]

    ingested = ingest(place.settings, NOW)
    assert ingested.rows["transactions"] == len(lines) + 6
    vectors = offline(place.settings, customers, moment)
    for service in (ChurnSettings.service, NextProductSettings.service):
        for customer in customers:
            online = place.vector(customer, service)
            assert online is not None
            wanted = vectors[service.name][customer]
            other = {name: (wanted[name], online[name]) for name in online if not same(wanted[name], online[name])}
            assert not other, other
            assert list(online) == list(wanted)
    contract = place.vector("30", ChurnSettings.service)
    assert contract is not None
    assert contract["contract_end"] == datetime(2018, 3, 1, tzinfo=UTC).timestamp()
    assert (contract["contract_price"], contract["contracts_total"]) == (9.9, 1)


def test_customers_with_events_of_every_kind_are_served_what_training_would_see(place: Place) -> None:
    lines = pd.read_parquet(place.directory / "data/contract/transactions.parquet")
    products = lines["product_id"].value_counts().index[:3].tolist()
    days = [AS_OF + timedelta(days=day, hours=9) for day in range(4)]
    place.take(*of_every_kind(products, lines[lines["customer_id"] == "18"].iloc[-1], days))
    reported = len(place.log.customers())
    found = verify_parity(place.settings, 60)
    assert found.differences == ()
    assert (found.customers, found.with_events, found.left_out) == (60, reported, 0)
    assert reported >= 7
    # each served and replayed, with over a hundred features
    assert found.values > 60 * 2 * 100
