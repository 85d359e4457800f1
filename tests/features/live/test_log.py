"""The event log: once, in order, on disk before it is acknowledged, and gone when erased."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import StoreError
from core.settings import StoreSettings
from features.contract.events import event_reader
from features.contract.events.kind import Event
from features.live.log import EventLog
from features.live.rows import tables_of

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)
LATER = MOMENT + timedelta(days=1)


def visit(number: int, customer: str = "a", **more: Any) -> Event:
    return event_reader().validate_python({"event_id": f"e{number}", "customer_id": customer, "kind": "visit", **more})


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(StoreSettings(data=tmp_path))


def test_an_event_is_there_once_however_often_it_is_sent(log: EventLog) -> None:
    assert log.append([visit(1), visit(2, "b"), visit(1)], MOMENT) == ["accepted", "accepted", "duplicate"]
    assert log.append([visit(2, "b"), visit(2, "c"), visit(3)], MOMENT) == ["duplicate", "conflict", "accepted"]
    assert [one.event.customer_id for one in log.all(log.last())] == ["a", "b", "a"]
    assert list(log.pending(10)) == ["a", "b"]  # who waits longest comes first


def test_moments_are_those_of_the_event_or_of_its_arrival(log: EventLog) -> None:
    happened = datetime(2025, 2, 1, tzinfo=UTC)
    log.append([visit(1), visit(2, event_timestamp=happened)], MOMENT, MOMENT)
    assert [(one.happened, one.received) for one in log.of(["a"])] == [(MOMENT, MOMENT), (happened, MOMENT)]
    log.append([visit(3, event_timestamp=happened)], MOMENT)  # without a clock: known when it happened
    assert log.of(["a"], since=2)[-1].received == happened


def test_events_of_some_kinds_after_a_place(log: EventLog) -> None:
    log.append([visit(1), visit(2, kind="contact"), visit(3, "b", kind="complaint"), visit(4, kind="contact")], MOMENT)
    assert [one.seq for one in log.after(0, ["contact", "complaint"])] == [2, 3, 4]
    assert [one.seq for one in log.after(2, ["contact"])] == [4]
    assert list(log.after(4, ["contact"])) == []
    assert list(log.after(0, [])) == []


def test_who_is_done_stays_pending_after_a_later_event(log: EventLog) -> None:
    log.append([visit(1), visit(2, "b")], MOMENT)
    seen = log.pending(10)
    log.append([visit(3)], MOMENT)
    log.mark_updated(seen)
    assert list(log.pending(10)) == ["a"]
    assert log.is_pending(["b", "a"])
    assert not log.is_pending(["b"])


def test_another_materialisation_makes_later_events_pending_again(log: EventLog) -> None:
    log.append([visit(1), visit(2, "b")], MOMENT)
    log.use_materialization("first", 0, LATER)
    log.mark_updated(log.pending(10))
    log.use_materialization("first", 0, LATER)
    assert log.pending(10) == {}
    log.use_materialization("second", 1, LATER)  # which has seen the first event
    assert log.pending(10) == {"b": 2}


def test_what_a_materialisation_could_not_see_is_pending_though_it_was_ingested(log: EventLog) -> None:
    """Rows for midnight hold nothing of the day after it, whatever was in the tables they were made of."""
    log.append([visit(1, "early", event_timestamp=MOMENT), visit(2, "late")], LATER, LATER)
    log.append([visit(3, "told late", event_timestamp=MOMENT)], LATER, LATER + timedelta(days=1))
    log.mark_updated(log.pending(10))
    log.use_materialization("next", 3, LATER)
    assert log.pending(10) == {"late": 2, "told late": 3}
    log.mark_updated(log.pending(10))
    log.use_materialization("after", 3, LATER + timedelta(days=2))
    assert log.pending(10) == {}


def test_erasing_leaves_nothing_in_the_file(log: EventLog) -> None:
    log.append([visit(1, "somebody-special", channel="web-of-secrets"), visit(2)], MOMENT)
    assert log.holds("somebody-special")
    assert log.erase("somebody-special") == 1
    log.purge("somebody-special")
    assert not log.holds("somebody-special")
    log._database.close()
    for file in log._database.path.parent.iterdir():
        content = file.read_bytes()
        assert b"somebody-special" not in content
        assert b"web-of-secrets" not in content
    assert log.append([visit(1, "somebody-special", channel="web-of-secrets")], MOMENT) == ["duplicate"]
    assert [one.event.event_id for one in log.all(log.last())] == ["e2"]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    def write(number: int) -> None:
        own = EventLog(StoreSettings(data=tmp_path))
        for place in range(20):
            own.append([visit(100 * number + place), visit(place + 10_000)], MOMENT)
        own._database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    ids = [one.event.event_id for one in EventLog(StoreSettings(data=tmp_path)).all(10**9)]
    assert len(ids) == len(set(ids)) == 8 * 20 + 20


_WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from core.settings import StoreSettings
from features.contract.events import event_reader
from features.live.log import EventLog
log = EventLog(StoreSettings(data=Path(sys.argv[1])))
for number in range(100_000):
    event = {"event_id": f"e{number}", "customer_id": f"c{number % 7}", "kind": "visit"}
    log.append([event_reader().validate_python(event)], datetime(2025, 1, 1, tzinfo=UTC))
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    acknowledged = -1
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            deadline = time.monotonic() + 0.5
            for line in writer.stdout:
                acknowledged = max(acknowledged, int(line))
                if time.monotonic() > deadline:
                    os.kill(writer.pid, signal.SIGKILL)
                    break
        log = EventLog(StoreSettings(data=tmp_path))
        ids = [one.event.event_id for one in log.all(log.last())]
        assert ids == [f"e{number}" for number in range(len(ids))]
        assert len(ids) > acknowledged
        log._database.close()


def test_a_full_disk_refuses_all_and_keeps_what_is_there(log: EventLog) -> None:
    log.append([visit(1)], MOMENT)
    con = log._database._connection()
    (pages,) = con.execute("PRAGMA page_count").fetchone()
    con.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then answers as it does for a full disk
    long = "x" * 150
    with pytest.raises(StoreError, match=r"database or disk is full.*free space"):
        log.append([visit(number, channel=long) for number in range(2, 200)], MOMENT)
    assert [one.event.event_id for one in log.all(log.last())] == ["e1"]
    con.execute("PRAGMA max_page_count = 100000")
    assert log.append([visit(2)], MOMENT) == ["accepted"]


def test_a_broken_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"events\.db cannot be read or written"):
        EventLog(StoreSettings(data=tmp_path)).append([visit(1)], MOMENT)


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({"kind": "purchase", "order_id": "o", "lines": []}, "lines"),
        ({"kind": "purchase", "lines": [{"product_id": "p", "quantity": 1, "amount": 1}]}, "order_id"),
        ({"kind": "purchase", "order_id": "o", "lines": [{"product_id": "p", "quantity": 0, "amount": 1}]}, "quantity"),
        ({"kind": "purchase", "order_id": "o", "lines": [{"product_id": "p", "quantity": 1, "amount": -1}]}, "amount"),
        ({"kind": "nps"}, "value"),
        ({"kind": "nps", "value": 11}, "value"),
        ({"kind": "consent", "value": 0.5}, "value"),
        ({"kind": "return", "product_id": "p"}, "value"),
        ({"kind": "visit", "vlaue": 1}, "vlaue"),
        ({"kind": "visit", "value": float("nan")}, "value"),
        ({"kind": "visit", "event_timestamp": "2025-01-01T00:00:00"}, "event_timestamp"),
        ({"kind": "visit", "customer_id": ""}, "customer_id"),
        ({"kind": "visit", "customer_id": "a\x00b"}, "customer_id"),
        (
            {
                "kind": "subscription",
                "start_timestamp": "2025-02-01T00:00:00Z",
                "end_timestamp": "2025-01-01T00:00:00Z",
            },
            "subscription",
        ),
    ],
)
def test_what_breaks_the_contract_is_refused(event: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        event_reader().validate_python({"event_id": "e", "customer_id": "a", **event})
    assert place in {str(part) for error in refused.value.errors() for part in error["loc"]}


def test_events_become_rows_of_the_contract(log: EventLog) -> None:
    lines = [
        {"product_id": "p", "quantity": 2, "amount": 3.5, "discount": 0.5},
        {"product_id": "q", "quantity": 1, "amount": 1},
    ]
    more = {"event_id": "e2", "customer_id": "a", "kind": "purchase", "order_id": "o", "lines": lines, "store_id": "s"}
    rated = {"event_id": "e3", "customer_id": "a", "kind": "nps", "value": 9, "channel": "mail"}
    period = {
        "event_id": "e4",
        "customer_id": "b",
        "kind": "subscription",
        "start_timestamp": "2025-01-01T00:00:00Z",
        "end_timestamp": "2026-01-01T00:00:00Z",
        "price": 12,
    }
    log.append([event_reader().validate_python(one) for one in (more, rated, period)], MOMENT)
    tables = {name: table.to_pylist() for name, table in tables_of(log.all(log.last())).items()}
    assert [(row["product_id"], row["quantity"], row["discount"]) for row in tables["transactions"]] == [
        ("p", 2.0, 0.5),
        ("q", 1.0, None),
    ]
    assert {row["event_timestamp"] for row in tables["transactions"]} == {MOMENT}
    (interaction,) = tables["interactions"]
    assert (interaction["kind"], interaction["value"], interaction["channel"]) == ("nps", 9.0, "mail")
    (contract,) = tables["subscriptions"]
    assert (contract["customer_id"], contract["price"], contract["created_timestamp"]) == (
        "b",
        12.0,
        MOMENT + timedelta(microseconds=2),  # the third of one request
    )


def test_who_only_looks_makes_no_log(tmp_path: Path) -> None:
    log = EventLog(StoreSettings(data=tmp_path))
    assert (log.version(), log.backlog(), log.erase("a")) == ((0, 0), (0, None), 0)
    assert not log._database.path.exists()
    log.append([visit(1)], MOMENT)
    assert log.version() == (1, 0)
    log.append([visit(2)], LATER)
    assert log.backlog() == (1, MOMENT)  # the first that waits, not the last
    with sqlite3.connect(log._database.path) as con:
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
