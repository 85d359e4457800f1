"""The promotion log: entries stay as they are; what was changed by other means is noted."""

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest

from core.errors import StateError
from core.settings import Settings, StoreSettings
from tests.training.lifecycle.test_tracking import local, registered
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Check, Decision
from training.lifecycle.promotions import Entry, PromotionLog, Who
from training.lifecycle.tracking import Tracking

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
GOOD = Decision(passes=True, reason="It is good.", checks=(Check("gain", True, "It is good.", {"low": 0.1}),))
ADA = Who("ada", "a note")


def entry(number: int) -> Entry:
    return Entry(
        MOMENT + timedelta(days=number), "m", "promoted", str(number), None, "ada", "why", "A", "r", ({"x": 1},)
    )


def test_entries_come_back_as_they_were_the_newest_first(tmp_path: Path) -> None:
    log = PromotionLog(StoreSettings(data=tmp_path))
    assert log.entries() == []
    for number in (1, 2, 3):
        log.add(entry(number))
    log.add(Entry(MOMENT, "other", "refused", "1", "0", "ada", "why", None, "r"))
    assert log.entries("m", 2) == [entry(3), entry(2)]
    assert len(log.entries()) == 4
    assert log.champions("m") == ["3", "2", "1"]
    assert log.champions("other") == []


@pytest.mark.parametrize("change", ["UPDATE promotions SET why = 'another'", "DELETE FROM promotions"])
def test_nothing_is_changed_or_removed(tmp_path: Path, change: str) -> None:
    log = PromotionLog(StoreSettings(data=tmp_path))
    log.add(entry(1))
    with sqlite3.connect(tmp_path / "promotions.db") as con, pytest.raises(sqlite3.IntegrityError, match="never"):
        con.execute(change)
    assert log.entries() == [entry(1)]


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    """Champions of a registry with three versions of a note, the last one set by no command."""
    settings = Settings(StoreSettings(data=tmp_path / "data"), local(tmp_path))
    tracking = Tracking(local(tmp_path))
    for text in ("one", "two", "three"):
        registered(tracking, text, tmp_path / text)
    return Champions(settings, tracking, lambda: MOMENT)


def test_a_champion_that_no_command_set_is_found_once(champions: Champions) -> None:
    for _ in range(2):
        found = champions.current("encore-note")
        assert found is not None
        assert found.number == "3"
    (only,) = champions.history()
    assert (only.action, only.version, only.previous, only.decided_by) == ("found", "3", None, "ada")
    mlflow.MlflowClient().set_registered_model_alias("encore-note", "champion", "1")
    champions.current("encore-note")
    assert [(one.action, one.version, one.previous) for one in champions.history()] == [
        ("found", "1", "3"),
        ("found", "3", None),
    ]


def test_a_rollback_goes_to_the_champion_before_and_passes_over_what_was_rolled_back(champions: Champions) -> None:
    tracking = champions.tracking
    for number in ("1", "2"):
        champions.promote(tracking.version("encore-note", number), GOOD, ADA)
    assert champions.roll_back("encore-note", ADA).number == "1"
    assert tracking.version("encore-note", "2").rolled_back
    newest = champions.history("encore-note", 1)[0]
    assert (newest.action, newest.version, newest.previous) == ("rolled_back", "1", "2")
    assert (newest.decided_by, newest.why, newest.moment) == ("ada", "a note", MOMENT)
    assert champions.roll_back("encore-note", ADA).number == "3"
    with pytest.raises(StateError, match=r"No earlier champion of encore-note.*--to"):
        champions.roll_back("encore-note", ADA)
    assert champions.roll_back("encore-note", ADA, to="2").number == "2"
    assert not tracking.version("encore-note", "2").rolled_back
    with pytest.raises(StateError, match="is the champion already"):
        champions.roll_back("encore-note", ADA, to="2")
    with pytest.raises(StateError, match="No version '9'"):
        champions.roll_back("encore-note", ADA, to="9")


def test_a_rollback_to_a_version_without_files_is_refused_and_changes_nothing(
    champions: Champions, tmp_path: Path
) -> None:
    for file in list((tmp_path / "artifacts").rglob("note.txt")):
        if file.read_text() == "one":
            shutil.rmtree(file.parents[3])
    with pytest.raises(StateError, match="The files of encore-note/1 are gone"):
        champions.roll_back("encore-note", ADA, to="1")
    current = champions.current("encore-note")
    assert current is not None
    assert (current.number, current.rolled_back) == ("3", False)
    assert [entry.action for entry in champions.history()] == ["found"]


def test_a_rollback_needs_a_champion(tmp_path: Path) -> None:
    champions = Champions(Settings(StoreSettings(data=tmp_path / "data"), local(tmp_path)))
    with pytest.raises(StateError, match="no champion of encore-churn"):
        champions.roll_back("encore-churn", ADA)


def test_a_promotion_against_the_gate_says_so(champions: Champions) -> None:
    refused = Decision(
        passes=False, reason="It is not promoted. It is worse.", checks=(Check("gain", False, "It is worse.", {}),)
    )
    champions.promote(champions.tracking.version("encore-note", "2"), refused, ADA)
    newest = champions.history("encore-note", 1)[0]
    assert (newest.action, newest.version) == ("promoted", "2")
    assert newest.reason == "It is promoted by hand, though the gate refuses it. It is worse."


def test_a_promotion_keeps_what_the_gate_found(champions: Champions) -> None:
    version = champions.promote(champions.tracking.version("encore-note", "2"), GOOD, ADA)
    assert version.aliases == ("champion",)
    assert version.promoted == ADA
    newest = champions.history("encore-note", 1)[0]
    assert newest.checks == ({"name": "gain", "passes": True, "text": "It is good.", "figures": {"low": 0.1}},)
