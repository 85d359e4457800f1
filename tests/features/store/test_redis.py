"""Redis as the online store: its password, and the files that it keeps of erased customers."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from redis import Redis

from core.settings import Settings, StoreSettings
from features.store.feast_api import FeatureStore
from features.store.feature_store import Store
from features.store.repo import write_repo_file
from serving.privacy.stores import REDIS_FILES
from serving.settings import default_settings
from tests.conftest import World, connected, copied, erased
from tests.servers import free_port, redis
from training.churn.settings import ChurnSettings

PASSWORD = "k3y-b7Qz"  # noqa: S105 - of a server that lives as long as the tests
CUSTOMER = "erase-Xq7c1fW"


@dataclass(frozen=True)
class OnRedis:
    """The world's features in a Redis with a password, an append-only file and snapshots."""

    settings: Settings
    directory: Path
    client: Redis

    @property
    def holders(self) -> set[str]:
        """The kinds of files of Redis that have the customer in them."""
        files = [file for file in self.directory.rglob("*") if file.suffix in {".aof", ".rdb"}]
        return {file.suffix for file in files if CUSTOMER.encode() in file.read_bytes()}


@pytest.fixture(scope="module")
def on_redis(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnRedis]:
    directory = tmp_path_factory.mktemp("redis")
    port = free_port()
    with copied(world, tmp_path_factory.mktemp("home")) as settings, redis(directory, port, "--requirepass", PASSWORD):
        stores = settings[StoreSettings].model_copy(update={"online": f"redis://:{PASSWORD}@127.0.0.1:{port}/0"})
        moved = settings.replaced(stores)
        Store(moved).apply()
        Store(moved).materialize()
        with Redis(port=port, password=PASSWORD) as client:
            client.config_set("save", "3600 1")
            yield OnRedis(moved, directory, client)


@pytest.fixture
def customer(on_redis: OnRedis) -> str:
    """A customer whom Redis has in its append-only file and in its snapshot."""
    online = Store(on_redis.settings).online
    (vector,) = online.vectors(ChurnSettings.service, ["12"])
    assert vector is not None
    online.push({"churn_v1_vector": {CUSTOMER: orjson.dumps(vector.values).decode()}}, vector.moment)
    online.follow(ChurnSettings.service, [CUSTOMER])
    on_redis.client.save()
    assert on_redis.holders == {".aof", ".rdb"}
    return CUSTOMER


@pytest.mark.servers
def test_feasts_own_commands_take_the_password_from_a_variable(
    on_redis: OnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = on_redis.settings[StoreSettings].data / "feast"
    file = folder / "feature_store.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(PASSWORD.encode() in path.read_bytes() for path in folder.parent.rglob("*") if path.is_file())
    monkeypatch.setenv("FEAST_ONLINE_PASSWORD", PASSWORD)
    plain = FeatureStore(repo_path=str(folder))
    answer = plain.get_online_features(["customer_value:amount_total"], [{"customer_id": "12"}]).to_dict()
    known = Store(on_redis.settings).online.rows(ChurnSettings.service, "customer_id", ["12"])
    assert answer["amount_total"] == known.values["amount_total"]
    assert answer["amount_total"][0] > 0


@pytest.mark.servers
@pytest.mark.usefixtures("customer")
def test_an_erased_customer_is_in_no_file_of_redis(on_redis: OnRedis) -> None:
    with connected(on_redis.settings) as client:
        receipt = erased(client, CUSTOMER)
    assert {one["place"]: one["count"] for one in receipt["removed"]}["online store"] > 0
    assert on_redis.holders == set()
    assert REDIS_FILES not in receipt["remains"]


@pytest.mark.servers
@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize("forbidden", ["bgrewriteaof", "bgsave", "config", "info"])
def test_files_that_redis_may_not_write_again_are_in_the_receipt(on_redis: OnRedis, forbidden: str) -> None:
    on_redis.client.acl_setuser("default", enabled=True, commands=[f"-{forbidden}"])
    try:
        with connected(on_redis.settings) as client:
            receipt = erased(client, CUSTOMER)
    finally:
        on_redis.client.acl_setuser("default", enabled=True, commands=[f"+{forbidden}"])
    assert on_redis.holders
    assert REDIS_FILES in receipt["remains"]


def test_the_repository_file_holds_no_password_of_postgresql(tmp_path: Path) -> None:
    stores = StoreSettings(registry=f"postgresql://me:{PASSWORD}@host/feast")
    write_repo_file(default_settings(stores), tmp_path)
    text = (tmp_path / "feature_store.yaml").read_text()
    assert PASSWORD not in text
    assert "postgresql+psycopg://me:${FEAST_REGISTRY_PASSWORD}@host/feast" in text
    assert os.path.expandvars(text) == text
