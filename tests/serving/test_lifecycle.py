"""Versions by command: what is listed, compared, promoted and rolled back, while an API answers without a failure."""

import json
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.errors import ConfigError
from core.settings import Settings, StoreSettings
from serving.access.keys import ROLES, KeyFile
from serving.cli.deciding import decider
from serving.explain.tiers import Tiers, make_tiers
from serving.parts.churn import ChurnEngine
from serving.settings import load_settings
from tests.conftest import NOW, Scoring, World, copied
from tests.servers import ENCORE, Encore, wait_until
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.lifecycle.runner import train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking


@dataclass(frozen=True)
class House:
    """A copy of the world with a registry of its own, whose second churn version waits for its promotion."""

    directory: Path
    settings: Settings
    first: str
    second: str


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    with copied(world, directory):
        (directory / "mlruns").unlink()
        shutil.copytree(world.directory / "mlruns", directory / "mlruns")
        settings = load_settings()
        first = Tracking(settings[TrackingSettings]).champion("encore-churn").number
        churn = settings[ChurnSettings].model_copy(update={"validation_snapshots": 2})
        second = train(CHURN, settings.replaced(churn), promote=False).version.number
        yield House(directory, settings, first, second)


def encore(house: House, *words: str, code: int = 0) -> str:
    """Run a command in the house, and return what it printed."""
    done = subprocess.run([*ENCORE, *words], cwd=house.directory, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.world
def test_versions_are_listed_compared_and_measured(house: House) -> None:
    listed = json.loads(encore(house, "models", "list", "churn", "--format", "json"))
    by_number = {one["number"]: one for one in listed}
    assert by_number[house.first]["aliases"] == ["champion"]
    assert by_number[house.second]["aliases"] == ["challenger"]
    assert "percentages" in by_number[house.first]["words"]
    found = json.loads(encore(house, "models", "compare", "churn", f"churn/{house.second}", "--format", "json"))
    gain = found["comparison"]["metrics"]["roc_auc"]
    assert gain["difference"]["value"] == pytest.approx(gain["challenger"] - gain["champion"])
    assert gain["difference"]["low"] <= gain["difference"]["value"] <= gain["difference"]["high"]
    assert [check["name"] for check in found["gate"]["checks"]] == [
        "answers",
        "leakage",
        "grade",
        "gain",
        "calibration",
        "slices",
        "reasons",
    ]
    measured = json.loads(encore(house, "evaluate", "churn", "--version", house.second, "--format", "json"))
    assert measured["protocol"]["model"] == f"encore-churn/{house.second}"
    assert measured["methods"]["champion"]["roc_auc"]["value"] == pytest.approx(gain["challenger"])
    unknown = encore(house, "models", "compare", "churn", "churn/99", code=2)
    assert "No version '99' of encore-churn is registered." in unknown


@pytest.mark.world
def test_where_percentages_are_too_far_off_tiers_go_by_share(house: House) -> None:
    by_risk = Scoring(house.settings).reloader.deployment.engine(ChurnEngine).tiers
    client, churn = MlflowClient(), house.settings[ChurnSettings]
    client.set_model_version_tag("encore-churn", house.first, "encore.order_only", "true")
    try:
        scoring = Scoring(house.settings)
    finally:
        client.delete_model_version_tag("encore-churn", house.first, "encore.order_only")
    assert by_risk == Tiers(churn.high_risk, churn.medium_risk)
    by_share = scoring.reloader.deployment.engine(ChurnEngine)
    assert by_share.tiers != by_risk
    store, as_of = by_share._store, scoring.reloader.deployment.ground.online.as_of
    shares = churn.model_copy(update={"tiers": "share"})
    assert by_share.tiers == make_tiers(house.settings.replaced(shares), store, scoring.churn, as_of)


def test_a_reason_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ConfigError, match=r"Expected a reason.*--why"):
        decider(None, " ")
    assert decider("ada", " because ").why == "because"
    assert decider(None, "because").by


@pytest.mark.servers
def test_a_rollback_reaches_a_loaded_api_within_seconds_without_a_failed_request(house: House) -> None:
    key = KeyFile(house.settings[StoreSettings]).create("load", ROLES, NOW, per_minute=10_000_000)
    answered: Counter[tuple[int, str]] = Counter()
    stop = threading.Event()
    with Encore(house.directory, key) as api:

        def load(customer: str) -> None:
            while not stop.is_set():
                status, answer = api.ask("GET", f"/v1/customers/{customer}/explanation")
                answered[status, answer["risk"]["model"] if status == 200 else str(answer)] += 1

        def in_use() -> str:
            _, answer = api.ask("GET", "/v1/models")
            return next(str(one["version"]) for one in answer["models"] if one["name"] == "encore-churn")

        threads = [threading.Thread(target=load, args=(customer,)) for customer in ("6", "12", "18")]
        for thread in threads:
            thread.start()
        try:
            assert in_use() == house.first
            words = ("--why", "a better season", "--by", "ada", "--force")
            encore(house, "models", "promote", f"churn/{house.second}", *words)
            start = time.monotonic()
            wait_until(lambda: in_use() == house.second, api.log, 30)
            printed = encore(house, "models", "rollback", "churn", "--why", "complaints", "--by", "grace")
            assert f"encore-churn/{house.first} is the champion again" in printed
            wait_until(lambda: in_use() == house.first, api.log, 30)
            assert time.monotonic() - start < 60
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        status, history = api.ask("GET", "/v1/models/history?name=encore-churn&limit=2")
        assert status == 200
        back, forward = history["entries"]
    assert {status for status, _ in answered} == {200}
    assert {model for _, model in answered} == {f"encore-churn/{house.first}", f"encore-churn/{house.second}"}
    assert (back["action"], back["version"], back["previous"]) == ("rolled_back", house.first, house.second)
    assert (back["by"], back["why"]) == ("grace", "complaints")
    assert (forward["action"], forward["by"], forward["why"]) == ("promoted", "ada", "a better season")
    assert [check["name"] for check in forward["checks"]][:2] == ["answers", "leakage"]
    churn = house.settings[ChurnSettings].model_copy(update={"validation_snapshots": 2})
    again = train(CHURN, house.settings.replaced(churn))
    assert again.skipped
    assert again.decision is not None
    assert "was rolled back" in again.decision.reason
    listed = encore(house, "models", "history", "churn")
    assert f"encore-churn/{house.first} became the champion again, after {house.second}" in listed
    assert "by grace: complaints" in listed
    assert encore(house, "models", "rollback", "churn", "--why", "x", code=2)
