"""What is said of the last ingestion, and of the rows that it rejected."""

from datetime import UTC, datetime
from pathlib import Path

from core.settings import StoreSettings
from features.ingest.last import last_ingestion
from features.ingest.newest import newest_rows
from features.ingest.quarantine import quarantined
from tests.features.ingest.exports import NOW, ORDERS, ingest, orders, settings_of


def test_nothing_is_said_before_there_was_any(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert last_ingestion(settings[StoreSettings]) is None
    assert quarantined(settings) == []


def test_the_last_ingestion_and_its_newest_row(tmp_path: Path) -> None:
    orders(tmp_path)
    settings = settings_of(tmp_path)
    ingest(settings)
    found = last_ingestion(settings[StoreSettings])
    assert found is not None
    assert found.at == NOW
    assert found.rows["transactions"] == 3
    assert [(one.input, one.totals.read, one.totals.kept) for one in found.inputs] == [("orders.csv", 3, 3)]
    assert newest_rows(settings) == {"transactions": datetime(2024, 1, 9, 23, 30, tzinfo=UTC)}


def test_reasons_come_with_as_many_examples_as_are_asked_for(tmp_path: Path) -> None:
    broken = "".join(f"c{number},9,x,no moment,1,1.50\n" for number in range(4))
    orders(tmp_path, ORDERS + broken + f"{'long' * 200},9,y,2024-01-09,none,1.50\nz,8,x,2024-01-10,1,0\n")
    skip = {"zero": "qty * price = 0"}
    settings = settings_of(tmp_path, {"skip": skip}, max_rejected_share=1.0)
    ingest(settings)
    reasons = quarantined(settings, examples=2)
    assert [(one.rows, one.configured) for one in reasons] == [(4, False), (1, False), (1, True)]
    assert [one.line for one in reasons[0].examples] == [5, 6]
    long = next(one for one in reasons if one.examples[0].text.startswith("long"))
    assert len(long.examples[0].text) == 500
    assert all(one.examples == () for one in quarantined(settings))
