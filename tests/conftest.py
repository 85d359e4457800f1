"""The fitted world that most tests share: built once, by the commands a user would run."""

import os
import shutil
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from core.locks import locked
from core.settings import Settings, StoreSettings
from features.engine.build import build_features, built_schedule
from features.engine.duckdb import connect
from features.ingest.pipeline import ingest
from features.snapshots import Schedule
from features.store.feature_store import Store
from serving.access.keys import ROLES, KeyFile
from serving.api.app import create_app
from serving.explain.language import Language
from serving.parts import make_scoring
from serving.parts.churn import ChurnEngine
from serving.parts.recommendations import OfferEngine
from serving.scoring.part import Question
from serving.scoring.service import ScoredCustomer
from serving.settings import load_settings
from tests.browser import chromium
from tests.world import config_text, write_slice
from training.churn.model import ChurnModel
from training.lifecycle.runner import train
from training.lifecycle.settings import TrackingSettings
from training.next_product.model import NextProductModel
from training.registry import MODELS

NOW = datetime(2018, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def con(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The engine that runs feature expressions."""
    return connect(Settings(StoreSettings(data=tmp_path_factory.mktemp("spill"))))


@dataclass(frozen=True)
class World:
    """A folder with raw data, contract tables, features, models and an online store.

    Attributes
    ----------
    fitted
        Names below `data` that were there once the models were fitted. Whatever else is there is left by a test.
    """

    directory: Path
    settings: Settings
    schedule: Schedule
    fitted: frozenset[str]


@contextmanager
def inside(directory: Path) -> Iterator[None]:
    """Work in a folder, as relative paths of the settings start there."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its lane: `world` by the fixture it asks for, `unit` if it is in no other; and order the files.

    Two processes share the files. One begins with a file that needs the world, and fits it; meanwhile the other one has
    the files that need nothing. Long files follow, then short ones, so that both end together.
    """
    lanes: dict[Path, set[str]] = {}
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker("world")
        if not {mark.name for mark in item.iter_markers()} & {"world", "servers"}:
            item.add_marker("unit")
        lanes.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    first = next((path for path, marks in lanes.items() if {"world", "servers"} <= marks), None)

    def place(item: pytest.Item) -> int:
        if item.path == first:
            return 0
        marks = lanes[item.path]
        return 2 if "servers" in marks else 3 if "world" in marks else 1

    items.sort(key=place)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[World]:
    """Run the whole path on about 400 real households; everything stays in its folder.

    Where several processes test, the first one that needs the world fits it, and each works in a copy of its own.
    """
    if worker_id == "master":
        directory = tmp_path_factory.mktemp("world")
        fit(directory)
    else:
        fitted = tmp_path_factory.getbasetemp().parent / "fitted"
        with locked(fitted / "lock"):
            if not (done := fitted / "done").exists():
                fit(fitted)
                done.touch()
        directory = copy_of(fitted, tmp_path_factory.mktemp("world"))
    with inside(directory):
        settings = load_settings()
        yield World(
            directory, settings, built_schedule(settings)[0], frozenset(one.name for one in Path("data").iterdir())
        )


def fit(directory: Path) -> None:
    """Go from exports to champions and an online store."""
    write_slice(directory / "exports")
    (directory / "encore.toml").write_text(config_text(directory / "exports"))
    with inside(directory):
        settings = load_settings()
        ingest(settings, NOW)
        build_features(settings, NOW)
        Store(settings).apply()
        schedule = built_schedule(settings)[0]
        for registered in MODELS:
            if schedule.splits[registered.name].test:  # nobody was assigned to a campaign
                train(registered.load(), settings)
        Store(settings).materialize()


def copy_of(fitted: Path, directory: Path) -> Path:
    """Copy a fitted world, but for its exports, which nobody changes."""
    for name in ("data", "mlruns"):
        shutil.copytree(fitted / name, directory / name)
    shutil.copy(fitted / "encore.toml", directory)
    with inside(directory):
        Store(load_settings()).apply()  # the registry holds the paths of the features
    return directory


@contextmanager
def copied(world: World, directory: Path) -> Iterator[Settings]:
    """Work in a copy of the world's folder as it was fitted, which may be changed; the models are the world's."""
    data = world.directory / "data"

    def left(folder: str, names: list[str]) -> set[str]:
        return set(names) - world.fitted if Path(folder) == data else set()

    shutil.copytree(data, directory / "data", ignore=left)
    (directory / "mlruns").symlink_to(world.directory / "mlruns")
    shutil.copy(world.directory / "encore.toml", directory)
    with inside(directory):
        settings = load_settings()
        Store(settings).apply()
        yield settings


@pytest.fixture
def at_home(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, as the working directory."""
    monkeypatch.chdir(world.directory)
    return world


@pytest.fixture(scope="session")
def store(world: World) -> Store:
    """The world's feature store."""
    return Store(world.settings)


class Scoring:
    """The scoring service with the champions of some settings, loaded as the API loads them."""

    def __init__(self, settings: Settings) -> None:
        self.service, self.reloader = make_scoring(settings, lambda: NOW)
        self.reloader.load()

    @property
    def churn(self) -> ChurnModel:
        """The churn champion."""
        return self.reloader.deployment.engine(ChurnEngine).champion

    @property
    def next_product(self) -> NextProductModel:
        """The next-product champion."""
        return self.reloader.deployment.engine(OfferEngine).recommenders["champion"].model

    def ask(
        self, customers: Sequence[str], *parts: str, options: Hashable = None, language: Language = "en"
    ) -> list[ScoredCustomer]:
        """Return answers that are computed now; options are those of the first part."""
        chosen = {parts[0]: options} if options is not None else {}
        question = Question(tuple(customers), parts, language, chosen, live=True)
        deployment = self.reloader.load()
        return list(self.service.answer(deployment, question, self.reloader.as_of(deployment)).customers)


@pytest.fixture(scope="session")
def scoring(world: World) -> Scoring:
    """Answers of the world's champions."""
    with inside(world.directory):
        return Scoring(world.settings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file.

    Playwright allows one a process, and keeps an event loop running meanwhile, beside which other tests can start none.
    """
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def client(embedded: TestClient) -> TestClient:
    """The world's API, ready."""
    return embedded


@pytest.fixture(scope="session")
def embedded(world: World) -> Iterator[TestClient]:
    """The same, in this process, on files."""
    with inside(world.directory), connected(anywhere(world)) as client:
        yield client


def anywhere(world: World) -> Settings:
    """Return the world's settings with whole paths.

    What is served looks for new models all the time, also while a test works in another folder.
    """
    at = world.directory
    stores = StoreSettings(
        data=at / "data", online=f"sqlite://{at}/data/online.db", registry=f"file://{at}/data/registry.db"
    )
    tracking = TrackingSettings(uri=f"sqlite:///{at}/mlruns/mlflow.db", artifacts=str(at / "mlruns/artifacts"))
    return world.settings.replaced(stores, tracking)


@contextmanager
def connected(settings: Settings, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[TestClient]:
    """Start an API that is ready, with a key for everything."""
    app = create_app(settings, clock)
    app.state.encore.reloader.load()
    headers = bearer(KeyFile(settings[StoreSettings]).create(uuid4().hex, ROLES, clock(), per_minute=10_000_000))
    with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
        yield client


def erased(client: TestClient, customer: str) -> dict[str, Any]:
    """Erase a customer, and return the receipt once it is done."""
    answer = client.delete(f"/v1/customers/{customer}")
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + 60
    while (receipt := client.get(answer.headers["location"]).json())["status"] != "done":
        assert time.monotonic() < deadline, receipt
        time.sleep(0.05)
    return dict(receipt)


def bearer(secret: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {secret}"}
