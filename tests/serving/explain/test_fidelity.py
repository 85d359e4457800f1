"""The check of the reasons: it holds on real customers, and it can fail."""

from dataclasses import replace

import numpy as np
import pytest

from features.store.feature_store import Store
from features.vectors import later, with_ages
from serving.explain.contributions import Explained, Part, explain
from serving.explain.fidelity import agreement, evaluate_reasons, jaccard, missing
from serving.explain.reasons import write_reasons
from serving.explain.wording import Writer
from tests.conftest import Scoring, World
from training.churn.dataset import churn_set


def test_reasons_hold_on_the_test_snapshots(at_home: World) -> None:
    evaluation = evaluate_reasons(at_home.settings)
    assert evaluation["direction_agreement"]["value"] >= 0.98
    assert evaluation["direction_agreement"]["sentences"] > evaluation["protocol"]["customers"]
    assert evaluation["top_three_share"]["median"] >= 0.6
    assert evaluation["stability"]["median_jaccard"] >= 0.8
    assert evaluation["missing_values"]["shown_as_known"] == 0
    assert evaluation["additivity"]["largest_error"] < 1e-9
    assert evaluation["unexplained"]["median_share"] < 0.5
    assert evaluation["readable"]["compared"] >= 0.9
    assert evaluation["readable"]["alarms_about_the_usual"] == 0
    assert evaluation["readable"]["blamed_on_a_recent_purchase"] == 0
    assert evaluation["actions"]["contradicting"] == 0
    assert evaluation["actions"]["with_an_action"] > 100
    assert {language: length["too_long"] for language, length in evaluation["length"].items()} == {"en": 0, "zh": 0}
    assert evaluation["reading_grade"]["flesch_kincaid"] <= 8


def test_a_sentence_the_wrong_way_round_is_counted(at_home: World, store: Store, scoring: Scoring) -> None:
    model = scoring.churn
    rows = churn_set(at_home.settings, store, at_home.schedule.splits["churn"].test[:1])
    inputs = model.inputs(rows.columns, len(rows))
    explained = explain(model, inputs, rows.columns)
    sentences = [write_reasons(one, Writer("en")) for one in explained]
    assert agreement(model, inputs, sentences)["value"] == 1.0
    turned = [[replace(reason, direction="raises") for reason in reasons] for reasons in sentences]
    raising = [reason.direction == "raises" for reasons in sentences for reason in reasons]
    assert agreement(model, inputs, turned)["value"] == pytest.approx(np.mean(raising))


def test_a_number_out_of_nothing_is_counted(scoring: Scoring) -> None:
    model = scoring.churn
    nothing = np.full((1, len(model.features)), np.nan)
    values = dict.fromkeys(model.features, np.nan)
    parts = {"silence": Part(1.0, 1.0)}
    one = Explained(values, dict.fromkeys(model.features, 1.0), model.peers.all, model.peers.all, parts)
    (reason,) = write_reasons(one, Writer("en"))
    assert missing(model, nothing, [[reason]], Writer("en")) == {"sentences": 1, "shown_as_known": 0}
    made_up = replace(reason, text="Last purchase 3 days ago. Linked to a higher risk.")
    assert missing(model, nothing, [[made_up]], Writer("en")) == {"sentences": 1, "shown_as_known": 1}


def test_a_day_later_is_what_the_clock_makes_of_it(world: World, store: Store) -> None:
    today = np.full(3, world.schedule.as_of.timestamp())
    moments = {"last_purchase": today - 9e5, "first_purchase": today - 9e6, "last_contact": today - 5e5}
    columns = {
        **moments,
        "contract_end": today + 1e6,
        "gap_mean": np.array([3.0, 9.0, np.nan]),
        "gap_p90": today * 0 + 7,
    }
    wanted = with_ages(columns, today + 86400)
    tomorrow = later(with_ages(columns, today), 1)
    for name in wanted.keys() - {"season_sin", "season_cos"}:
        np.testing.assert_allclose(tomorrow[name], wanted[name])


def test_jaccard_by_hand() -> None:
    assert jaccard([{"a", "b", "c"}, set()], [{"b", "c", "d"}, set()]) == [pytest.approx(0.5), 1.0]


def test_parts_agree_only_with_the_same_sign() -> None:
    assert Part(0.2, 0.1).agrees
    assert not Part(0.2, -0.1).agrees
    assert not replace(Part(0.2, 0.1), effect=0.0).agrees
