"""Members with their scores, and the same as CSV that no spreadsheet runs."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from core.settings import Settings, StoreSettings
from serving.scoring.part import Column
from serving.scoring.score_table import Kept, ScoreTable
from serving.segments import listing
from serving.segments.listing import csv_lines, header, member_rows, pages
from serving.segments.service import Segments
from serving.segments.store import Evaluation
from tests.serving.segments.populations import NOW

COLUMNS = (Column("risk", "number", "Risk"), Column("tier", "text", "Tier"))


@pytest.fixture
def segments(tmp_path: Path) -> Segments:
    stores = StoreSettings(data=tmp_path)
    table = ScoreTable(stores, COLUMNS)
    for customer, tier in {"a": "low", "=1+1": '-"x", y'}.items():
        kept = {customer: Kept("model", NOW, NOW, True, b"{}")}
        table.keep("risk", kept, 0, {customer: {"risk": 0.25, "tier": tier}})
    table.changed(["a"], NOW + timedelta(seconds=1))
    made = Segments(Settings(stores), table, lambda: NOW)
    found = Evaluation("f", "online", NOW, NOW, size=3, customers=3)
    made.store.keep("vip", found, ["a", "b", "=1+1"], made.store.erasures())
    return made


def test_members_have_their_scores_and_how_current_they_are(segments: Segments) -> None:
    assert member_rows(segments, ["a", "b", "=1+1"]) == [
        {"customer_id": "a", "as_of": NOW, "status": "stale", "risk": 0.25, "tier": "low"},
        {"customer_id": "b", "as_of": None, "status": "not_scored", "risk": None, "tier": None},
        {"customer_id": "=1+1", "as_of": NOW, "status": "ok", "risk": 0.25, "tier": '-"x", y'},
    ]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_pages_have_every_member_once(segments: Segments, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(listing, "BATCH", batch)
    assert [row["customer_id"] for rows in pages(segments, "vip") for row in rows] == ["=1+1", "a", "b"]


def test_csv_is_read_as_it_was_written_but_for_formulas(segments: Segments) -> None:
    rows = [list(row.values()) for row in member_rows(segments, ["=1+1", "b"])]
    text = csv_lines([header(segments), *rows])
    assert list(csv.reader(io.StringIO(text))) == [
        ["customer_id", "as_of", "status", "risk", "tier"],
        ["'=1+1", "2024-05-01T00:00:00Z", "ok", "0.25", '\'-"x", y'],
        ["b", "", "not_scored", "", ""],
    ]


def test_many_rows_of_the_score_table_are_read_at_once(segments: Segments) -> None:
    many = [f"n{place}" for place in range(40_000)]
    assert list(segments.table.rows([*many, "a"])) == ["a"]
