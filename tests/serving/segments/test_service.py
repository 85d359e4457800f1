"""Segments as a whole, over customers that are made up: when they are evaluated, what is refused, what is frozen."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError, StateError, StoreError
from core.settings import Settings, StoreSettings
from features.store.materialized import Online
from serving.scoring.score_table import ScoreTable
from serving.segments.columns import RuleError
from serving.segments.definitions import SegmentDefinition
from serving.segments.evaluating import ContradictoryRuleError
from serving.segments.population import Population
from serving.segments.service import Segments, Source, TakenNameError, UnknownSegmentError
from serving.segments.store import SegmentStore
from serving.settings import ServingSettings
from tests.serving.segments import populations as made

ONLINE = Online("first", made.NOW, True, frozenset(), 0, "")
SOURCE = Source(ONLINE, lambda _, customers: [None] * len(customers), made.NOW)
HIGH = {"column": "risk", "at_least": 0.5}
_FILE = """
[filed]
rule = {column = "risk", at_least = 0.5}
[frozen]
kind = "static"
rule = {column = "risk", at_least = 0.5}
[old]
rule = {column = "no_more", at_least = 1}
"""


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now: Any = made.NOW

    def __call__(self) -> Any:
        return self.now


@dataclass
class Made:
    """Segments over rows that a test changes, and how often they were read."""

    segments: "Fake"
    clock: Clock
    path: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    reads: int = 0
    unreadable: bool = False
    while_reading: Callable[[], None] | None = None
    erased_meanwhile: list[str] = field(default_factory=list)

    def sizes(self, source: Source = SOURCE, *, now: bool = False) -> dict[str, int]:
        return {name: one.evaluation.size for name, one in self.segments.every(source, now=now).items()}


class Fake(Segments):
    """Reads made-up customers."""

    made: Made

    def _population(self, source: Source) -> Population:
        self.made.reads += 1
        if self.made.while_reading is not None:
            self.made.while_reading()
        if self.made.unreadable:
            raise StateError("Expected features, found none.", "Build them.")
        read = replace(made.population(self.made.rows), made_from=source.online.fingerprint)
        if self.made.erased_meanwhile:
            self.store.erase(self.made.erased_meanwhile.pop())
        return read


@pytest.fixture
def some(tmp_path: Path) -> Made:
    path, clock, stores = tmp_path / "segments.toml", Clock(), StoreSettings(data=tmp_path)
    path.write_text(_FILE)
    settings = Settings(stores, ServingSettings(segments=path, segment_age_minutes=60))
    fake = Fake(settings, ScoreTable(stores, ()), clock)
    fake.made = Made(fake, clock, path, [{"risk": 0.9}, {"risk": 0.1}, {"risk": 0.6}, {}])
    return fake.made


def definition(rule: Any = HIGH, name: str = "mine", kind: str = "following") -> SegmentDefinition:
    return SegmentDefinition.model_validate({"name": name, "rule": rule, "kind": kind})


def members(some: Made, name: str) -> Sequence[str]:
    return some.segments.store.members(name)


def test_segments_are_evaluated_when_they_are_old(some: Made) -> None:
    assert some.sizes() == {"filed": 2, "frozen": 2, "old": 0}
    some.rows[1] = {"risk": 0.8}
    some.clock.now += timedelta(minutes=59)
    assert (some.sizes()["filed"], some.reads) == (2, 1)
    some.clock.now += timedelta(minutes=1)
    assert (some.sizes()["filed"], some.reads) == (3, 2)
    assert members(some, "filed") == ["c0", "c1", "c2"]


def test_segments_are_evaluated_when_features_or_rules_are_new(some: Made) -> None:
    some.sizes()
    some.rows[1] = {"risk": 0.8}
    other = replace(SOURCE, online=replace(ONLINE, fingerprint="second"))
    assert some.sizes(other)["filed"] == 3
    some.path.write_text(_FILE.replace("0.5", "0.85"))
    assert some.sizes(other)["filed"] == 1
    assert some.sizes(other)["frozen"] == 1, "another rule freezes other members"
    assert some.reads == 3


def test_members_of_a_static_segment_stay(some: Made) -> None:
    some.sizes()
    some.rows = [{"risk": 0.1}, {"risk": 0.9}]
    assert some.sizes(now=True) == {"filed": 1, "frozen": 2, "old": 0}
    assert members(some, "frozen") == ["c0", "c2"]


def test_a_rule_about_a_column_that_is_gone_is_a_problem_of_its_segment_alone(some: Made) -> None:
    old = some.segments.one("old", SOURCE)
    assert old.evaluation.problem is not None
    assert "There is no column 'no_more'" in old.evaluation.problem
    assert some.segments.trend(old) == []


def test_a_defined_segment_is_there_with_its_overlaps(some: Made) -> None:
    segment = some.segments.define(definition({"column": "risk", "below": 0.7}), SOURCE)
    assert (segment.origin, segment.evaluation.size) == ("api", 2)
    assert segment.evaluation.overlaps == {"filed": 0.5, "frozen": 0.5, "old": 0.0}
    assert some.sizes()["mine"] == 2
    assert [one.size for one in some.segments.trend(segment)] == [2]
    some.segments.delete("mine")
    assert "mine" not in some.sizes()
    assert members(some, "mine") == []
    with pytest.raises(UnknownSegmentError, match="no segment 'mine'; there are filed, frozen, old"):
        some.segments.one("mine", SOURCE)


def test_a_static_segment_that_is_defined_again_is_frozen_again(some: Made) -> None:
    some.segments.define(definition(kind="static"), SOURCE)
    some.rows = [{"risk": 0.9}, {"risk": 0.9}, {"risk": 0.9}]
    assert some.sizes(now=True)["mine"] == 2
    some.segments.define(definition(kind="static"), SOURCE)
    assert members(some, "mine") == ["c0", "c1", "c2"]


def test_a_preview_saves_nothing(some: Made) -> None:
    found = some.segments.preview(definition(), SOURCE)
    assert found.evaluation.size == 2
    assert some.segments.store.evaluations() == {}
    assert "mine" not in some.sizes()


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"all": [HIGH, {"column": "risk", "below": 0.5}]}, ContradictoryRuleError),
        ({"all": [HIGH, {"column": "rsik", "below": 0.5}]}, RuleError),
        ({"any": [HIGH, {"column": "tier", "below": 0.5}]}, RuleError),
    ],
)
def test_a_rule_that_nobody_can_mean_is_refused_and_changes_nothing(some: Made, rule: Any, error: type) -> None:
    some.segments.define(definition(), SOURCE)
    before = some.segments.store.evaluations()
    for act in (some.segments.define, some.segments.preview):
        with pytest.raises(error):
            act(definition(rule), SOURCE)
    assert some.segments.store.evaluations() == before
    assert some.segments.store.definitions() == {"mine": definition()}


def test_segments_of_the_file_are_changed_there(some: Made) -> None:
    with pytest.raises(TakenNameError, match="'filed' is defined in the file"):
        some.segments.define(definition(name="filed"), SOURCE)
    with pytest.raises(TakenNameError):
        some.segments.delete("filed")
    some.path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        some.segments.every(SOURCE)


def test_findings_name_empty_segments_and_misspelt_values(some: Made) -> None:
    some.rows = [{"tier": "high", "risk": 1.0}, {"tier": "low"}]
    found = some.segments.define(definition({"column": "tier", "in": ["high", "hihg"]}), SOURCE).evaluation
    assert [one.kind for one in found.findings] == ["unknown_value"]
    assert found.findings[0].text.endswith("no customer has hihg; there are high, low.")
    found = some.segments.define(definition({"column": "risk", "at_least": 2}), SOURCE).evaluation
    assert [one.kind for one in found.findings] == ["empty"]
    everybody = {"not": {"all": [HIGH, {"column": "risk", "missing": True}]}}
    found = some.segments.define(definition(everybody), SOURCE).evaluation
    assert [one.kind for one in found.findings] == ["always"]
    assert (found.size, found.customers) == (2, 2)


def test_customers_are_read_again_where_one_was_erased_meanwhile(some: Made) -> None:
    some.erased_meanwhile = ["c9"]
    assert (some.sizes()["filed"], some.reads) == (2, 2)
    some.erased_meanwhile = ["c9"] * 9
    with pytest.raises(StoreError, match="customers are being erased"):
        some.sizes(now=True)


def test_what_is_no_segment_any_more_is_forgotten(some: Made) -> None:
    some.sizes()
    assert some.segments.store.segments_of("c0") == ["filed", "frozen"]
    some.path.write_text("")
    assert some.sizes() == {}
    assert some.segments.store.segments_of("c0") == []


def test_the_last_evaluation_stays_while_customers_cannot_be_read(some: Made) -> None:
    some.unreadable = True
    with pytest.raises(StateError):
        some.sizes()
    some.unreadable = False
    before = some.sizes()
    some.unreadable = True
    some.clock.now += timedelta(days=1)
    assert some.sizes() == before
    with pytest.raises(StateError):
        some.sizes(now=True)
    some.path.write_text(_FILE.replace("0.5", "0.85"))
    with pytest.raises(StateError):
        some.sizes()


def test_the_last_evaluation_answers_while_another_thread_evaluates(some: Made) -> None:
    before = some.sizes()
    some.rows[1] = {"risk": 0.8}
    some.clock.now += timedelta(days=1)
    began, goes_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert goes_on.wait(10)

    some.while_reading = wait
    with ThreadPoolExecutor(1) as pool:
        evaluating = pool.submit(some.sizes)
        assert began.wait(10)
        assert some.sizes() == before
        goes_on.set()
        assert evaluating.result() == {**before, "filed": 3}
    assert some.reads == 2


def test_a_segment_that_another_process_defines_meanwhile_stays(some: Made) -> None:
    other = SegmentStore(StoreSettings(data=some.path.parent))
    some.sizes()
    found = some.segments.store.evaluations()["filed"]
    other.keep("theirs", found, ["c0"], other.erasures())  # the definition follows
    some.while_reading = lambda: other.save(definition(name="theirs"), made.NOW)
    some.sizes(now=True)
    some.while_reading = None
    assert some.sizes()["theirs"] == 2


def test_columns_are_read_once_for_a_materialisation(some: Made) -> None:
    assert set(some.segments.columns(SOURCE)) == set(made.KINDS)
    some.segments.columns(SOURCE)
    some.sizes()
    assert some.reads == 2
    some.segments.columns(replace(SOURCE, online=replace(ONLINE, fingerprint="second")))
    assert some.reads == 3


def test_known_values_are_those_of_the_customers_as_of_a_while_ago(some: Made) -> None:
    some.rows = [{"risk": 0.9, "tier": "high"}, {"risk": 0.1, "tier": "low"}, {"risk": 0.6, "tier": "high"}, {}]
    known = some.segments.known(SOURCE)
    assert known["tier"].texts == ("high", "low")
    assert known["risk"].numbers == (0.1, 0.6, 0.9)
    assert known["city"].is_empty
    assert known["amount"].is_empty
    some.rows[3] = {"city": "Bern"}
    assert some.segments.known(SOURCE)["city"].is_empty
    some.clock.now += timedelta(minutes=60)
    assert some.segments.known(SOURCE)["city"].texts == ("Bern",)


def test_means_are_those_of_the_members_with_a_value(some: Made) -> None:
    some.rows = [{"risk": 0.9, "amount": 3.0}, {"risk": 0.1, "amount": 50.0}, {"risk": 0.7}, {}]
    some.sizes()
    found = some.segments.means(["filed", "old"], ["risk", "amount", "tier"], SOURCE)
    assert found["filed"] == {"risk": pytest.approx(0.8), "amount": 3.0, "tier": None}
    assert found["old"] == {"risk": None, "amount": None, "tier": None}
