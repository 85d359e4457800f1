"""A version says what it was made from, and is loaded by MLflow alone with what it was registered with."""

import json
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import Model, convert_input_example_to_serving_input, validate_serving_input
from mlflow.utils.git_utils import get_git_commit

from features.store.feature_store import Store
from tests.conftest import World
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.next_product.history import read_history
from training.next_product.model import NextProductModel
from training.next_product.settings import NextProductSettings
from training.registry import MODELS, Registered
from training.uplift.settings import UpliftSettings

#: Nobody was assigned to an action in this world, so that there is no uplift model.
_THERE = [one for one in MODELS if one.settings is not UpliftSettings]
EVERY = pytest.mark.parametrize("registered", _THERE, ids=lambda registered: registered.name)


def champion_of(world: World, registered: Registered) -> Version:
    return Tracking(world.settings[TrackingSettings]).champion(registered.registered_name)


@EVERY
def test_the_run_names_its_sets_of_rows(at_home: World, registered: Registered) -> None:
    run = mlflow.get_run(champion_of(at_home, registered).run_id)
    split = at_home.schedule.splits[registered.name]
    sets = {{tag.key: tag.value for tag in one.tags}["mlflow.data.context"]: one for one in run.inputs.dataset_inputs}
    groups = {"training": split.train, "validation": split.validation, "testing": split.test}
    # where groups are of different customers at the same snapshots, MLflow keeps one set
    used = {name for name, moments in groups.items() if moments}
    assert used >= {"training", "testing"}
    assert set(sets) == ({"training"} if split.by_customers else used)
    for name, one in sets.items():
        moments, tags = groups[name], {tag.key: tag.value for tag in one.tags}
        service = registered.settings.service.name
        assert one.dataset.name == f"{service} {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
        assert one.dataset.digest == run.data.params["data_fingerprint"]
        assert tags["snapshots"] == str(len(moments))
        assert int(tags["rows"]) >= 100 * len(moments)
        columns = {column["name"]: column["type"] for column in json.loads(one.dataset.schema)["mlflow_colspec"]}
        assert columns["baskets_84d"] == "long"
        assert columns["last_purchase"] == "datetime"
        assert len(one.dataset.schema) < 10_000
        assert service in one.dataset.source
        assert str(at_home.directory) not in str(one.to_dictionary())


@EVERY
def test_the_version_says_what_it_was_made_from(at_home: World, registered: Registered) -> None:
    version = champion_of(at_home, registered)
    client, schedule = MlflowClient(), at_home.schedule
    found = client.get_model_version(version.name, version.number)
    run = mlflow.get_run(version.run_id)
    expected = {
        "encore.data_fingerprint": run.data.params["data_fingerprint"],
        "encore.data_start": "2017-01-01",
        "encore.data_end": f"{schedule.as_of:%Y-%m-%d}",
        "encore.version": installed("encore-crm"),
    }
    commit = get_git_commit(__file__)
    if commit is not None:
        expected["mlflow.source.git.commit"] = commit
    assert expected.items() <= found.tags.items()
    assert expected.items() <= run.data.tags.items()
    split = schedule.splits[registered.name]
    assert found.description.startswith(f"Grade {version.shown_grade}: {version.words}. Trained at ")
    for words in (f"measured at {len(split.test)} snapshots from {split.test[0]:%Y-%m-%d}", "Data from 2017-01-01 to "):
        assert words in found.description
    about = client.get_registered_model(version.name).description
    assert about.startswith(registered.help)
    assert f"encore train {registered.command}" in about


@EVERY
def test_its_packages_are_pinned(at_home: World, registered: Registered) -> None:
    uri = f"models:/{registered.registered_name}@champion"
    lines = Path(mlflow.artifacts.download_artifacts(f"{uri}/requirements.txt")).read_text().split()
    pinned = dict(line.split("==") for line in lines)
    assert {"lightgbm", "pandas", "scipy", "implicit", "numpy", "mlflow"} <= set(pinned)
    assert all(installed(name) == number for name, number in pinned.items())
    assert Model.load(uri).metadata == {"encore_version": installed("encore-crm")}


@EVERY
def test_mlflow_alone_gives_the_registered_output(at_home: World, registered: Registered) -> None:
    uri = f"models:/{registered.registered_name}@champion"
    logged = Model.load(uri)
    example = logged.load_input_example()
    output = mlflow.pyfunc.load_model(uri).predict(example)
    assert len(output) == len(example) >= 2
    assert set(output.columns) == set(logged.signature.outputs.input_names())
    served = validate_serving_input(uri, convert_input_example_to_serving_input(example))
    for name in output.columns:
        assert output[name].tolist() == served[name].tolist()
    if registered.name == "churn":
        artifact = Tracking(at_home.settings[TrackingSettings]).load(
            champion_of(at_home, registered), registered.load().artifact
        )
        np.testing.assert_array_equal(output["risk"], artifact.risk(example[list(artifact.features)].to_numpy()))


def test_lists_of_mlflow_are_those_of_the_model(at_home: World, store: Store) -> None:
    registered = next(one for one in MODELS if one.settings is NextProductSettings)
    customers = ["6", "12", "18"]
    vectors = [one for one in store.online.vectors(NextProductSettings.service, customers) if one]
    asked = pd.DataFrame(
        {
            "vector": [json.dumps(one.values) for one in vectors],
            "moment": [one.moment.timestamp() for one in vectors],
        }
    )
    output = mlflow.pyfunc.load_model(f"models:/{registered.registered_name}@champion").predict(asked)
    model = Tracking(at_home.settings[TrackingSettings]).load(champion_of(at_home, registered), NextProductModel)
    histories = [read_history(one.values, model.catalogue, *[one.moment.timestamp()] * 2) for one in vectors]
    assert len(output) == len(customers)
    for place, ranked in enumerate(model.rank(histories)):
        assert output["products"][place] == [str(model.catalogue.ids[code]) for code in ranked.codes[:10]]
        np.testing.assert_allclose(output["probabilities"][place], ranked.probabilities[:10])
        assert output["probabilities"][place] == sorted(output["probabilities"][place], reverse=True)
        assert len(set(output["products"][place])) == 10


def test_the_example_of_lists_is_nobody(at_home: World) -> None:
    example = Model.load("models:/encore-next-product@champion").load_input_example()
    bought = [sorted(json.loads(vector)["history_products"]) for vector in example["vector"]]
    history = pd.read_parquet(at_home.directory / "data/features/customer_history")
    assert not [one for one in history["history_products"] if sorted(one) in bought]
