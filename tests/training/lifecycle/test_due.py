"""When a model is due: each reason on its own, and none where nothing is due."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import StateError
from core.settings import Settings
from features.snapshots import Schedule, Split
from training.churn.settings import ChurnSettings
from training.lifecycle.due import Due, training_due
from training.lifecycle.settings import RefreshSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.model import Context, Model

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
TEST = datetime(2024, 2, 2, tzinfo=UTC)


def version(number: str, days: int, **others: Any) -> Version:
    """A version that was trained on data until some days before now."""
    made = Version(
        name="encore-churn",
        number=number,
        run_id="r",
        created=0,
        aliases=(),
        fingerprint="f",
        metrics={},
        grade="A",
        definition="d",
        data_end=f"{AS_OF - timedelta(days=days):%Y-%m-%d}",
    )
    return replace(made, **others)


@dataclass
class Registry:
    """The registry, by hand."""

    champion: Version | None
    all: list[Version]

    def versions(self, _: str) -> list[Version]:
        return self.all

    def find(self, _: str) -> Version | None:
        return self.champion

    def decision(self, _: Version) -> None:
        """Nothing was decided about any version."""

    def load(self, *_: object) -> str:
        return "artifact"


def refuse(*_: object) -> None:
    raise StateError("It was trained for another horizon.", "Train again.")


def due(
    registry: Registry,
    *,
    refresh: RefreshSettings | None = None,
    kind: str = "non_contractual",
    check: Any = lambda *_: None,
    drifted: Any = None,
) -> Due:
    settings = Settings(refresh or RefreshSettings(), ChurnSettings.model_validate({"kind": kind}))
    model = SimpleNamespace(settings=ChurnSettings, artifact=str, check=check)
    schedule = Schedule(AS_OF - timedelta(days=365), AS_OF, (), {}, {})
    context = Context(settings, cast("Any", None), schedule, Split(test=(TEST,)), "built")
    return training_due(cast("Model[Any]", model), context, cast("Tracking", registry), "d", drifted)


def fresh(days: int, **others: Any) -> Registry:
    one = version("1", days, **others)
    return Registry(one, [one])


def test_nothing_is_due_before_its_days() -> None:
    found = due(fresh(13))
    assert not found.is_due
    assert found.why == "It was trained on data until 2024-02-17, 13 days before those of now; due after 14."


@pytest.mark.parametrize(
    ("days", "of", "is_due"), [(14, {}, True), (14, {"churn": 15}, False), (5, {"churn": 5}, True)]
)
def test_a_model_is_due_by_days_of_data(days: int, of: dict[str, int], is_due: bool) -> None:
    assert due(fresh(days), refresh=RefreshSettings(retrain_days_of=of)).is_due == is_due


def test_a_version_that_was_refused_counts_and_a_recalibrated_one_does_not() -> None:
    champion, refused = version("1", 30), version("2", 3)
    assert not due(Registry(champion, [refused, champion])).is_due
    recalibrated = version("2", 30, recalibrated_from="encore-churn/1")
    assert due(Registry(recalibrated, [recalibrated, champion])).is_due


def test_without_a_champion_it_is_due() -> None:
    assert due(Registry(None, [])).why == due(Registry(None, [version("1", 0)])).why == "There is no champion yet."


def test_changed_settings_and_another_question_make_it_due() -> None:
    assert "have changed" in due(fresh(0, definition="another")).why
    found = due(fresh(0), check=refuse)
    assert found.is_due
    assert "another horizon" in found.why


def test_new_labels_of_the_business_make_it_due() -> None:
    assert due(fresh(13), kind="labelled").is_due is False
    older = version("1", 13, data_end="2024-02-01")
    assert (
        "labels of a later moment"
        in due(Registry(older, [older]), kind="labelled", refresh=RefreshSettings(retrain_days=60)).why
    )


def test_drift_makes_it_due_unless_it_is_off_or_nothing_is_newer() -> None:
    def moved(*_: object) -> str:
        return "It has drifted: amounts."

    assert due(fresh(3), drifted=moved).why == "It has drifted: amounts."
    assert not due(fresh(3), drifted=lambda *_: None).is_due
    assert not due(fresh(0), drifted=moved).is_due
    assert not due(fresh(3), refresh=RefreshSettings(retrain_on_drift=False), drifted=moved).is_due
