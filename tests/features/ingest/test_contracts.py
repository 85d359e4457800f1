"""Contract periods as exports and events write them: open ends, changed ends, cancellations, and what the past knew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import StateError
from core.settings import StoreSettings
from core.sql import relation
from features.contract.events import event_reader
from features.contract.periods import with_changes
from features.engine.completeness import last_rows
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.ingest.segments import Totals
from features.live.log import EventLog
from features.live.rows import tables_of
from features.spans.contracts import started
from tests.features.ingest.exports import ingest, quarantine, settings_of, table
from training.churn.labels import labels
from training.churn.settings import ChurnSettings

DAY = timedelta(days=1)
HEADER = "customer_id,start_timestamp,end_timestamp"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def contracts(folder: Path, rows: str, header: str = HEADER, **options: Any) -> Totals:
    """Ingest contracts as of 2025-01-01 and return what became of the rows."""
    (folder / "contracts.csv").write_text(f"{header}\n{rows}")
    item = {"table": "subscriptions", "path": "contracts*.csv", "columns": {}} | options
    (totals,) = (one.totals for one in ingest(settings_of(folder, item)).inputs)
    taken = totals.kept + totals.returned + totals.merged
    assert totals.read == taken + sum(totals.skipped.values()) + sum(totals.rejected.values())
    return totals


def ends(folder: Path) -> dict[str, str | None]:
    """The end of each customer's last contract."""
    rows = table(folder, "subscriptions", "start_timestamp").itertuples()
    return {
        str(row.customer_id): None if str(row.end_timestamp) == "NaT" else str(row.end_timestamp)[:10] for row in rows
    }


def known(folder: Path, moment: str) -> dict[str, str | None]:
    """The end of each customer's contract as the expressions of features see it at a moment."""
    settings = settings_of(folder)
    con = connect(settings)
    seen = started(read_sources(con, settings[StoreSettings]).subscriptions, snapshot_table([at(moment)]))
    rows = con.to_pandas(seen.order_by("start_timestamp")).itertuples()
    return {
        str(row.customer_id): None if str(row.end_timestamp) == "NaT" else str(row.end_timestamp)[:10] for row in rows
    }


def churned(folder: Path, moment: str, **churn: Any) -> dict[str, int]:
    settings = settings_of(folder)
    con = connect(settings)
    definition = ChurnSettings(kind="contractual", population="all", horizon_days=28, **churn)
    sources = read_sources(con, settings[StoreSettings])
    rows = con.to_pandas(labels(sources, snapshot_table([at(moment)]), definition))
    return dict(zip(rows["customer_id"], rows["churned"], strict=True))


@pytest.mark.parametrize(
    "end", ["", "9999-12-31", "9999-12-31 23:59:59", "2099-01-01", "2999-12-31", "2045-06-30", "0000-00-00"]
)
def test_a_blank_or_far_end_says_that_the_contract_runs_on(tmp_path: Path, end: str) -> None:
    totals = contracts(tmp_path, f"a,2024-01-01,{end}\nb,2024-01-01,2044-06-30\nc,2024-01-01,2024-06-30\n")
    assert (totals.kept, totals.rejected) == (3, {})
    assert ends(tmp_path) == {"a": None, "b": "2044-06-30", "c": "2024-06-30"}
    assert churned(tmp_path, "2024-06-15") == {"a": 0, "b": 0, "c": 1}


@pytest.mark.parametrize("end", ["2024-01-01", "2023-12-31"])
def test_an_end_that_is_not_after_the_start_is_rejected(tmp_path: Path, end: str) -> None:
    rows = "".join(f"c{n},2024-01-01,2024-02-01\n" for n in range(30))
    totals = contracts(tmp_path, rows + f"a,2024-01-01,{end}\n")
    assert totals.rejected == {"end not after start": 1}
    assert quarantine(tmp_path) == [("contracts.csv", 32, "end not after start", f"a,2024-01-01,{end}")]


