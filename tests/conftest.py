"""The fitted world that most tests share: built once, by the commands a user would run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.build import build_features
from features.config import Settings, load_settings
from features.ingest.pipeline import ingest
from features.snapshots import Schedule
from features.sources import connect
from features.store import Store
from serving.api.app import create_app
from serving.ready import Ready
from serving.scorer import Scorer
from tests.world import config_text, write_slice
from training.churn.pipeline import train_churn
from training.next_product.pipeline import train_next_product

NOW = datetime(2018, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def con(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The engine that runs feature expressions."""
    return connect(Settings(stores={"data": tmp_path_factory.mktemp("spill")}))


@dataclass(frozen=True)
class World:
    """A folder with raw data, contract tables, features, models and an online store."""

    directory: Path
    settings: Settings
    schedule: Schedule


@contextmanager
def inside(directory: Path) -> Iterator[None]:
    """Work in a folder, as relative paths of the settings start there."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the whole path once on about 400 real households; everything stays in its folder."""
    directory = tmp_path_factory.mktemp("world")
    write_slice(directory / "exports")
    (directory / "encore.toml").write_text(config_text(directory / "exports"))
    with inside(directory):
        settings = load_settings()
        ingest(settings, NOW)
        built = build_features(settings, NOW)
        Store(settings).apply()
        train_churn(settings)
        train_next_product(settings)
        Store(settings).materialize()
        yield World(directory, settings, built.schedule)


@pytest.fixture
def at_home(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, as the working directory."""
    monkeypatch.chdir(world.directory)
    return world


@pytest.fixture(scope="session")
def store(world: World) -> Store:
    """The world's feature store."""
    return Store(world.settings)


@pytest.fixture(scope="session")
def ready(world: World) -> Ready:
    """The world's champions, loaded as the API loads them."""
    loaded = Ready(world.settings, lambda: NOW)
    with inside(world.directory):
        loaded.load()
    return loaded


@pytest.fixture(scope="session")
def scorer(ready: Ready) -> Scorer:
    """Scores with the world's champions."""
    return ready.scorer


@pytest.fixture(scope="session")
def client(world: World) -> Iterator[TestClient]:
    """The world's API, ready."""
    with inside(world.directory):
        app = create_app(world.settings, lambda: NOW)
        app.state.ready.load()
        with TestClient(app, raise_server_exceptions=False) as connected:
            yield connected
