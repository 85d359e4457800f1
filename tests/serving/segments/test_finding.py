"""Customers who are looked for: by id, by what is on file, among the members of a segment."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.settings import Settings, StoreSettings
from features.contract.tables import table_path
from serving.scoring.listing import Listing
from serving.scoring.part import Column
from serving.scoring.score_table import Kept, ScoreTable
from serving.segments.definitions import SegmentDefinition
from serving.segments.finding import BY_ID, Wanted, narrow
from serving.segments.service import Segment, Segments, Source, UnknownSegmentError
from serving.segments.store import Evaluation
from tests.serving.segments.populations import NOW
from tests.serving.segments.test_service import SOURCE

RULE = {"column": "risk", "at_least": 0.5}
EVERYBODY = Listing({}, {}, {})


class Known(Segments):
    """Has two segments of the same two members."""

    def one(self, name: str, source: Source) -> Segment:
        del source
        if name not in {"filed", "frozen"}:
            raise UnknownSegmentError(name, ["filed", "frozen"])
        found = Evaluation("f", "online", NOW, NOW, size=2, customers=4)
        self.store.keep(name, found, ["c1", "home"], self.store.erasures())
        kind = "static" if name == "frozen" else "following"
        return Segment(SegmentDefinition.model_validate({"name": name, "kind": kind, "rule": RULE}), "api", found)


@pytest.fixture
def segments(tmp_path: Path) -> Known:
    stores = StoreSettings(data=tmp_path)
    table = ScoreTable(stores, (Column("risk", "number", ""),))
    customers = ["c1", "c2", "home", "d"]
    for customer in customers:
        table.keep("risk", {customer: Kept("model", NOW, NOW, True, b"{}")}, 0, {customer: {"risk": 0.5}})
    table_path(stores, "customers").parent.mkdir()
    people = {"customer_id": [*customers, "erased"], "home": ["Homeowner", None, "Renter", "Homeowner", "Homeowner"]}
    pq.write_table(pa.table({**people, "city": ["Rome", "Home", None, None, None]}), table_path(stores, "customers"))
    return Known(Settings(stores), table, lambda: NOW)


def found(segments: Known, *wanted: str, listing: Listing = EVERYBODY) -> tuple[list[str], str | None]:
    narrowed = narrow(listing, Wanted(*wanted), segments, SOURCE, segments._settings)
    return [row.customer_id for row in segments.table.list(narrowed.listing, 10)], narrowed.by


def test_ids_come_first_and_then_what_is_on_file(segments: Known) -> None:
    assert found(segments) == (["c1", "c2", "d", "home"], None)
    assert found(segments, "C") == (["c1", "c2"], "id")
    assert found(segments, " home ") == (["home"], "id")  # not the owners
    assert found(segments, "homeown") == (["c1", "d"], "attribute")
    assert found(segments, "nothing of this") == ([], "attribute")


def test_a_search_may_name_where_to_look(segments: Known) -> None:
    assert found(segments, "home", "home") == (["c1", "d"], "attribute")
    assert found(segments, "home", "city") == (["c2"], "attribute")
    assert found(segments, "homeowner", BY_ID) == ([], "id")
    assert found(segments, "home", "no_column") == ([], "attribute")


def test_members_of_a_segment_are_searched_too(segments: Known) -> None:
    assert found(segments, "", "", "filed") == (["c1", "home"], None)
    assert found(segments, "homeowner", "", "filed") == (["c1"], "attribute")
    assert found(segments, "h", "", "filed") == (["home"], "id")
    with pytest.raises(UnknownSegmentError, match="no segment 'other'"):
        found(segments, "", "", "other")


def test_a_segment_that_follows_its_rule_gives_it(segments: Known) -> None:
    rules = [
        narrow(EVERYBODY, Wanted(segment=name), segments, SOURCE, segments._settings).rule
        for name in ("filed", "frozen")
    ]
    assert rules[0] is not None
    assert rules[1] is None  # its members were others' at another time
