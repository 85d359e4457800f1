"""The segments model of the world: what is registered, what is measured, and what stays from training to training."""

from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest

from core.errors import DataError
from features.store.feature_store import Store
from tests.conftest import World, inside
from training.lifecycle.runner import champion, context_of, evaluate, model_fingerprint, train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.segments.model import SegmentsModel
from training.segments.pipeline import SEGMENTS
from training.segments.population import Population, population_at
from training.segments.settings import SegmentSettings

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def model(world: World) -> SegmentsModel:
    with inside(world.directory):
        return champion(SEGMENTS, world.settings).artifact


@pytest.fixture(scope="module")
def population(world: World) -> Population:
    with inside(world.directory):
        return population_at(world.settings, Store(world.settings), world.schedule.as_of)


def test_it_is_learned_from_the_customers_of_now(at_home: World, model: SegmentsModel, population: Population) -> None:
    now = (at_home.schedule.as_of,)
    assert at_home.schedule.splits["segments"].train == at_home.schedule.splits["segments"].test == now
    assert model.labels_end == at_home.schedule.as_of
    assert model.customers == len(population) > 350
    gaps = population.columns["gap_mean"]
    assert model.typical_gap == np.median(gaps[gaps > 0])
    assert model.clusters is not None
    members = model.assign(population.columns, len(population))
    assert {*members} == {*model.labels}
    assert [kind.customers for kind in model.kinds] == [(members == kind.label).sum() for kind in model.kinds]


def test_evaluation_says_how_stable_clusters_are(at_home: World, model: SegmentsModel) -> None:
    found = evaluate(SEGMENTS, at_home.settings)
    assert set(found) == {"protocol", "clusters", "stability", "silhouette", "agreement", "grade", "grading"}
    stability = found["stability"]
    assert stability["chosen"] == len(model.labels) == len(found["clusters"])
    assert set(stability["by_number"]) == {str(number) for number in range(2, 9)}
    ours, shuffled = stability["champion"], stability["shuffled_columns"]
    assert shuffled["high"] < ours["low"] <= ours["value"] <= ours["high"]
    assert ours["value"] >= at_home.settings[SegmentSettings].clusters.stable
    assert found["grade"] in {"A", "B", "C"}
    # trained again on the same customers everybody keeps the label
    assert found["agreement"] == {"with": "a training now", "kept": {"value": 1.0, "low": 1.0, "high": 1.0}}
    assert sum(one["now"] for one in found["clusters"]) == pytest.approx(1)
    first, second = SEGMENTS.sheets(found)
    assert [row[0] for row in first.rows] == list(model.labels)
    assert any(row[0].endswith("(chosen)") for row in second.rows)


def test_the_run_holds_metrics_pictures_and_a_card(at_home: World, model: SegmentsModel) -> None:
    version = Tracking(at_home.settings[TrackingSettings]).champion("encore-segments")
    pictures = mlflow.artifacts.list_artifacts(run_id=version.run_id, artifact_path="pictures")
    assert {Path(one.path).stem for one in pictures} == {"stability", "centres"}
    card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/model_card.md")
    for words in ("# Segments model, grade", "cluster_1", "adjusted Rand index", "Nothing is predicted"):
        assert words in card
    number, stability = SEGMENTS.headlines(version.metrics)
    assert number.value == str(len(model.labels))
    assert stability.baseline_name == "shuffled_columns"
    assert float(stability.value) > float(stability.baseline or 1)


def test_training_again_is_skipped_whatever_the_rules_of_stages_are(at_home: World) -> None:
    settings = at_home.settings
    assert train(SEGMENTS, settings).skipped
    segments = settings[SegmentSettings]
    before = model_fingerprint(SEGMENTS, settings, "built")
    other = segments.model_copy(update={"several_categories": 5})
    assert model_fingerprint(SEGMENTS, settings.replaced(other), "built") == before
    fewer = segments.model_copy(update={"clusters": segments.clusters.model_copy(update={"most": 4})})
    assert model_fingerprint(SEGMENTS, settings.replaced(fewer), "built") != before


def test_a_training_on_the_same_customers_keeps_labels_and_passes(at_home: World, model: SegmentsModel) -> None:
    context = context_of(SEGMENTS, at_home.settings)
    steps: list[float] = []
    fitted = SEGMENTS.fit(context, lambda share, _: steps.append(share))
    assert steps == sorted(steps)
    assert fitted.artifact.labels == model.labels
    assert fitted.metrics["labels_kept"] == 1
    example = {str(name): values.to_numpy(dtype="float64") for name, values in fitted.example.items()}
    assert list(fitted.output["cluster"]) == list(fitted.artifact.assign(example, len(fitted.example)))
    compared = SEGMENTS.compare(context, fitted.artifact, model, lambda *_: None)
    assert (compared.gain.difference.value, compared.objection) == (0.0, None)
    other = replace(model, clusters=None, kinds=(), earlier=model.clusters)
    assert SEGMENTS.compare(context, other, model, lambda *_: None).gain.difference.value < 0


def test_columns_that_nobody_has_are_an_error(at_home: World) -> None:
    segments = at_home.settings[SegmentSettings]
    clusters = segments.clusters.model_copy(update={"columns": ("moon_phase",)})
    settings = at_home.settings.replaced(segments.model_copy(update={"clusters": clusters}))
    with pytest.raises(DataError, match="a value of any of moon_phase") as raised:
        population_at(settings, Store(settings), at_home.schedule.as_of)
    assert "segments.clusters.columns" in raised.value.remedy
