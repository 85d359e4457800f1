"""A data folder of the layout before is converted: what was read and kept stays, what can be computed goes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import StateError, StoreError
from core.jobs import job
from core.settings import Settings, StoreSettings
from core.stamps import LAYOUT, read_stamp
from features.contract.events import event_reader
from features.engine.build import built_schedule
from features.ingest.segments import inputs_from
from features.live.log import EventLog
from features.store.materialized import read_online
from features.upgrade import needs_upgrade, upgrade_data
from serving.cli.context import Context
from tests.features.ingest.exports import COLUMNS, NOW, ingest, orders, settings_of, table
from tests.features.ingest.exports import ORDERS as LINES

#: Of the input below, as the version before computed it.
MAPPING = "de898db3436281e0"
INPUT = {"path": "orders-*.csv", "skip": {"guest": "cust IS NULL"}, "columns": COLUMNS}
KEYS = {"transactions": ["order_id", "product_id"]}


def settings_in(folder: Path) -> Settings:
    settings = settings_of(folder, INPUT, timezone="Europe/Berlin", keys=KEYS, max_rejected_share=0.5)
    state = folder / "state"
    stores = StoreSettings(data=state, online=f"sqlite://{state}/online.db", registry=f"file://{state}/registry.db")
    return settings.replaced(stores)


def as_before(stamp: dict[str, Any]) -> dict[str, Any]:
    """Write a stamp of the contract tables as layout 1 did."""

    def totals(one: dict[str, Any]) -> dict[str, Any]:
        names = {"skipped": "set_aside", "rejected": "unusable"}
        return {**one, "totals": {names.get(name, name): value for name, value in one["totals"].items()}}

    return {
        **stamp,
        "inputs": [totals(one) for one in stamp["inputs"]],
        "segments": [{**totals(one), "mapping": MAPPING, "identity": "0"} for one in stamp["segments"]],
    }


def write(path: Path, content: str | dict[str, Any] = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder as the version before left it; one of the exports is gone since."""
    settings = settings_in(tmp_path)
    orders(tmp_path, LINES + ",4,x,2024-01-10,1,2\nb,5,x,yesterday,1,1\n", "orders-1.csv")
    orders(tmp_path, LINES.replace("\na,", "\nc,").replace(",1,x", ",11,x"), "orders-2.csv")
    ingest(settings)
    (tmp_path / "orders-2.csv").unlink()
    data = settings[StoreSettings].data
    write(data / "contract/stamp.json", as_before(read_stamp(data / "contract")))
    visit = {"kind": "visit", "event_id": "e1", "customer_id": "a", "value": 3}
    EventLog(settings[StoreSettings]).append([event_reader().validate_python(visit)], NOW)
    built = {"fingerprint": "f", "rows": {}, "first_event": str(NOW), "as_of": str(NOW), "sells": True, "kinds": []}
    write(data / "features/stamp.json", built)
    write(data / "features/customer_value.parquet")
    write(data / "feast/stamp.json", {"fingerprint": "a"})
    write(data / "online/stamp.json", {"fingerprint": "o", "as_of": str(NOW), "sells": True, "kinds": [], "events": 0})
    write(data / "online/known-o/transactions.parquet")
    for name in ("registry.db", "online.db", "scores.db", "scores.db-wal", "keys.json", "erased.json"):
        write(data / name, "{}")
    write(data / "audit/audit.jsonl")
    write(data / "impressions.jsonl")
    write(data / "tuning/churn.json", "{}")
    return settings


def test_before_it_is_converted_nothing_of_it_is_read(settings: Settings) -> None:
    assert needs_upgrade(settings[StoreSettings].data)
    readers: list[Callable[[], object]] = [
        lambda: ingest(settings),
        lambda: built_schedule(settings),
        lambda: read_online(settings[StoreSettings]),
    ]
    for read in readers:
        with pytest.raises(StateError, match=r"earlier version of Encore.*run any command"):
            read()


def test_what_is_computed_is_removed_and_everything_else_stays(settings: Settings) -> None:
    data = settings[StoreSettings].data
    assert upgrade_data(settings, [data / "scores.db"])
    assert {path.name for path in data.iterdir()} - {"events.db-wal", "events.db-shm"} == {
        *("contract", "segments", "quarantine.parquet", "events.db", "keys.json", "erased.json", "audit"),
        *("impressions.jsonl", "tuning", "jobs.lock", "jobs", "spill"),
    }
    assert json.loads((data / "contract/stamp.json").read_text())["layout"] == LAYOUT
    (totals,) = inputs_from(read_stamp(data / "contract"))
    assert (totals.totals.skipped, totals.totals.rejected) == ({"guest": 1}, {"unreadable event_timestamp": 1})
    (logged,) = EventLog(settings[StoreSettings]).of(["a"])
    assert logged.event.kind == "visit"
    assert not upgrade_data(settings, [])


def test_rows_of_files_that_are_gone_are_still_there_after_the_next_ingestion(
    settings: Settings, tmp_path: Path
) -> None:
    before = table(tmp_path, "transactions")
    upgrade_data(settings, [])
    ingested = ingest(settings)
    assert ingested.read == 1  # the code that read them is another one now
    after = table(tmp_path, "transactions")
    assert after["customer_id"].tolist() == before["customer_id"].tolist()
    assert "c" in set(after["customer_id"])


def test_an_interrupted_conversion_is_completed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("features.upgrade.write_stamp", lambda *_: (_ for _ in ()).throw(OSError("no space")))
        with pytest.raises(OSError, match="no space"):
            upgrade_data(settings, [])
    assert needs_upgrade(settings[StoreSettings].data)
    assert upgrade_data(settings, [])
    assert not needs_upgrade(settings[StoreSettings].data)


def test_it_is_not_converted_while_a_job_runs(settings: Settings) -> None:
    running = job(settings[StoreSettings], "`encore ingest`", alone=True)
    with running, pytest.raises(StoreError, match=r"in use by `encore ingest` \(since .*Try again later"):
        upgrade_data(settings, [])
    assert needs_upgrade(settings[StoreSettings].data)


def test_a_folder_of_this_layout_and_none_at_all_are_left_alone(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert not upgrade_data(settings, [])
    assert not (tmp_path / "state").exists()
    orders(tmp_path, LINES, "orders-1.csv")
    ingest(settings)
    assert not upgrade_data(settings, [])


def test_commands_convert_and_say_so(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = '[data]\nsource = "files"\nroot = "."\n[[data.inputs]]\ntable = "transactions"\npath = "orders-*.csv"\n'
    write(tmp_path / "encore.toml", '[stores]\ndata = "state"\n' + inputs)
    assert Context(None).settings[StoreSettings].data == Path("state")
    assert "state was of an earlier version of Encore and is converted" in capsys.readouterr().err
    assert not (tmp_path / "state/scores.db").exists()
    assert Context(None).settings
    assert capsys.readouterr().err == ""
