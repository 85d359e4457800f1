"""MLflow as Encore uses it: what is missing or unavailable is said in words."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.errors import StateError, StoreError
from training.evaluation.bootstrap import Estimate
from training.evaluation.grade import Grading
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version, VersionTags


def local(folder: Path) -> TrackingSettings:
    return TrackingSettings(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts"))


@dataclass(frozen=True)
class Note:
    """A model that is a line of text."""

    text: str
    labels_end: datetime = datetime(2018, 1, 1, tzinfo=UTC)

    def prepared(self, store: object, as_of: datetime) -> "Note":
        return self

    def save(self, directory: Path) -> None:
        (directory / "note.txt").write_text(self.text)

    @classmethod
    def load(cls, directory: Path) -> "Note":
        return cls((directory / "note.txt").read_text())


class _PyFunc:
    def predict(self, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        return model_input


def _load_pyfunc(path: str) -> Any:
    return _PyFunc()


def registered(tracking: Tracking, text: str, folder: Path) -> Version:
    """Log a note with MLflow, and register it as the champion."""
    files = folder / "model"
    files.mkdir(parents=True)
    Note(text).save(files)
    example = pd.DataFrame({"x": [1.0]})
    with tracking.run("note", {}) as run:
        run.text("card.md", text)
        run.model(files, __name__, example, example)
    grading = Grading("A", "none", Estimate(1.0, 0.5, 1.5), 0.5, 0.0)
    version = tracking.register(run, "encore-note", VersionTags("f", "d", grading))
    tracking.set_champion(version, "ada", "it is a note")
    return version


def noted(tracking: Tracking) -> str:
    return tracking.load(tracking.champion("encore-note"), Note).text


def written(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in (folder / "artifacts").rglob("*") if path.is_file()}


@pytest.mark.parametrize("module", ["tracking", "run", "runner", "server"])
def test_mlflow_sends_nothing_home(module: str) -> None:
    """Whichever module of the room is imported first."""
    code = (
        f"import training.lifecycle.{module}\n"
        "from mlflow.telemetry.client import get_telemetry_client\n"
        "print('CLIENT', get_telemetry_client())"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "DO_NOT"))}
    # where MLflow recognises a job of a build server, it sends nothing anyway
    environment = {name: value for name, value in environment.items() if name not in {"CI", "PYTEST_CURRENT_TEST"}}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "CLIENT None" in done.stdout


def test_no_champion_says_what_to_run(tmp_path: Path) -> None:
    tracking = Tracking(local(tmp_path))
    assert tracking.find("encore-churn") is None
    with pytest.raises(StateError, match=r"encore-churn.*champion.*encore train churn"):
        tracking.champion("encore-churn")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "postgresql://u:p@127.0.0.1:1/none"])
def test_an_unavailable_server_is_named(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    with pytest.raises(StoreError, match=r"MLflow does not answer.*tracking\.uri"):
        Tracking(TrackingSettings(uri=uri))


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_the_password_of_a_server_is_in_no_error(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that what is set is unset afterwards
    monkeypatch.setenv("WORD", "p@ss/w:ord#%")
    with pytest.raises(StoreError) as caught:
        Tracking(TrackingSettings(uri=f"{scheme}://me:${{WORD}}@127.0.0.1:1/none"))
    assert not re.search(r"p@ss|p%40ss|w:ord", str(caught.value))
    if scheme == "http":
        assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == (
            "me",
            "p@ss/w:ord#%",
        )


def test_an_error_in_a_run_is_not_blamed_on_the_server(tmp_path: Path) -> None:
    tracking = Tracking(local(tmp_path))
    with pytest.raises(FileNotFoundError), tracking.run("x", {"a": 1}):
        raise FileNotFoundError


def test_models_move_with_their_folder(tmp_path: Path) -> None:
    registered(Tracking(local(tmp_path / "old")), "first", tmp_path / "a")
    (tmp_path / "old").rename(tmp_path / "new place")
    moved = Tracking(local(tmp_path / "new place"))
    assert noted(moved) == "first"
    card = moved._client.download_artifacts(moved.champion("encore-note").run_id, "card.md", str(tmp_path))
    assert Path(card).read_text() == "first"
    before = written(tmp_path / "new place")
    registered(moved, "second", tmp_path / "b")
    assert noted(moved) == "second"
    assert len(written(tmp_path / "new place") - before) > 3
    assert not (tmp_path / "old").exists()


def test_a_copy_reads_and_writes_its_own_models(tmp_path: Path) -> None:
    original = Tracking(local(tmp_path / "original"))
    registered(original, "of both", tmp_path / "a")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    before = written(tmp_path / "original")
    for file in (tmp_path / "copy").rglob("note.txt"):
        file.write_text("of the copy")
    copy = Tracking(local(tmp_path / "copy"))
    assert noted(copy) == "of the copy"
    registered(copy, "of the copy alone", tmp_path / "b")
    assert noted(copy) == "of the copy alone"
    assert written(tmp_path / "original") == before
    assert noted(Tracking(local(tmp_path / "original"))) == "of both"


def test_models_stay_where_they_are_when_the_setting_changes(tmp_path: Path) -> None:
    settings = local(tmp_path)
    registered(Tracking(settings), "first", tmp_path / "a")
    before = written(tmp_path)
    elsewhere = Tracking(settings.model_copy(update={"artifacts": str(tmp_path / "elsewhere")}))
    assert noted(elsewhere) == "first"
    registered(elsewhere, "second", tmp_path / "b")
    assert noted(elsewhere) == "second"
    assert written(tmp_path) == before
    assert noted(Tracking(settings)) == "second"
