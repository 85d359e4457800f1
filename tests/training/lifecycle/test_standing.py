"""Where a model stands, its card, and where MLflow shows it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.settings import Settings, StoreSettings
from tests.training.lifecycle.test_tracking import local, registered
from training.lifecycle.champions import Champions
from training.lifecycle.pages import command_of, page_of, server_of
from training.lifecycle.promotions import Who
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.standing import standing
from training.lifecycle.tracking import CARD, Tracking

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


def test_a_model_stands_where_the_last_change_left_it(tmp_path: Path) -> None:
    tracking = Tracking(local(tmp_path))
    champions = Champions(Settings(StoreSettings(data=tmp_path / "data"), local(tmp_path)), tracking, lambda: MOMENT)
    assert standing("encore-note", tracking, champions.log).champion is None
    for text in ("one", "two"):
        registered(tracking, text, tmp_path / text)
    found = standing("encore-note", tracking, champions.log)
    assert found.champion is not None
    assert (found.champion.number, found.since, found.challenger) == ("2", None, None)
    champions.roll_back("encore-note", Who("ada", "too bold"), "1")
    found = standing("encore-note", tracking, champions.log)
    assert found.champion is not None
    assert found.champion.number == "1"
    assert found.since is not None
    assert (found.since.decided_by, found.since.moment) == ("ada", MOMENT)
    assert tracking.card(found.champion) is None  # the notes have none
    tracking._client.log_text(found.champion.run_id, "# A card", CARD)
    assert tracking.card(found.champion) == "# A card"
    page = page_of(found.champion, TrackingSettings(uri="https://me:word@mlflow.example:5000/"))
    assert page == "https://mlflow.example:5000/#/models/encore-note/versions/1"
    assert page_of(found.champion, local(tmp_path)) is None


@pytest.mark.parametrize("uri", ["postgresql://me:word@host/mlflow", "https://me:word@host"])
def test_no_password_is_shown(uri: str) -> None:
    settings = TrackingSettings(uri=uri)
    assert "word" not in f"{server_of(settings)} {command_of(settings)}"
