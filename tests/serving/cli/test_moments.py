"""`encore moments`: what would have fired, as a table and as JSON; and events that are not ingested yet."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.settings import Settings, StoreSettings
from features.contract.events import event_reader
from features.live.log import EventLog
from serving import cli
from serving.decisions.moments import fired
from serving.decisions.moments.basket_left import BasketLeft
from serving.decisions.moments.contract_end import ContractEnd
from serving.decisions.moments.reported import Complained
from tests.contract_tables import written
from tests.features.views.naive import Row

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FILE = """
[moments.upset]
kind = "complaint"
within_days = 2
[moments.basket-left]
kind = "basket_left"
hours = 4
"""


def interaction(customer: str, kind: str, moment: datetime) -> Row:
    return {"customer_id": customer, "event_timestamp": moment, "kind": kind, "created_timestamp": moment}


def line(customer: str, moment: datetime) -> Row:
    row = {"customer_id": customer, "order_id": f"o-{customer}", "product_id": "p", "quantity": 1.0, "amount": 1.0}
    return row | {"event_timestamp": moment, "created_timestamp": moment}


def logged(settings: Settings, received: datetime, **event: object) -> None:
    sent = {"event_id": f"e-{event['customer_id']}-{event['kind']}", **event}
    EventLog(settings[StoreSettings]).append([event_reader().validate_python(sent)], received, received)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three complaints, of which two lie in the 30 days before the end of the data."""
    days = [("a", 1), ("a", 3), ("b", 50)]
    contacts = [interaction(customer, "complaint", NOON - before * DAY) for customer, before in days]
    written(tmp_path / "data", interactions=contacts, transactions=[line("z", NOON - 90 * DAY), line("z", NOON)])
    (tmp_path / "decisions.toml").write_text(FILE)
    (tmp_path / "encore.toml").write_text('[decisions]\nfile = "decisions.toml"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["encore", "moments", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_a_moment_is_tried_on_the_past(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "try", "upset") == 0
    assert "upset would have fired 2 times for 1 customer" in capsys.readouterr().out
    assert run(monkeypatch, "try", "upset", "--days", "60", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fired"], found["customers"], found["kind"]) == (3, 2, "complaint")
    assert [day["fired"] for day in found["days"]] == [1, 1, 1]
    assert found["until"] == "2026-03-03T00:00:00+00:00"


def test_moments_are_listed_with_their_options(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list") == 0
    printed = capsys.readouterr().out
    assert "hours = 4.0" in printed
    assert run(monkeypatch, "list", "--format", "json") == 0
    rows = {row["moment"]: row for row in json.loads(capsys.readouterr().out)["moments"]}
    assert (rows["upset"]["fired"], rows["upset"]["within_days"]) == (2, 2)
    assert rows["basket-left"]["fired"] == 0


def test_an_unknown_moment_and_a_missing_file_are_errors_that_say_what_to_do(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "try", "unknown") != 0
    assert "basket-left, upset" in capsys.readouterr().err
    (shop / "encore.toml").write_text("")
    assert run(monkeypatch, "list") != 0
    assert "decisions.file" in capsys.readouterr().err


def test_logged_events_count_before_they_are_ingested(tmp_path: Path) -> None:
    contacts = [interaction(customer, "basket", NOON) for customer in ("buys", "leaves")]
    settings = written(tmp_path, interactions=contacts, transactions=[line("z", NOON)])
    moments = {"left": BasketLeft(hours=4), "upset": Complained()}
    bought = {"product_id": "p", "quantity": 1, "amount": 2.0}
    logged(settings, NOON + HOUR, kind="purchase", customer_id="buys", order_id="1", lines=[bought])
    # received late: it is known from then on
    logged(settings, NOON + 3 * HOUR, kind="complaint", customer_id="c", event_timestamp=NOON)
    found = fired(settings, moments, NOON - DAY, NOON + DAY)
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        ("c", "upset", NOON + 3 * HOUR),
        ("leaves", "left", NOON + 4 * HOUR),
    ]
    alone = fired(settings, moments, NOON - DAY, NOON + DAY, ["buys", "c"])
    assert [tuple(row) for row in alone.itertuples(index=False)] == [("c", "upset", NOON + 3 * HOUR)]


def test_a_contract_that_an_event_extends_does_not_end(tmp_path: Path) -> None:
    contracts = [
        {"customer_id": name, "start_timestamp": NOON - 300 * DAY, "end_timestamp": NOON + 40 * DAY}
        | {"created_timestamp": NOON - 300 * DAY, "price": 5.0}
        for name in ("extends", "ends")
    ]
    settings = written(tmp_path, subscriptions=contracts)
    longer = {"start_timestamp": NOON - 300 * DAY, "end_timestamp": NOON + 400 * DAY}
    logged(settings, NOON, kind="subscription", customer_id="extends", **longer)
    moments = {"renewal": ContractEnd(days_before=30)}
    found = fired(settings, moments, NOON - DAY, NOON + 500 * DAY)
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        ("ends", "renewal", NOON + 10 * DAY),
        ("extends", "renewal", NOON + 370 * DAY),
    ]


def test_without_moments_nothing_fires(tmp_path: Path) -> None:
    assert list(fired(written(tmp_path), {}, NOON, NOON + DAY).columns) == ["customer_id", "moment", "at"]
