"""Stability, its grade, and two versions beside each other."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.training.segments.populations import SEGMENTS, SETTINGS, population, without_kinds
from training.evaluation.bootstrap import Estimate
from training.segments.clusters import Clusters
from training.segments.comparison import compare_segments
from training.segments.evaluation import GRADE_RULE, SHUFFLED, Evaluation, kept
from training.segments.fit import fit
from training.segments.model import SegmentsModel
from training.segments.report import headlines


def clusters_of(model: SegmentsModel) -> Clusters:
    assert model.clusters is not None
    return model.clusters


def test_clear_kinds_are_stable_and_shuffled_columns_are_not() -> None:
    evaluation = Evaluation(fit(population(3), SEGMENTS), population(3, seed=4), SETTINGS)
    assert evaluation.stability is not None
    assert evaluation.shuffled is not None
    assert evaluation.stability.value == pytest.approx(1)
    assert evaluation.shuffled.value < 0.7
    assert (evaluation.grading.grade, evaluation.grading.best_rule) == ("A", SHUFFLED)
    assert evaluation.grading.gain.value == pytest.approx(evaluation.stability.value - evaluation.shuffled.value)
    assert evaluation.silhouette is not None
    assert evaluation.silhouette > 0.5


def test_without_clusters_the_words_say_so() -> None:
    evaluation = Evaluation(fit(without_kinds(), SEGMENTS), without_kinds(), SETTINGS)
    assert (evaluation.stability, evaluation.shuffled, evaluation.silhouette) == (None, None, None)
    assert evaluation.grading.grade == "C"
    assert "no number of clusters is stable" in GRADE_RULE.summary(evaluation.grading)
    assert [one.value for one in headlines({"clusters": 0.0})] == ["0"]


@pytest.mark.parametrize(
    ("stability", "low", "grade"),
    [(0.95, 0.5, "A"), (0.9, 0.5, "A"), (0.89, 0.5, "B"), (0.79, 0.5, "C"), (0.69, 0.5, "D"), (0.95, -0.01, "D")],
)
def test_the_grade_is_from_stability_and_from_the_gain(stability: float, low: float, grade: str) -> None:
    grading = GRADE_RULE.grade(stability, Estimate(0.6, low, 0.7))
    assert grading.grade == grade
    assert grading.words
    assert grade in GRADE_RULE.text
    assert GRADE_RULE.as_json(grading)["rule"] == GRADE_RULE.text


def test_kept_labels_are_counted() -> None:
    before, after = (np.array(list(names), dtype=object) for names in ("aabbb", "aabca"))
    found = kept(after, before)
    assert found.value == pytest.approx(3 / 5)
    assert found.low <= found.value <= found.high


def test_the_same_clusters_a_little_later_pass() -> None:
    champion = fit(population(3), SEGMENTS)
    later = population(3, seed=6)
    compared = compare_segments(fit(later, SEGMENTS, champion), champion, later, SETTINGS)
    assert compared.objection is None
    assert compared.gain.difference == Estimate(0.0, 0.0, 0.0)
    assert compared.metrics["labels_kept"].challenger == 1
    assert compared.sizes is None


def test_labels_that_change_without_need_are_objected_to() -> None:
    champion = fit(population(3), SEGMENTS)
    own = clusters_of(champion)
    turned = replace(champion, clusters=replace(own, labels=(*own.labels[1:], own.labels[0])))
    compared = compare_segments(turned, champion, population(3, seed=6), SETTINGS)
    assert compared.objection is not None
    assert "0% of the customers keep their label; expected at least 80%" in compared.objection
    lenient = SETTINGS.model_copy(update={"kept": 0.0})
    assert compare_segments(turned, champion, population(3, seed=6), lenient).objection is None


def test_labels_may_change_for_more_stable_clusters() -> None:
    good = fit(population(3), SEGMENTS)
    own = clusters_of(good)
    halves = replace(own, labels=("cluster_8", "cluster_9"), centres=own.centres[:2])
    compared = compare_segments(good, replace(good, clusters=halves), population(3, seed=6), SETTINGS)
    assert compared.metrics["labels_kept"].challenger == 0
    assert compared.gain.difference.low > 0
    assert compared.objection is None
    assert compare_segments(replace(good, clusters=halves), good, population(3), SETTINGS).gain.difference.high < 0


def test_no_clusters_are_worse_than_stable_ones_and_better_than_unstable_ones() -> None:
    some, none = fit(population(3), SEGMENTS), fit(without_kinds(), SEGMENTS)
    stable = compare_segments(none, some, population(3, seed=6), SETTINGS)
    assert stable.gain.challenger == SETTINGS.stable
    assert stable.gain.champion == pytest.approx(1)
    assert stable.gain.difference.high < 0
    gone = compare_segments(none, some, without_kinds(seed=12), SETTINGS)
    assert gone.gain.difference.low > 0
    assert gone.objection is None
    assert set(gone.metrics) == {"stability"}


def test_the_index_is_that_of_the_definition() -> None:
    one, other = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]
    # Hubert and Arabie (1985): pairs together in both, less those of chance, over the mean less those of chance
    both, first, second, pairs = 2, 6, 3, 15
    chance = first * second / pairs
    assert adjusted_rand_score(one, other) == pytest.approx((both - chance) / ((first + second) / 2 - chance))
