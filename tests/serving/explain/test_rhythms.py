"""Reasons hold where nobody buys weekly: in a half-yearly shop, at a wholesaler, and with contracts."""

from pathlib import Path
from typing import Any

import pytest

from serving.explain.fidelity import evaluate_reasons
from tests.conftest import inside
from tests.rhythms import BUSINESSES, fit_churn

pytestmark = pytest.mark.world


def evaluated(name: str, directory: Path) -> dict[str, Any]:
    BUSINESSES[name](directory)
    with inside(directory):
        return evaluate_reasons(fit_churn())


@pytest.fixture(scope="module")
def half_yearly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluated("twice a year", tmp_path_factory.mktemp("half_yearly"))


@pytest.fixture(scope="module")
def wholesale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluated("wholesale", tmp_path_factory.mktemp("wholesale"))


@pytest.fixture(scope="module")
def subscription(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluated("subscription", tmp_path_factory.mktemp("subscription"))


@pytest.fixture(params=["half_yearly", "wholesale", "subscription"])
def evaluation(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return found


def test_reasons_are_true_to_the_model(evaluation: dict[str, Any]) -> None:
    assert evaluation["direction_agreement"]["value"] >= 0.98
    assert evaluation["additivity"]["largest_error"] < 1e-9
    assert evaluation["missing_values"]["shown_as_known"] == 0


def test_there_are_reasons_to_read(evaluation: dict[str, Any]) -> None:
    assert evaluation["readable"]["reasons"] > evaluation["protocol"]["customers"]
    assert evaluation["unexplained"]["median_share"] < 0.5


def test_reasons_compare(evaluation: dict[str, Any]) -> None:
    assert evaluation["readable"]["compared"] >= 0.9


def test_what_is_usual_is_no_alarm(evaluation: dict[str, Any]) -> None:
    assert evaluation["readable"]["alarms_about_the_usual"] == 0
    assert evaluation["readable"]["blamed_on_a_recent_purchase"] == 0


def test_actions_fit_the_customer(evaluation: dict[str, Any]) -> None:
    assert evaluation["actions"]["with_an_action"] > 0
    assert evaluation["actions"]["contradicting"] == 0


def test_texts_are_short_and_easy(evaluation: dict[str, Any]) -> None:
    for texts in evaluation["length"].values():
        assert texts["texts"] > 0
        assert texts["too_long"] == 0
    assert evaluation["reading_grade"]["flesch_kincaid"] <= 8