def test_where_contracts_run_on_the_past_does_not_know_when_they_end(tmp_path: Path) -> None:
    contracts(tmp_path, "open,2024-01-01,\nleft,2024-01-01,2024-06-30\n")
    assert known(tmp_path, "2024-06-30") == {"open": None, "left": "2024-06-30"}
    assert known(tmp_path, "2024-06-29") == {"open": None, "left": None}


def test_where_all_contracts_have_ends_they_are_known_from_the_start(tmp_path: Path) -> None:
    contracts(tmp_path, "a,2024-01-01,2024-12-31\nb,2024-01-01,2024-06-30\n")
    assert known(tmp_path, "2024-01-02") == {"a": "2024-12-31", "b": "2024-06-30"}


def test_an_end_is_known_from_the_notice_or_from_when_the_row_was_written(tmp_path: Path) -> None:
    rows = "open,2024-01-01,,,\nnotice,2024-01-01,2024-06-30,2024-06-01,\nwritten,2024-01-01,2024-06-30,,2024-05-01\n"
    contracts(tmp_path, rows, f"{HEADER},cancelled_timestamp,created_timestamp")
    assert known(tmp_path, "2024-05-31") == {"open": None, "notice": None, "written": "2024-06-30"}
    assert known(tmp_path, "2024-06-01")["notice"] == "2024-06-30"


def test_a_mapped_column_decides_when_an_end_became_known(tmp_path: Path) -> None:
    rows = "open,2024-01-01,,\na,2024-01-01,2024-06-30,2024-03-01\n"
    contracts(tmp_path, rows, f"{HEADER},noticed", columns={"end_known_timestamp": "noticed"})
    assert known(tmp_path, "2024-02-29")["a"] is None
    assert known(tmp_path, "2024-03-01")["a"] == "2024-06-30"
    contracts(tmp_path, rows, f"{HEADER},noticed", columns={"end_known_timestamp": "start_timestamp"})
    assert known(tmp_path, "2024-01-02") == {"open": None, "a": "2024-06-30"}


def test_the_latest_row_of_a_contract_counts_and_the_past_keeps_what_it_knew(tmp_path: Path) -> None:
    header = f"{HEADER},price,created_timestamp"
    rows = (
        "a,2024-01-01,2024-12-31,10,2024-01-01\n"
        "a,2024-01-01,2024-06-30,12,2024-05-01\n"
        "a,2024-01-01,2024-08-31,12,2024-06-01\n"
        "b,2024-01-01,2024-12-31,10,2024-01-01\n"
    )
    totals = contracts(tmp_path, rows, header)
    assert (totals.kept, totals.merged) == (2, 2)
    assert ends(tmp_path) == {"a": "2024-08-31", "b": "2024-12-31"}
    for moment, end in (("2024-04-30", "2024-12-31"), ("2024-05-01", "2024-06-30"), ("2024-06-01", "2024-08-31")):
        assert known(tmp_path, moment)["a"] == end


def test_a_later_file_counts_where_rows_have_no_moment(tmp_path: Path) -> None:
    """Nothing says when the end was changed; it was by the earlier of the two ends."""
    (tmp_path / "contracts_2.csv").write_text(f"{HEADER}\na,2024-01-01,2024-06-30\nb,2024-01-01,2025-06-30\n")
    contracts(tmp_path, "a,2024-01-01,2024-12-31\nb,2024-01-01,2024-12-31\n")
    assert ends(tmp_path) == {"a": "2024-06-30", "b": "2025-06-30"}
    assert known(tmp_path, "2024-06-29") == {"a": "2024-12-31", "b": "2024-12-31"}
    assert known(tmp_path, "2024-12-31") == {"a": "2024-06-30", "b": "2025-06-30"}


