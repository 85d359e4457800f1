"""The segments model: what is learned of a population, kept in files, and kept from one training to the next."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.segments.populations import MOMENT, SEGMENTS, population, without_kinds
from training.segments.fit import fit
from training.segments.model import SegmentsModel, _PyFunc
from training.segments.population import Population


@pytest.fixture(scope="module")
def model() -> SegmentsModel:
    return fit(population(3), SEGMENTS)


def test_each_cluster_is_described_by_its_own_means(model: SegmentsModel) -> None:
    customers = population(3)
    members = model.assign(customers.columns, len(customers))
    assert [kind.label for kind in model.kinds] == list(model.labels)
    assert sum(kind.customers for kind in model.kinds) == model.customers == len(customers)
    assert sum(kind.share for kind in model.kinds) == pytest.approx(1)
    for kind in model.kinds:
        mine = members == kind.label
        assert kind.customers == mine.sum() == 60
        assert kind.traits
        for trait in kind.traits:
            values = customers.columns[trait.column]
            assert trait.mean == pytest.approx(values[mine].mean())
            assert trait.ratio == pytest.approx(values[mine].mean() / values[~mine].mean())
            assert abs(trait.ratio - 1) >= 0.1


def test_the_rhythm_is_that_of_the_population_or_of_the_settings(model: SegmentsModel) -> None:
    assert model.typical_gap == 9
    assert (model.learned_at, model.labels_end) == (MOMENT, MOMENT)
    assert fit(without_kinds(), SEGMENTS).typical_gap == SEGMENTS.stages.typical_gap_days


def test_customers_without_kinds_have_a_model_without_clusters(model: SegmentsModel) -> None:
    customers = without_kinds()
    none = fit(customers, SEGMENTS, model)
    assert none.clusters is None
    assert (none.labels, none.kinds) == ((), ())
    assert {*none.assign(customers.columns, len(customers))} == {""}
    assert set(none.stability) == set(range(2, 7))
    again = fit(population(3, seed=5), SEGMENTS, none)
    # labels come back with the customers who had them
    assert {*again.labels} == {*model.labels}


def test_labels_are_those_of_the_champion(model: SegmentsModel) -> None:
    later = population(3, seed=8)
    alone, after = fit(later, SEGMENTS), fit(later, SEGMENTS, model)
    ours = after.assign(later.columns, len(later))
    assert (ours == model.assign(later.columns, len(later))).all()
    assert alone.clusters is not None
    assert after.clusters is not None
    np.testing.assert_array_equal(alone.clusters.centres, after.clusters.centres)


def test_saved_and_loaded_is_the_same(model: SegmentsModel, tmp_path: Path) -> None:
    without = replace(model, clusters=None, kinds=(), earlier=model.clusters)
    for name, one in (("with", model), ("without", without)):
        folder = tmp_path / name
        folder.mkdir()
        one.save(folder)
        again = SegmentsModel.load(folder)
        assert [file.name for file in folder.iterdir()] == ["model.json"]
        customers = population(3)
        members = one.assign(customers.columns, len(customers))
        assert (again.assign(customers.columns, len(customers)) == members).all()
        assert (again.last is None, again.labels) == (one.last is None, one.labels)
        assert (again.kinds, again.stability, again.typical_gap) == (one.kinds, one.stability, one.typical_gap)
        assert (again.learned_at, again.customers) == (one.learned_at, one.customers)


def test_mlflow_assigns_as_the_model_does(model: SegmentsModel) -> None:
    customers = population(3)
    given = pd.DataFrame({name: values[:5] for name, values in customers.columns.items()})
    found = _PyFunc(model).predict(given)
    assert list(found["cluster"]) == list(model.assign(customers.columns, len(customers))[:5])


def test_few_customers_have_no_clusters_and_no_stability() -> None:
    few = population(2, each=20)
    found = fit(Population(few.moment, few.customers, few.columns), SEGMENTS)
    assert (found.clusters, dict(found.stability)) == (None, {})
