"""An order counts once, in however many events it is reported, until one states that it replaces it."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.settings import StoreSettings
from features.contract.events import event_reader
from features.contract.events.kind import Event
from features.live.log import EventLog
from features.live.rows import tables_of

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def order(number: int, *amounts: float, name: str = "o1", customer: str = "a", **more: Any) -> Event:
    lines = [{"product_id": f"p{place}", "quantity": 1, "amount": amount} for place, amount in enumerate(amounts)]
    event = {"event_id": f"e{number}", "customer_id": customer, "kind": "purchase", "order_id": name, "lines": lines}
    return event_reader().validate_python(event | more)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(StoreSettings(data=tmp_path))


def lines_of(log: EventLog) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = tables_of(log.all(log.last()))["transactions"].to_pylist()
    return lines


def amount(log: EventLog, at: datetime) -> float:
    """What the customers have spent, as is known at a moment."""
    return float(
        sum(
            line["amount"]
            for line in lines_of(log)
            if line["created_timestamp"] <= at and (line["replaced_timestamp"] or at + HOUR) > at
        )
    )


def test_an_order_under_other_event_ids_counts_once(log: EventLog) -> None:
    events = [order(number, 3.0, 4.5) for number in (1, 2, 3)]
    assert log.append(events, MOMENT) == ["accepted", "duplicate", "duplicate"]
    assert log.append([order(4, 3.0, 4.5, event_timestamp=MOMENT)], MOMENT + HOUR) == ["duplicate"]
    assert sum(line["amount"] for line in lines_of(log)) == 7.5


def test_the_same_lines_in_another_order_and_another_spelling_are_the_same(log: EventLog) -> None:
    lines = [{"product_id": "p1", "quantity": 1, "amount": 4.5}, {"product_id": "p0", "quantity": 1.0, "amount": 3}]
    assert log.append([order(1, 3.0, 4.5, store_id="s")], MOMENT) == ["accepted"]
    again = order(2, lines=lines, name='="o1"', customer=" a", channel="web")
    assert log.append([again], MOMENT) == ["duplicate"]


def test_equal_order_ids_of_two_customers_are_two_orders(log: EventLog) -> None:
    assert (
        log.append([order(1, 3.0), order(2, 3.0, customer="b"), order(3, 3.0, name="o2")], MOMENT) == ["accepted"] * 3
    )


@pytest.mark.parametrize(
    "other",
    [
        order(2, 3.0, 4.0),
        order(2, 3.0),
        order(2, 3.0, 4.5, 4.5),
        order(2, 3.0, 4.5, event_timestamp=MOMENT - HOUR),
        order(2, 3.0, 4.5, store_id="another"),
    ],
)
def test_other_content_is_a_conflict_and_changes_nothing(log: EventLog, other: Event) -> None:
    log.append([order(1, 3.0, 4.5, event_timestamp=MOMENT, store_id="s")], MOMENT)
    assert log.append([other], MOMENT) == ["conflict"]
    assert amount(log, MOMENT) == 7.5
    assert log.last() == 1


def test_a_stated_replacement_counts_from_when_it_was_received(log: EventLog) -> None:
    log.append([order(1, 3.0, 4.5)], MOMENT, MOMENT)
    changed = order(2, 3.0, replaces=True)
    assert log.append([changed], MOMENT + HOUR, MOMENT + HOUR) == ["accepted"]
    assert log.append([changed, order(3, 3.0, replaces=True), order(1, 3.0, 4.5)], MOMENT) == ["duplicate"] * 3
    assert [amount(log, MOMENT + hours * HOUR) for hours in (0, 0.9, 1, 2)] == [7.5, 7.5, 3.0, 3.0]
    assert {line["event_timestamp"] for line in lines_of(log)} == {MOMENT}  # it stays on its day
    # what it was before is other content by now
    assert log.append([order(4, 3.0, 4.5)], MOMENT) == ["conflict"]
    assert log.append([order(5, 3.0, 4.5, replaces=True)], MOMENT + 2 * HOUR, MOMENT + 2 * HOUR) == ["accepted"]
    assert [amount(log, MOMENT + hours * HOUR) for hours in (0, 1, 2)] == [7.5, 3.0, 7.5]


def test_without_a_clock_a_replacement_is_known_after_what_it_replaces(log: EventLog) -> None:
    log.append([order(1, 3.0, 4.5, event_timestamp=MOMENT)], MOMENT)
    log.append([order(2, 3.0, event_timestamp=MOMENT - 5 * HOUR, replaces=True)], MOMENT + HOUR)
    assert [amount(log, MOMENT + hours * HOUR) for hours in (-5, 0, 1)] == [0, 7.5, 3.0]


def test_an_order_that_is_replaced_by_nothing_is_cancelled(log: EventLog) -> None:
    log.append([order(1, 3.0), order(2, 5.0, name="o2")], MOMENT, MOMENT)
    assert log.append([order(3, lines=[], replaces=True)], MOMENT + HOUR, MOMENT + HOUR) == ["accepted"]
    assert [amount(log, MOMENT), amount(log, MOMENT + HOUR)] == [8.0, 5.0]
    assert log.append([order(4, lines=[], replaces=True)], MOMENT) == ["duplicate"]
    assert log.append([order(5, 3.0)], MOMENT) == ["conflict"]


def test_a_line_is_in_an_order_once() -> None:
    line = {"product_id": "p", "quantity": 1, "amount": 1}
    assert order(1, lines=[line, line])  # two equal lines without a name are two
    assert order(1, lines=[line | {"line_id": "1"}, line | {"line_id": "2"}])
    with pytest.raises(ValidationError, match="expected each line_id once in an order, found 1 twice"):
        order(1, lines=[line | {"line_id": "1"}, line | {"line_id": "1.0"}])
    with pytest.raises(ValidationError, match="expected at least one line"):
        order(1, lines=[], replaces=False)


def test_one_of_many_who_report_an_order_at_once_is_accepted(tmp_path: Path) -> None:
    def write(number: int) -> list[str]:
        own = EventLog(StoreSettings(data=tmp_path))
        outcomes: list[str] = [
            outcome
            for place in range(10)
            for outcome in own.append([order(100 * number + place, 3.0, name=f"o{place}")], MOMENT)
        ]
        own._database.close()
        return outcomes

    with ThreadPoolExecutor(8) as pool:
        outcomes = [outcome for one in pool.map(write, range(8)) for outcome in one]
    assert (outcomes.count("accepted"), outcomes.count("duplicate")) == (10, 70)
    assert sum(line["amount"] for line in lines_of(EventLog(StoreSettings(data=tmp_path)))) == 30.0


_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from core.settings import StoreSettings
from features.contract.events import event_reader
from features.live.log import EventLog
log = EventLog(StoreSettings(data=Path(sys.argv[1])))
for number in range(100_000):
    line = {"product_id": "p", "quantity": 1, "amount": 1}
    event = {"event_id": f"e{number}", "customer_id": "a", "kind": "purchase", "order_id": f"o{number}"}
    log.append([event_reader().validate_python(event | {"lines": [line]})], datetime(2025, 1, 1, tzinfo=UTC))
    print(number, flush=True)
"""


