"""What a version was made from, as MLflow shows it: sets of rows, code and packages; and the version in a sentence."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array
from mlflow.utils.git_utils import get_git_commit
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

from core.logs import quiet
from features.services import FeatureService
from training.model import Context, Fitted, Model
from training.names import command_of

#: What MLflow calls the groups of a split.
_CONTEXTS = {"train": "training", "validation": "validation", "test": "testing"}
#: Feast's types, as MLflow calls them.
_TYPES = {
    "String": DataType.string,
    "Int64": DataType.long,
    "Float64": DataType.double,
    "UnixTimestamp": DataType.datetime,
}
_LOADED_WITH = ("lightgbm", "pandas", "scipy", "implicit", "numpy")


@dataclass(frozen=True)
class RowSet:
    """Rows that a version was trained or measured on: what they are, without the rows.

    Attributes
    ----------
    dataset
        As MLflow logs it: its name with the first and the last snapshot, the fingerprint of the features, the schema.
    context
        What the rows were used for.
    tags
        Number of snapshots and, where the model counts them, of rows.
    """

    dataset: MetaDataset
    context: str
    tags: Mapping[str, str]


def row_sets(service: FeatureService, context: Context, fitted: Fitted[Any]) -> Iterator[RowSet]:
    """Yield the rows of each group of the split that has any snapshot."""
    schema = Schema([ColSpec(_type(kind), name) for name, kind in context.store.fields(service).items()])
    source = CodeDatasetSource({"mlflow.source.name": f"Feast feature service {service.name}"})
    for group, purpose in _CONTEXTS.items():
        moments: tuple[datetime, ...] = getattr(context.split, group)
        if moments:
            name = f"{service.name} {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
            rows = {"rows": str(fitted.rows[group])} if group in fitted.rows else {}
            dataset = MetaDataset(source, name, context.built, schema)
            yield RowSet(dataset, purpose, {"snapshots": str(len(moments)), **rows})


def origin_tags(context: Context) -> dict[str, str]:
    """Return which data and which code a version was made from, for its run and for itself."""
    commit = _commit()
    return {
        "encore.data_fingerprint": context.built,
        "encore.data_start": f"{context.schedule.data_start:%Y-%m-%d}",
        "encore.data_end": f"{context.schedule.as_of:%Y-%m-%d}",
        "encore.version": encore_version(),
        **({MLFLOW_GIT_COMMIT: commit} if commit else {}),
    }


def describe_model(model: Model[Any]) -> str:
    """Return the sentence about all versions of a model."""
    about = (inspect.getdoc(type(model)) or "").split("\n")[0]
    command = command_of(model.settings.section)
    return f"{about} Versions are made by `encore train {command}`; the one with the alias champion answers.".strip()


def describe_version(context: Context, fitted: Fitted[Any]) -> str:
    """Return a version in sentences: its grade, and the dates of its data, labels and measurement."""
    split, schedule, grading = context.split, context.schedule, fitted.grading
    words = f": {grading.words}" if grading.words else ""
    learned = (*split.train, *split.validation)
    end = fitted.artifact.labels_end
    labels = f", with labels until {end:%Y-%m-%d}" if end > learned[-1] else ""
    return (
        f"Grade {grading.shown}{words}. Trained at {len(learned)} snapshots from {learned[0]:%Y-%m-%d} to "
        f"{learned[-1]:%Y-%m-%d}{labels}; measured at "
        f"{len(split.test)} snapshots from {split.test[0]:%Y-%m-%d} to {split.test[-1]:%Y-%m-%d}. Data from "
        f"{schedule.data_start:%Y-%m-%d} to {schedule.as_of:%Y-%m-%d}."
    )


def requirements() -> list[str]:
    """Return the packages that a version is loaded with, as installed.

    Encore itself is not among them: its name on an index of packages is not ours. `encore_version` names it.
    """
    return [f"{name}=={version(name)}" for name in _LOADED_WITH]


def encore_version() -> str:
    """Return the version of Encore, or `unknown` where it runs without being installed."""
    try:
        return version("encore-crm")
    except PackageNotFoundError:
        return "unknown"


@cache
def _commit() -> str | None:
    """Return the commit of Encore's own code, where it lies in a git repository that does not ignore it."""
    with quiet("mlflow", "git"):
        commit: str | None = get_git_commit(str(Path(__file__).resolve()))
    return commit


def _type(feast: str) -> DataType | Array:
    if feast.startswith("Array("):
        return Array(_type(feast.removeprefix("Array(").removesuffix(")")))
    return _TYPES[feast]
