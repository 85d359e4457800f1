"""Records of the score table: written whole, replaced, dropped when too old, erased."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from serving.scoring.score_history import COLUMNS, ScoreHistory
from serving.settings import default_settings
from training.monitoring.settings import MonitoringSettings

NOW = datetime(2024, 3, 1, 2, tzinfo=UTC)
MODELS = ("encore-churn/1", "encore-value/1")


def record(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return a record of customers; what is not given is missing."""
    return pd.DataFrame(list(rows)).reindex(columns=list(COLUMNS)).astype({"value_at_risk": float})


TWO = record(
    {"customer_id": "a", "tier": "high", "stage": "mature", "value_at_risk": 20.0},
    {"customer_id": "b", "tier": "low", "stage": "mature", "value_at_risk": 5.0},
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return default_settings(StoreSettings(data=tmp_path), MonitoringSettings(retention_days=30))


def test_a_record_is_read_as_it_was_written(settings: Settings) -> None:
    history = ScoreHistory(settings)
    history.write(TWO, NOW, NOW, MODELS, later=False)
    (found,) = history.recorded(MODELS)
    assert (found.all.customers, found.all.value_at_risk) == (2, 25.0)
    assert found.tiers["high"].value_at_risk == 20.0
    assert found.stages["mature"].customers == 2
    kept = history.record(found)
    assert kept is not None
    assert kept["customer_id"].tolist() == ["a", "b"]


def test_a_day_has_one_record_of_the_same_models(settings: Settings) -> None:
    history = ScoreHistory(settings)
    history.write(TWO, NOW, NOW, MODELS, later=False)
    before = history.state(MODELS)
    history.write(TWO[:1], NOW + timedelta(hours=3), NOW, MODELS, later=False)
    history.write(TWO, NOW, NOW, ("encore-churn/2", "encore-value/1"), later=False)
    (found,) = history.recorded(MODELS)
    assert found.all.customers == 1
    assert history.state(MODELS) != before


def test_old_records_are_dropped_and_their_totals_stay(settings: Settings) -> None:
    history = ScoreHistory(settings)
    for days in (31, 29, 0):
        history.write(TWO, NOW - timedelta(days=days), NOW, MODELS, later=False)
    found = history.recorded(MODELS)
    assert [one.all.customers for one in found] == [2, 2, 2]
    assert [history.record(one) is None for one in found] == [True, False, False]


def test_an_erased_customer_is_in_no_record(settings: Settings) -> None:
    history = ScoreHistory(settings)
    for models in (MODELS, ("encore-churn/2",)):
        history.write(TWO, NOW, NOW, models, later=False)
    assert history.holds("a")
    assert history.erase("a") == 2
    assert not history.holds("a")
    assert history.holds("b")
    assert history.erase("a") == 0


def test_totals_that_cannot_be_read_are_left_out(settings: Settings, tmp_path: Path) -> None:
    history = ScoreHistory(settings)
    for days in (1, 0):
        history.write(TWO, NOW - timedelta(days=days), NOW, MODELS, later=False)
    next(tmp_path.glob("history/*/2024-02-29.json")).write_text("{")
    assert [one.day for one in history.recorded(MODELS)] == ["2024-03-01"]