def test_contracts_that_start_together_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    header = f"contract_id,{HEADER}"
    rows = "k1,a,2024-01-01,2024-06-30\nk2,a,2024-01-01,2024-12-31\nk1,a,2024-07-01,2024-09-30\n"
    assert contracts(tmp_path, rows, header).kept == 3
    assert contracts(tmp_path, rows + "k2,a,2024-01-01,2024-06-15\n", header).kept == 3
    frame = table(tmp_path, "subscriptions", "start_timestamp, contract_id")
    assert [str(end)[:10] for end in frame["end_timestamp"]] == ["2024-06-30", "2024-06-15", "2024-09-30"]


def test_tables_of_another_version_are_refused_and_read_again(tmp_path: Path) -> None:
    contracts(tmp_path, "a,2024-01-01,2024-12-31\n")
    file, old = tmp_path / "state/contract/subscriptions.parquet", tmp_path / "old.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * EXCLUDE (contract_id, earlier_terms) FROM '{file}') TO '{old}'")
    old.replace(file)
    settings = settings_of(tmp_path)
    with pytest.raises(StateError, match="'contract_id' in a table that another version of Encore wrote"):
        read_sources(connect(settings), settings[StoreSettings])
    with pytest.raises(StateError, match="another version"):
        last_rows(settings, at("2025-01-01"))


CANCEL = {"cancels": "is_cancel = 1"}


def test_a_row_that_cancels_ends_the_running_contract_early(tmp_path: Path) -> None:
    rows = (
        "a,2024-07-01,2024-08-01,0\na,2024-08-01,2024-10-25,0\na,2024-09-18,2024-09-18,1\n"
        "b,2024-08-01,2024-10-25,0\nb,2024-09-10,2024-09-20,1\n"
        "c,2024-08-01,2024-10-25,0\nlost,2024-09-10,2024-09-10,1\n"
    )
    totals = contracts(tmp_path, rows, f"{HEADER},is_cancel", **CANCEL)
    assert (totals.kept, totals.merged, totals.rejected) == (4, 2, {"no contract to cancel": 1})
    assert ends(tmp_path) == {"a": "2024-09-18", "b": "2024-09-20", "c": "2024-10-25"}
    assert churned(tmp_path, "2024-09-05") == {"a": 1, "b": 1, "c": 0}
    assert known(tmp_path, "2024-09-17")["a"] == "2024-10-25"
    assert known(tmp_path, "2024-09-18")["a"] == "2024-09-18"
    assert known(tmp_path, "2024-09-12")["b"] == "2024-09-20"


def test_a_row_that_cancels_names_its_contract_by_id(tmp_path: Path) -> None:
    header = f"contract_id,{HEADER},is_cancel,created_timestamp"
    rows = (
        "k1,a,2024-01-01,,0,2024-01-01\nk2,a,2024-02-01,,0,2024-02-01\n"
        "k1,a,2024-06-30,,1,2024-06-15\nk9,a,2024-06-30,,1,2024-06-15\n"
    )
    totals = contracts(tmp_path, rows, header, **CANCEL)
    assert totals.rejected == {"no contract to cancel": 1}
    frame = table(tmp_path, "subscriptions", "contract_id")
    assert [str(end)[:10] for end in frame["end_timestamp"]] == ["2024-06-30", "NaT"]
    assert [str(moment)[:10] for moment in frame["cancelled_timestamp"]] == ["2024-06-15", "NaT"]
    assert [str(moment)[:10] for moment in frame["end_known_timestamp"]] == ["2024-06-15", "NaT"]


def test_plan_changes_pauses_and_trials_are_periods(tmp_path: Path) -> None:
    rows = (
        "upgrades,2024-01-01,2024-06-20,basic\nupgrades,2024-06-20,2024-12-31,pro\n"
        "pauses,2024-01-01,2024-06-20,basic\npauses,2024-07-05,2024-12-31,basic\n"
        "tries,2024-06-06,2024-06-20,trial\nstays,2024-01-01,2024-12-31,basic\n"
    )
    contracts(tmp_path, rows, f"{HEADER},plan")
    wanted = {"upgrades": 0, "tries": 1, "stays": 0}
    assert churned(tmp_path, "2024-06-14", grace_days=7) == wanted | {"pauses": 1}
    assert churned(tmp_path, "2024-06-14", grace_days=16) == wanted | {"pauses": 0}


