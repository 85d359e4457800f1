"""MLflow as Encore uses it: what is missing or unavailable is said in words."""

import os
import re
from pathlib import Path

import pytest

from core.errors import StateError, StoreError
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking


def local(folder: Path) -> TrackingSettings:
    return TrackingSettings(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts"))


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
