"""MLflow: runs, the registry, aliases. The one module that imports it.

MLflow takes over a second to import, so this module is imported where it is used.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

# A self-hosted service sends nothing home; MLflow reads this when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import pandas as pd
import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sqlalchemy.exc import SQLAlchemyError

from core.errors import EncoreError, StateError, StoreError
from core.logs import quiet
from core.settings import database_url
from training.lifecycle.settings import TrackingSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHURN_MODEL, NEXT_PRODUCT_MODEL = "encore-churn", "encore-next-product"
CHAMPION = "champion"
CHALLENGER = "challenger"
_FINGERPRINT = "encore.fingerprint"
_GRADE = "encore.grade"
_CHECK = "Check tracking.uri in encore.toml, and that the server runs."
#: A server that is away should be told in seconds, not after MLflow's minutes of retries.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


class Saved(Protocol):
    """A model that reads the files it has written."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what was saved."""
        ...


_Model = TypeVar("_Model", bound=Saved)


@dataclass(frozen=True)
class Version:
    """A registered model version.

    Attributes
    ----------
    metrics
        Every metric of the run that made it, by its MLflow name.
    fingerprint
        What it was made from; equal fingerprints make equal models.
    grade
        How good it is for those who do not read metrics; None for a model that is not graded.
    """

    name: str
    number: str
    run_id: str
    created: int
    aliases: tuple[str, ...]
    fingerprint: str
    metrics: dict[str, float]
    grade: str | None

    @property
    def label(self) -> str:
        """Name and number as every answer gives them."""
        return f"{self.name}/{self.number}"


class Tracking:
    """Encore's view of an MLflow tracking server and its registry."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        uri = database_url(settings.uri)
        if uri.startswith("sqlite:///"):
            # MLflow keeps stores by address, and a relative one means another file in another folder
            file = Path(uri.removeprefix("sqlite:///")).resolve()
            file.parent.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{file}"
        with _answering(), quiet("mlflow", "alembic", "git"):
            if uri.startswith("postgresql"):
                # MLflow would try for minutes before it says that nobody answers
                sqlalchemy.create_engine(uri).connect().close()
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            self._client = MlflowClient()
            self._client.search_registered_models(max_results=1)

    @contextmanager
    def run(self, name: str, params: Mapping[str, Any]) -> Iterator["Run"]:
        """Open a run of the configured experiment; it counts as failed if the block raises."""
        with _answering(), quiet("mlflow", "alembic", "git"):
            active = mlflow.start_run(experiment_id=self._experiment(), run_name=name)
            mlflow.log_params({key: str(value)[:500] for key, value in params.items()})
        with active:
            yield Run()

    def register(self, run: "Run", name: str, fingerprint: str, *, promote: bool, grade: str | None = None) -> Version:
        """Register what the run logged, as champion if promoted, else as challenger."""
        tags = {_FINGERPRINT: fingerprint} | ({_GRADE: grade} if grade is not None else {})
        with _answering(), quiet("mlflow", "alembic", "git"):
            made = mlflow.register_model(run.model_uri, name, tags=tags)
            self._client.set_registered_model_alias(name, CHAMPION if promote else CHALLENGER, made.version)
            return self._version(self._client.get_model_version(name, made.version))

    def find(self, name: str, alias: str = CHAMPION) -> Version | None:
        """Return the version that carries an alias, or None."""
        found = self._carrier(name, alias)
        with _answering():
            return None if found is None else self._version(found)

    def label_of(self, name: str, alias: str = CHAMPION) -> str | None:
        """Return name and number of the version that carries an alias, or None; the cheapest question there is."""
        found = self._carrier(name, alias)
        return None if found is None else f"{name}/{found.version}"

    def _carrier(self, name: str, alias: str) -> Any:  # noqa: ANN401 - MLflow ships no types
        with _answering():
            try:
                return self._client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return None
                raise

    def champion(self, name: str) -> Version:
        """Return the champion.

        Raises
        ------
        StateError
            If there is none.
        """
        found = self.find(name)
        if found is None:
            command = name.removeprefix("encore-")
            raise StateError(
                f"No version of {name} carries the alias {CHAMPION!r}.",
                f"Run `encore train {command}` first.",
            )
        return found

    def load(self, version: Version, kind: type[_Model]) -> _Model:
        """Load a version of a kind of model.

        Raises
        ------
        StoreError
            If MLflow does not answer.
        """
        with TemporaryDirectory() as directory:
            with _answering(), quiet("mlflow", "alembic", "git"):
                uri = f"models:/{version.name}/{version.number}"
                local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory))
            return kind.load(local / "data" / "model")

    def _experiment(self) -> str:
        name = self._settings.experiment
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        artifacts = self._settings.artifacts
        remote = self._settings.uri.startswith("http")
        location = artifacts if "://" in artifacts else Path(artifacts).resolve().as_uri()
        return str(self._client.create_experiment(name, artifact_location=None if remote else location))

    def _version(self, found: Any) -> Version:  # noqa: ANN401 - MLflow ships no types
        run = self._client.get_run(found.run_id)
        return Version(
            name=found.name,
            number=str(found.version),
            run_id=found.run_id,
            created=int(found.creation_timestamp),
            aliases=tuple(found.aliases),
            fingerprint=found.tags.get(_FINGERPRINT, ""),
            metrics=dict(run.data.metrics),
            grade=found.tags.get(_GRADE),
        )


class Run:
    """An open MLflow run."""

    def __init__(self) -> None:
        self.model_uri = ""

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log metrics by name."""
        with _answering():
            mlflow.log_metrics(dict(metrics))

    def figure(self, name: str, figure: "Figure") -> None:
        """Log a picture as `pictures/<name>.png`."""
        with _answering():
            mlflow.log_figure(figure, f"pictures/{name}.png", save_kwargs={"bbox_inches": "tight", "dpi": 120})

    def text(self, name: str, text: str) -> None:
        """Log a text file."""
        with _answering():
            mlflow.log_text(text, name)

    def environment(self) -> None:
        """Log the Python version and the version of every installed package as `environment.txt`."""
        packages = sorted({f"{found.name}=={found.version}" for found in distributions() if found.name})
        self.text("environment.txt", "\n".join([f"python=={platform.python_version()}", *packages, ""]))

    def model(self, directory: Path, loader: str, example: pd.DataFrame, output: pd.DataFrame) -> None:
        """Log a folder of model files, which must be named `model`, loaded by the module `loader`."""
        with _answering(), quiet("mlflow", "alembic", "git"):
            info = mlflow.pyfunc.log_model(
                name="model",
                loader_module=loader,
                data_path=str(directory),
                signature=infer_signature(example, output),
                input_example=example,
                # Encore itself has to be installed beside; its name on an index is not ours
                pip_requirements=["lightgbm", "pandas", "scipy", "implicit"],
            )
        self.model_uri = info.model_uri


@contextmanager
def _answering() -> Iterator[None]:
    """Turn a tracking server that does not answer into one clear error."""
    try:
        yield
    except EncoreError:
        raise
    except (MlflowException, OSError, SQLAlchemyError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise StoreError(f"MLflow does not answer as expected: {lines[0][:300].rstrip('.')}.", _CHECK) from error