def subscription(number: int, start: str, end: str | None, **fields: Any) -> Any:
    body = {"event_id": f"e{number}", "kind": "subscription", "customer_id": "a", "start_timestamp": f"{start}T00:00Z"}
    return event_reader().validate_python({**body, "end_timestamp": end and f"{end}T00:00Z", **fields})


def test_an_event_changes_the_contract_of_an_export(tmp_path: Path) -> None:
    log = EventLog(StoreSettings(data=tmp_path / "state"))
    log.append([subscription(1, "2024-01-01", "2024-03-31")], at("2024-01-01"))  # announces it, an export knows better
    contracts(tmp_path, "a,2024-01-01,2024-12-31\nb,2024-01-01,2024-12-31\n")
    assert ends(tmp_path) == {"a": "2024-12-31", "b": "2024-12-31"}
    log.append([subscription(2, "2024-01-01", "2024-06-30", price=3)], at("2024-06-10"))
    totals = contracts(tmp_path, "a,2024-01-01,2024-12-31\nb,2024-01-01,2024-12-31\n")
    assert totals.read == 2
    assert ends(tmp_path) == {"a": "2024-06-30", "b": "2024-12-31"}
    assert known(tmp_path, "2024-06-09")["a"] == "2024-12-31"
    assert churned(tmp_path, "2024-06-09") == {"a": 1, "b": 0}


@pytest.mark.parametrize("end", [None, "9998-01-01", "2099-12-31"])
def test_an_event_without_a_near_end_runs_on(tmp_path: Path, end: str | None) -> None:
    log = EventLog(StoreSettings(data=tmp_path / "state"))
    log.append([subscription(1, "2024-01-01", end)], at("2024-01-01"))
    contracts(tmp_path, "b,2024-01-01,2024-12-31\n")
    assert ends(tmp_path) == {"a": None, "b": "2024-12-31"}
    with pytest.raises(ValueError, match="expected end_timestamp after start_timestamp"):
        subscription(2, "2024-01-01", "2024-01-01")


def test_an_end_in_the_year_9999_is_taken_in_every_time_zone() -> None:
    event = subscription(1, "2024-01-01", None, end_timestamp="9999-12-31T23:59:59-05:00")
    assert event.end_timestamp.year == 9998


def test_an_online_update_leaves_what_the_next_ingestion_leaves(tmp_path: Path) -> None:
    rows = "a,2024-01-01,,10\nb,2024-01-01,2024-03-31,5\n"
    contracts(tmp_path, rows, f"{HEADER},price")
    (tmp_path / "before.parquet").write_bytes((tmp_path / "state/contract/subscriptions.parquet").read_bytes())
    log = EventLog(StoreSettings(data=tmp_path / "state"))
    changes = [subscription(1, "2024-01-01", "2024-06-30", price=12), subscription(2, "2024-01-01", None)]
    for number, change in enumerate([*changes, subscription(3, "2024-08-01", "2025-08-01", plan="pro")]):
        log.append([change], at("2024-05-01") + number * 30 * DAY)
    live = tables_of(log.all(log.last()))["subscriptions"]
    contracts(tmp_path, rows, f"{HEADER},price")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("live", live)
        columns = ", ".join(live.schema.names)
        online = con.execute(
            f"SELECT {columns} FROM ({with_changes(relation(tmp_path / 'before.parquet'), 'live')}) ORDER BY ALL"
        ).fetchall()
        file = relation(tmp_path / "state/contract/subscriptions.parquet")
        offline = con.execute(f"SELECT {columns} FROM {file} ORDER BY ALL").fetchall()
    assert len(online) == 3
    assert online == offline
