"""What readers of Feast's own pages and commands see: descriptions, tags, owners."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from features.settings import FeatureSettings
from features.store.feast_api import FeatureStore
from features.store.feature_store import Store
from tests.conftest import World, copied
from tests.servers import Server, free_port


def test_everything_registered_is_described_and_tagged(at_home: World) -> None:
    feast = FeatureStore(repo_path="data/feast")
    services = {one.name: one for one in feast.list_feature_services()}
    assert {name: one.tags for name, one in services.items()} == {
        "churn_v1": {"model": "churn, uplift"},
        "next_product_v1": {"model": "next_product"},
        "value_v1": {"model": "value, segments"},
    }
    views = {one.name: one for one in feast.list_feature_views()}
    assert views["customer_value"].description == "What a customer spends. One row per customer and snapshot."
    assert views["customer_value"].tags == {"kind": "customer", "model": "churn, value, segments, uplift"}
    assert views["customer_profile"].tags == {
        "kind": "customer",
        "model": "churn, next_product, value, segments, uplift",
    }
    assert services["value_v1"].description == "What the value and segments models read."
    assert services["churn_v1"].description == "What the churn and uplift models read."
    assert [name for name in views if name.endswith("_vector")].count("value_v1_vector") == 1
    assert views["value_v1_vector"].tags == {"kind": "vector", "model": "value, segments"}
    assert views["churn_v1_vector"].tags == {"kind": "vector", "model": "churn, uplift"}
    everything = [*services.values(), *views.values(), *feast.list_entities()]
    assert len(everything) >= 3 + 14 + 2
    for one in everything:
        assert one.description.endswith("."), one.name
        assert one.owner == ""
    texts = {field.name: field.description for one in views.values() for field in one.schema}
    assert texts["last_purchase"] == "A moment; models read the days since or until it, recency_days."
    assert texts["amount_28d"] == "Of the 28 days before the snapshot."


def test_the_owner_of_the_settings_is_registered(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as settings:
        owned = settings.replaced(FeatureSettings(owner="crm@shop.example"))
        assert Store(owned).apply()
        assert not Store(owned).apply()
        feast = FeatureStore(repo_path="data/feast")
        found = [*feast.list_feature_views(), *feast.list_feature_services(), *feast.list_entities()]
        assert {one.owner for one in found} == {"crm@shop.example"}


def test_feasts_own_command_shows_the_description(at_home: World) -> None:
    feast = str(Path(sys.executable).parent / "feast")
    command = [feast, "-c", "data/feast", "feature-views", "describe", "customer_activity"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "How often and how regularly a customer buys." in done.stdout


@pytest.mark.servers
def test_feasts_pages_start(world: World, tmp_path: Path) -> None:
    port = free_port()
    command = [str(Path(sys.executable).parent / "feast"), "-c", "data/feast", "ui", "--host", "127.0.0.1"]
    with copied(world, tmp_path):
        server = Server([*command, "--port", str(port)], tmp_path, "ui", PYTHONPATH=os.pathsep.join(sys.path))
        server.start()
        try:
            page = _page(f"http://127.0.0.1:{port}/", server)
            assert "<html" in page.lower()
            listed = json.loads(_page(f"http://127.0.0.1:{port}/api/v1/feature_views?project=encore", server))
            assert "customer_activity" in {one["spec"]["name"] for one in listed["featureViews"]}
        finally:
            server.stop()


def _page(address: str, server: Server) -> str:
    """Return a page, once the server has started."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(address, timeout=10) as answer:
                return str(answer.read().decode())
        except URLError:
            assert time.monotonic() < deadline, server.log.read_text()[-2000:]
            time.sleep(0.3)