def test_orders_that_were_acknowledged_are_known_after_a_kill(tmp_path: Path) -> None:
    acknowledged = []
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            acknowledged.append(int(line))
            if len(acknowledged) == 20:
                os.kill(writer.pid, signal.SIGKILL)
                break
    log = EventLog(StoreSettings(data=tmp_path))
    lines = [{"product_id": "p", "quantity": 1, "amount": 1}]
    again = [order(1_000_000 + number, name=f"o{number}", lines=lines) for number in acknowledged]
    assert log.append(again, MOMENT) == ["duplicate"] * 20


def test_an_erased_order_is_not_taken_again_under_another_event_id(log: EventLog) -> None:
    log.append([order(1, 3.0), order(2, 3.0, customer="b")], MOMENT)
    log.erase("a")
    assert log.append([order(3, 3.0), order(4, 9.0, replaces=True)], MOMENT) == ["duplicate"] * 2
    assert log.append([order(5, 3.0, name="o2"), order(6, 3.0, customer="b")], MOMENT) == ["accepted", "duplicate"]
    assert {line["customer_id"] for line in lines_of(log)} == {"a", "b"}
    with sqlite3.connect(log._database.path) as con:
        assert con.execute("SELECT customer_id, order_id FROM orders ORDER BY 1").fetchall() == [
            ("a", "o2"),
            ("b", "o1"),
        ]


def test_a_log_of_an_earlier_version_is_read_as_it_would_be_taken_in_now(tmp_path: Path) -> None:
    line = '{"product_id":"p","quantity":1.0,"amount":3.0}'
    rows = [
        ("e1", "12.0", f'{{"event_id":"e1","customer_id":"12.0","kind":"purchase","order_id":"o1","lines":[{line}]}}'),
        ("e2", "12", f'{{"event_id":"e2","customer_id":"12","kind":"purchase","order_id":"o1","lines":[{line}]}}'),
        ("e3", "NULL", '{"event_id":"e3","customer_id":"NULL","kind":"visit"}'),
    ]
    log = EventLog(StoreSettings(data=tmp_path))
    with log._database.writing() as con:
        for seq, (name, customer, body) in enumerate(rows, 1):
            con.execute("INSERT INTO events VALUES (?, ?, ?, 0, 0, x'', ?)", [seq, name, customer, body])
            con.execute("INSERT INTO pending VALUES (?, ?, ?)", [customer, seq, seq])
        con.execute("PRAGMA user_version = 0")
    log._database.close()
    assert [one.event.event_id for one in log.of(["12"])] == ["e1", "e2"]
    assert set(log.pending()) == {"12", "NULL"}
    tables = tables_of(log.all(log.last()))
    assert tables["transactions"]["amount"].to_pylist() == [3.0]
    assert len(tables["interactions"]) == 0  # nobody's
    again = event_reader().validate_json(rows[0][2])
    assert (
        log.append([again, order(9, lines=[{"product_id": "p", "quantity": 1, "amount": 3}], customer="12")], MOMENT)
        == ["duplicate"] * 2
    )


def test_the_cost_of_a_line_is_part_of_what_an_order_says(log: EventLog) -> None:
    def costing(number: int, cost: float | None, **more: Any) -> Event:
        line = {"product_id": "p", "quantity": 1, "amount": 5.0} | ({} if cost is None else {"cost": cost})
        return order(number, lines=[line], **more)

    events = [costing(1, 3.0), costing(2, 3.0), costing(3, 4.0), costing(4, 4.0, replaces=True)]
    assert log.append(events, MOMENT) == ["accepted", "duplicate", "conflict", "accepted"]
    assert [(line["cost"], line["replaced_timestamp"] is None) for line in lines_of(log)] == [(3.0, False), (4.0, True)]
    # an event without a cost is kept with the text that it had before there were costs
    assert "cost" not in costing(5, None).model_dump_json(exclude_none=True)
    with pytest.raises(ValidationError, match="cost"):
        costing(6, -1.0)
