"""Clusters of customers who were made of a known number of kinds."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from core.arrays import Columns
from tests.training.segments.populations import SETTINGS
from tests.training.segments.populations import columns_of as population
from training.segments.clusters import Clusters, Scale, differences, search
from training.segments.settings import ClusterSettings


def found_in(columns: Columns, before: Clusters | None = None, settings: ClusterSettings = SETTINGS) -> Clusters:
    found = search(columns, settings, before).clusters
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [1, 2, 6])
@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_the_number_of_kinds_is_found_and_each_is_a_cluster(kinds: int, seed: int) -> None:
    columns, kind = population(kinds, seed)
    found = found_in(columns)
    assert len(found.labels) == kinds
    assert found.stability[kinds] > 0.95
    members = found.assign(columns, len(kind))
    assert {(int(one), label) for one, label in zip(kind, members, strict=True)} == {
        (one, members[kind == one][0]) for one in range(kinds)
    }
    assert len({*members}) == kinds


def test_customers_without_kinds_have_no_clusters() -> None:
    rng = np.random.default_rng(3)
    columns = {name: rng.normal(0, 1, 150) for name in SETTINGS.columns}
    assert search(columns, SETTINGS.model_copy(update={"least": 4})).clusters is None
    assert search({}, SETTINGS).clusters is None
    assert search({name: np.ones(100) for name in SETTINGS.columns}, SETTINGS).clusters is None
    assert search({name: values[:59] for name, values in columns.items()}, SETTINGS).clusters is None


def test_labels_stay_the_same_customers_from_run_to_run() -> None:
    columns, kind = population(4)
    first = found_in(columns)
    order = np.random.default_rng(9).permutation(len(kind))
    later = {
        name: values[order] * np.random.default_rng(4).uniform(0.97, 1.03, len(kind))
        for name, values in columns.items()
    }
    again = found_in(later, first, SETTINGS.model_copy(update={"seed": 77}))
    assert (again.assign(later, len(kind)) == first.assign(columns, len(kind))[order]).all()
    assert {*again.labels} == {*first.labels}


def test_a_number_near_the_limit_does_not_come_and_go() -> None:
    columns, kind = population(2, seed=6)
    alone = found_in(columns)
    # in the mean three are stable, but not by more than the chance of the draws
    assert len(alone.labels) == 2
    assert alone.stability[3] > SETTINGS.stable
    champions = {
        number: found_in(
            columns,
            settings=SETTINGS.model_copy(update={"least": number, "most": number, "stable": 0.1, "found_again": 0.1}),
        )
        for number in (3, 5)
    }
    again = found_in(columns, champions[3])
    assert {*again.labels} == {*champions[3].labels}
    assert (again.assign(columns, len(kind)) == champions[3].assign(columns, len(kind))).mean() > 0.95
    # a number that is not stable in the mean goes
    assert alone.stability[5] < SETTINGS.stable
    assert len(found_in(columns, champions[5]).labels) == 2


def test_a_new_kind_gets_a_new_label_and_one_that_is_gone_is_not_used_again() -> None:
    three, kind = population(3)
    first = found_in(three)
    assert sorted(first.labels) == ["cluster_1", "cluster_2", "cluster_3"]
    four, kinds = population(4)
    second = found_in(four, first)
    assert len(second.labels) == 4
    for one in range(3):
        assert second.assign(four, len(kinds))[kinds == one][0] in first.labels
    two = {name: values[kind < 2] for name, values in three.items()}
    third = found_in(two, second)
    assert set(third.labels) < set(second.labels)
    fourth = found_in(four, third)
    assert fourth.last_number == second.last_number + 2
    assert not {*fourth.labels} - {*third.labels} & {*second.labels}


def test_one_customer_is_assigned_without_the_others() -> None:
    columns, kind = population(3)
    found = found_in(columns)
    again = Clusters.from_dict(json.loads(json.dumps(found.as_dict())))
    together = found.assign(columns, len(kind))
    for place in range(20):
        one = {name: values[place : place + 1] for name, values in columns.items()}
        assert again.assign(one, 1).tolist() == [together[place]]


def test_a_missing_value_is_the_usual_one_and_a_customer_without_any_has_no_cluster() -> None:
    columns, kind = population(2)
    found = found_in(columns)
    holes = {name: values.copy() for name, values in columns.items()}
    holes["share"][:10] = np.nan
    assert (found.assign(holes, len(kind))[10:] == found.assign(columns, len(kind))[10:]).all()
    usual = {**columns, "share": np.where(np.arange(len(kind)) < 10, np.median(columns["share"]), columns["share"])}
    assert (found.assign(holes, len(kind)) == found.assign(usual, len(kind))).all()
    assert found.assign({}, 2).tolist() == ["", ""]


def test_coordinates_have_mean_0_and_deviation_1_and_amounts_are_logarithmic() -> None:
    columns, kind = population(3)
    scale = Scale.learn(
        columns | {"net": columns["share"] - 0.5, "same": np.ones(len(kind))}, ("net", "same", *columns)
    )
    assert scale.columns == ("net", "visits", "amount", "share")
    assert scale.logarithmic == (False, True, True, False)
    coordinates = scale.apply(columns | {"net": columns["share"] - 0.5}, len(kind))
    assert np.allclose(coordinates.mean(axis=0), 0)
    assert np.allclose(coordinates.std(axis=0), 1)
    assert np.corrcoef(coordinates[:, 2], np.log1p(columns["amount"]))[0, 1] == pytest.approx(1)


def test_a_cluster_is_described_by_what_differs_most() -> None:
    baby = np.array([5.0, 3.0, 1.0, 2.0, 2.0, 1.5])
    visits = np.array([4.0, 4.0, 5.0, 5.0, 4.0, 4.0])
    members = np.array(["a", "a", "b", "b", "b", ""], dtype=object)
    columns = {"baby_food": baby, "visits": visits, "empty": np.full(6, np.nan), "none": np.zeros(6)}
    found = differences(columns, members, "a", ("visits", "baby_food", "empty", "none", "unknown"))
    assert [name for name, _ in found] == ["baby_food", "visits"]
    assert found[0][1] == pytest.approx(4.0 / (5 / 3))
    assert found[1][1] == pytest.approx(4.0 / (14 / 3))


def test_limits_that_cross_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"least <= most, found 9 and 8"):
        ClusterSettings(least=9)
