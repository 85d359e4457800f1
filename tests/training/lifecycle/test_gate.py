"""The gate's own rules."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from serving.cli import demo
from serving.cli.context import Context
from serving.cli.exits import REFUSED
from serving.settings import load_settings
from tests.conftest import inside
from training.evaluation.alone import Strongest
from training.evaluation.bootstrap import Estimate
from training.evaluation.comparison import Comparison, Difference, Slice
from training.evaluation.leakage import Availability, Signs
from training.lifecycle.gate import SUSPICIOUS, Decision, Evidence, Fidelity, decide
from training.lifecycle.settings import PromotionSettings, TrackingSettings
from training.lifecycle.tracking import Tracking
from training.registry import MODELS

CONFIG = """
threads = 2
[time]
snapshot_spacing_days = 28
[churn]
kind = "contractual"
population = "all"
horizon_days = 28
[data]
source = "files"
root = "."
[[data.inputs]]
table = "subscriptions"
path = "contracts.csv"
"""


ALIKE = Difference(0.80, 0.80, Estimate(0.0, -0.01, 0.01))
SIGNS = Signs(Strongest("recency_days", 0.75, "churn.trusted_features"), 0.81, Estimate(0.80, 0.77, 0.83), None)


def difference(champion: float, low: float, value: float, high: float) -> Difference:
    return Difference(champion + value, champion, Estimate(value, low, high))


def compared(
    gain: Difference = ALIKE, error: Difference = ALIKE, slices: dict[str, dict[str, Slice]] | None = None
) -> Comparison:
    return Comparison("roc_auc", ("2024-01-01",), 900, 500, {"roc_auc": gain, "ece": error}, slices or {})


#: A version that every rule lets pass.
GOOD = Evidence(
    grade="B",
    words="ranks well; percentages can be taken as they are",
    comparison=compared(),
    champion_grade="B",
    signs=SIGNS,
    fidelity=Fidelity(0.99, 1_000),
)


def test_a_version_that_objects_to_itself_is_refused_even_without_a_champion() -> None:
    first = Evidence(grade="D", words="", objection="It has learned nothing.")
    decision = decide(first, PromotionSettings())
    assert not decision.passes
    assert decision.reason == "It is not promoted. It has learned nothing."
    assert decide(replace(first, objection=None), PromotionSettings()).passes


def refusals(evidence: Evidence, promotion: PromotionSettings | None = None) -> dict[str, str]:
    decision = decide(evidence, promotion or PromotionSettings())
    refused = {check.name: check.text for check in decision.checks if not check.passes}
    assert decision.passes == (not refused)
    assert all(text in decision.reason for text in refused.values())
    return refused


def test_a_good_version_passes_and_every_rule_says_so() -> None:
    decision = decide(GOOD, PromotionSettings())
    assert [check.name for check in decision.checks] == [
        "answers",
        "leakage",
        "grade",
        "gain",
        "calibration",
        "slices",
        "reasons",
    ]
    assert decision.passes
    assert (
        "0.800 to 0.800, a difference of +0.000 (-0.010 to +0.010), paired by customer on 900 rows" in decision.reason
    )
    assert Decision.from_json(json.loads(json.dumps(decision.as_json()))) == decision


def test_amounts_are_compared_by_their_own_error() -> None:
    worse = difference(0.04, 0.01, 0.05, 0.08)
    compared_amounts = Comparison(
        "accuracy", ("2024-01-01",), 900, 500, {"accuracy": ALIKE, "decile_error": worse}, sizes="amounts"
    )
    decision = decide(replace(GOOD, comparison=compared_amounts), PromotionSettings())
    (check,) = (check for check in decision.checks if not check.passes)
    assert check.name == "calibration"
    assert "0.040 to 0.090" in check.text
    assert "its amounts are further off" in check.text


def test_what_has_no_probabilities_has_no_calibration_and_a_model_may_object() -> None:
    clusters = Comparison("stability", ("2024-01-01",), 900, 900, {"stability": ALIKE}, sizes=None)
    decision = decide(replace(GOOD, comparison=clusters), PromotionSettings())
    assert decision.passes
    assert decision.check("calibration") is None
    assert decision.check("objection") is None
    renamed = replace(clusters, objection="40% of the customers keep their label.")
    assert refusals(replace(GOOD, comparison=renamed)) == {"objection": "40% of the customers keep their label."}


@pytest.mark.parametrize(
    ("name", "words", "changed"),
    [
        ("answers", "cannot answer: no file", {"broken": "no file"}),
        ("grade", "Expected at least C", {"grade": "D"}),
        ("gain", "begins below -0.02", {"comparison": compared(difference(0.8, -0.021, -0.005, 0.01))}),
        ("gain", "cannot be compared with the champion: seen", {"comparison": None, "incomparable": "seen"}),
        (
            "calibration",
            "further off, by more than 0.01",
            {"comparison": compared(error=difference(0.02, 0.001, 0.011, 0.02))},
        ),
        (
            "slices",
            "The slice tenure 0 to 90 days collapses: AUC 0.750 to 0.650",
            {
                "comparison": compared(
                    slices={"tenure": {"0 to 90 days": Slice(100, difference(0.75, -0.15, -0.1, -0.051))}}
                )
            },
        ),
        ("reasons", "90.0% of 200 reasons agree", {"fidelity": Fidelity(0.9, 200)}),
        (
            "leakage",
            'attribute_status alone separates .* an AUC of 0.993.*trusted_features = \\["attribute_status"',
            {"signs": replace(SIGNS, strongest=Strongest("attribute_status", 0.993, "churn.trusted_features"))},
        ),
        (
            "leakage",
            "AUC falls from 0.940 .* to 0.800",
            {"signs": replace(SIGNS, validation_auc=0.94)},
        ),
        (
            "leakage",
            "attribute_nps is known in 90% of the training rows and in 10% of the test rows",
            {"signs": replace(SIGNS, availability=Availability("attribute_nps", 0.9, 0.1))},
        ),
    ],
)
def test_each_fault_is_refused_for_its_own_reason(name: str, words: str, changed: dict[str, Any]) -> None:
    refused = refusals(replace(GOOD, **changed))
    assert list(refused) == [name]
    assert re.search(words, refused[name])


@pytest.mark.parametrize(
    "changed",
    [
        # a calibration error that is higher by chance, or by little
        {"comparison": compared(error=difference(0.02, -0.001, 0.03, 0.06))},
        {"comparison": compared(error=difference(0.02, 0.001, 0.009, 0.02))},
        # a slice that is too small to say, or whose fall may be chance
        {"comparison": compared(slices={"tenure": {"new": Slice(99, difference(0.75, -0.2, -0.15, -0.1))}})},
        {"comparison": compared(slices={"tenure": {"new": Slice(500, difference(0.75, -0.2, -0.1, -0.04))}})},
        {"signs": replace(SIGNS, strongest=Strongest("recency_days", SUSPICIOUS - 0.001, "churn.trusted_features"))},
        {"signs": replace(SIGNS, validation_auc=0.92)},
        {"signs": None, "fidelity": None},
        # a champion that is no better either
        {"grade": "D", "champion_grade": "D"},
    ],
)
def test_what_may_be_chance_passes(changed: dict[str, Any]) -> None:
    assert not refusals(replace(GOOD, **changed))


def test_the_first_version_is_served_with_its_grade_in_words() -> None:
    words = "ranks well; percentages are 8 points too high, read them as order only"
    first = Evidence(grade="D", words=words)
    decision = decide(first, PromotionSettings())
    assert decision.passes
    assert f"Grade D: {words}. It is below C, and served since there is no better answer yet." in decision.reason
    assert "There is no champion to compare it with." in decision.reason


def test_what_was_found_at_registration_holds_on() -> None:
    leaking = decide(replace(GOOD, signs=replace(SIGNS, validation_auc=0.99)), PromotionSettings())
    assert list(refusals(replace(GOOD, signs=None, fidelity=None, earlier=leaking))) == ["leakage"]


def test_limits_are_settings() -> None:
    strict = PromotionSettings(minimum_grade="A", tolerance=0.0, minimum_fidelity=0.999)
    assert list(refusals(replace(GOOD, champion_grade="A"), strict)) == ["grade", "gain", "reasons"]


def write_contracts(folder: Path, known: str) -> None:
    """Contracts that run on, until their end is filled in when the customer leaves, at random."""
    rng, start = np.random.default_rng(5), datetime(2023, 1, 1, tzinfo=UTC)
    lines = ["customer_id,start_timestamp,end_timestamp,price,known"]
    for number in range(500):
        began = start + timedelta(days=int(rng.integers(0, 600)))
        end = began + timedelta(days=int(rng.exponential(500)) + 1)
        left = f"{end:%Y-%m-%d}" if end < start + timedelta(days=640) else ""
        lines.append(f"c{number},{began:%Y-%m-%d},{left},{rng.integers(5, 20)},{began:%Y-%m-%d}")
    (folder / "contracts.csv").write_text("\n".join(lines))
    (folder / "encore.toml").write_text(CONFIG + known)


@pytest.mark.world
def test_an_end_that_is_filled_in_later_is_not_known_before_and_is_suspected_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    churn = next(one for one in MODELS if one.name == "churn")
    with inside(tmp_path):
        write_contracts(tmp_path, '[data.inputs.columns]\nend_known_timestamp = "known"\n')
        with pytest.raises(typer.Exit) as left:
            demo.run_demo(Context(None), serve=False)
        said = capsys.readouterr().out
        assert left.value.exit_code == REFUSED
        assert "days_to_contract_end alone separates the outcomes with an AUC of 1.000" in said
        assert "No model is promoted, so nothing can be served." in said
        version = Tracking(load_settings()[TrackingSettings]).find(churn.registered_name, "challenger")
        assert version is not None
        assert version.metrics["champion.roc_auc"] > SUSPICIOUS
        write_contracts(tmp_path, "")
        demo.run_demo(Context(None), serve=False)
        promoted = Tracking(load_settings()[TrackingSettings]).champion(churn.registered_name)
        assert promoted.metrics["champion.roc_auc"] < 0.75
