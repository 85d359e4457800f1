"""Redis as the online store: its password."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from core.settings import Settings, StoreSettings
from features.store.feast_api import FeatureStore
from features.store.feature_store import Store
from features.store.repo import write_repo_file
from tests.conftest import World, copied
from tests.servers import free_port, redis
from training.churn.settings import ChurnSettings

PASSWORD = "k3y-b7Qz"  # noqa: S105 - of a server that lives as long as the tests


@dataclass(frozen=True)
class OnRedis:
    """The world's features in a Redis with a password."""

    settings: Settings
    client: Redis


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
            yield OnRedis(moved, client)


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


def test_the_repository_file_holds_no_password_of_postgresql(tmp_path: Path) -> None:
    stores = StoreSettings(registry=f"postgresql://me:{PASSWORD}@host/feast")
    write_repo_file(stores, tmp_path)
    text = (tmp_path / "feature_store.yaml").read_text()
    assert PASSWORD not in text
    assert "postgresql+psycopg://me:${FEAST_REGISTRY_PASSWORD}@host/feast" in text
    assert os.path.expandvars(text) == text
