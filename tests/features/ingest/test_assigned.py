"""Assignments and outcomes at the door: of files of somebody else, and of Encore's own campaigns."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from features.contract.assigned import assigned_directory, write_assignments
from features.contract.erased import Erased
from features.erase import erase_contract_rows, erase_segment_rows, is_stored
from features.ingest.pipeline import pending
from features.ingest.settings import DataSettings
from serving.settings import default_settings
from tests.features.ingest.exports import NOW, ingest, orders, quarantine, settings_of, table

MOMENT = datetime(2024, 3, 2, tzinfo=UTC)
HEADER = "customer_id,campaign_id,assigned_timestamp,arm,propensity,channel\n"
ARMS: dict[str, Any] = {"table": "assignments", "path": "arms.csv", "columns": {}}
OUTCOMES: dict[str, Any] = {"table": "outcomes", "path": "outcomes.csv", "columns": {"retained": "stayed"}}


def drawn(*customers: str, arm: str = "call", moment: datetime = MOMENT) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "assigned_timestamp": moment, "arm": arm, "propensity": 0.5})


def arms_of(folder: Path) -> list[tuple[str, str, str]]:
    rows = table(folder, "assignments")
    return sorted(zip(rows["customer_id"], rows["campaign_id"], rows["arm"], strict=True))


def test_rows_that_break_a_rule_are_rejected_by_its_name(tmp_path: Path) -> None:
    rows = [
        "a,spring,2024-03-02,call,0.5,phone",
        "b,spring,2024-03-02,holdout,1.0,",
        "c,spring,2024-03-02,,0.5,phone",
        "d,spring,2024-03-02,call,0,phone",
        "e,spring,2024-03-02,call,1.01,phone",
        "f,,2024-03-02,call,0.5,phone",
        "g,spring,2024-03-02,call,,phone",
    ]
    (tmp_path / "arms.csv").write_text(HEADER + "\n".join(rows) + "\n")
    assert ingest(settings_of(tmp_path, ARMS, max_rejected_share=0.9)).rows["assignments"] == 3
    assert [(line, rule) for _, line, rule, _ in quarantine(tmp_path)] == [
        (4, "missing arm"),
        (5, "implausible propensity"),
        (6, "implausible propensity"),
        (7, "missing campaign_id"),
    ]
    assert arms_of(tmp_path) == [("a", "spring", "call"), ("b", "spring", "holdout"), ("g", "spring", "call")]


def test_of_a_customer_in_a_campaign_the_last_row_stays_as_a_whole(tmp_path: Path) -> None:
    rows = ["a,spring,2024-03-02,call,0.5,phone", "a,summer,2024-06-02,call,0.5,phone", "a,spring,2024-03-03,holdout,,"]
    (tmp_path / "arms.csv").write_text(HEADER + "\n".join(rows) + "\n")
    done = ingest(settings_of(tmp_path, ARMS))
    assert done.inputs[0].totals.merged == 1
    spring = table(tmp_path, "assignments").set_index("campaign_id").loc["spring"]
    assert spring["arm"] == "holdout"
    # nothing of the row before, whose arm was another one
    assert pd.isna(spring["propensity"])
    assert pd.isna(spring["channel"])


def test_outcomes_need_no_campaign(tmp_path: Path) -> None:
    (tmp_path / "arms.csv").write_text(HEADER + "a,spring,2024-03-02,call,0.5,\n")
    (tmp_path / "outcomes.csv").write_text("customer_id,stayed,revenue\na,1,12.5\nb,0,0\n")
    ingest(settings_of(tmp_path, ARMS, OUTCOMES))
    rows = table(tmp_path, "outcomes")
    assert rows["retained"].tolist() == [True, False]
    assert rows["revenue"].tolist() == [12.5, 0.0]
    assert rows[["campaign_id", "orders", "margin"]].isna().all(axis=None)


def test_files_of_campaigns_are_one_more_source(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "arms.csv").write_text(HEADER + "a,spring,2024-03-02,call,0.5,\nb,spring,2024-03-02,call,0.5,\n")
    settings = settings_of(tmp_path, {}, ARMS)
    stores = settings[StoreSettings]
    assert ingest(settings).rows["assignments"] == 2
    assert pending(settings, NOW) is None
    write_assignments(stores, "summer", drawn("a", "c"))
    # Encore's own rows stay where an export has the customer in the campaign too
    write_assignments(stores, "spring", drawn("b", arm="holdout"))
    assert pending(settings, NOW) == "2 files or queries are new or changed."
    done = ingest(settings)
    assert done.read == 2
    assert not done.unread
    everybody = [("a", "spring", "call"), ("a", "summer", "call"), ("b", "spring", "holdout"), ("c", "summer", "call")]
    assert arms_of(tmp_path) == everybody
    assert ingest(settings).skipped
    # the folder of the data may move, and what was read of a file that is gone stays
    moved = settings.replaced(StoreSettings(data=tmp_path / "moved"))
    stores.data.rename(tmp_path / "moved")
    (assigned_directory(moved[StoreSettings]) / "spring.parquet").unlink()
    assert pending(moved, NOW) is None
    (assigned_directory(moved[StoreSettings]) / "summer.parquet").unlink()
    assert pending(moved, NOW) is None
    assert ingest(moved).rows["assignments"] == 4


def test_the_demo_reads_the_files_of_campaigns_too(tmp_path: Path) -> None:
    settings = default_settings(DataSettings(source="completejourney"), StoreSettings(data=tmp_path), threads=2)
    write_assignments(settings[StoreSettings], "summer", drawn("1"))
    told = pending(settings, NOW)
    assert told is not None
    without = default_settings(DataSettings(source="completejourney"), StoreSettings(data=tmp_path / "x"), threads=2)
    count = int(told.split(" ")[0])
    assert pending(without, NOW) == f"{count - 1} files or queries are new or changed."


def test_an_erased_customer_is_not_taken_in_again_from_before(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "arms.csv").write_text(HEADER + "a,spring,2024-03-02,call,0.5,\nb,spring,2024-03-02,call,0.5,\n")
    (tmp_path / "outcomes.csv").write_text("customer_id,stayed,revenue\na,1,12.5\nb,0,0\n")
    settings = settings_of(tmp_path, {}, ARMS, OUTCOMES)
    stores = settings[StoreSettings]
    write_assignments(stores, "summer", drawn("a"))
    assert is_stored(settings, "a")
    ingest(settings)
    Erased(stores).add("a", MOMENT + timedelta(days=30))
    assert erase_contract_rows(settings, "a") > 2
    erase_segment_rows(settings, "a")
    write_assignments(stores, "autumn", drawn("a", moment=MOMENT + timedelta(days=30)))
    ingest(settings, full_refresh=True)
    # an assignment after the erasure is one of a customer who has come back
    assert arms_of(tmp_path) == [("a", "autumn", "call"), ("b", "spring", "call")]
    assert table(tmp_path, "outcomes")["customer_id"].tolist() == ["b"]


def test_a_customer_of_a_campaign_alone_is_known(tmp_path: Path) -> None:
    settings: Settings = settings_of(tmp_path)
    assert not is_stored(settings, "new")
    write_assignments(settings[StoreSettings], "summer", drawn("new"))
    assert is_stored(settings, "new")


@pytest.mark.parametrize("name", ["assignments", "outcomes"])
def test_the_tables_are_there_without_rows(tmp_path: Path, name: str) -> None:
    orders(tmp_path)
    ingest(settings_of(tmp_path))
    assert len(table(tmp_path, name)) == 0
