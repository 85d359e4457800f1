"""MLflow's tracking server and its registry: runs, versions, aliases.

MLflow takes over a second to import, so this module is imported where it is used.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import mlflow
import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from core.errors import StateError
from core.logs import quiet
from core.settings import database_url
from training.evaluation.grade import with_caveat
from training.lifecycle.moved import take_over_artifacts
from training.lifecycle.run import Run, answering
from training.lifecycle.settings import TrackingSettings
from training.model import A

CHAMPION = "champion"
CHALLENGER = "challenger"
_FINGERPRINT = "encore.fingerprint"
_GRADE = "encore.grade"
CAVEAT = "encore.caveat"
GATE = "encore.gate"
#: An unavailable server should be reported in seconds, not after MLflow's minutes of retries.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


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
        How good it is for those who do not read metrics; None for a version without one.
    gate
        Why it might become the champion, or why not; None for a version that passed no gate.
    caveat
        Why its figures are better than they will turn out to be; None where they are not.
    """

    name: str
    number: str
    run_id: str
    created: int
    aliases: tuple[str, ...]
    fingerprint: str
    metrics: dict[str, float]
    grade: str | None
    gate: str | None = None
    caveat: str | None = None

    @property
    def shown_grade(self) -> str | None:
        """The grade with its caveat, as readers see it; None for a version without one."""
        return with_caveat(self.grade, self.caveat) if self.grade else None

    @property
    def label(self) -> str:
        """Name and number, as every answer names it."""
        return f"{self.name}/{self.number}"


@dataclass(frozen=True)
class VersionTags:
    """What is written on a version when it is registered.

    Attributes
    ----------
    gate
        Why it may become the champion, or why not.
    caveat
        Why its figures are better than they will turn out to be; None where they are not.
    """

    fingerprint: str
    grade: str
    gate: str
    caveat: str | None = None

    def as_mlflow(self) -> dict[str, str]:
        """Return them by the names of MLflow's tags."""
        tags = {_FINGERPRINT: self.fingerprint, _GRADE: self.grade, GATE: self.gate}
        return tags | ({CAVEAT: self.caveat} if self.caveat else {})


class Tracking:
    """Encore's view of an MLflow tracking server and its registry."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        uri = _signed_in(database_url(settings.uri))
        if uri.startswith("sqlite:///"):
            # MLflow keeps stores by address, and a relative one means another file in another folder
            file = Path(uri.removeprefix("sqlite:///")).resolve()
            file.parent.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{file}"
        with answering(), quiet("mlflow", "alembic", "git"):
            if uri.startswith("postgresql"):
                # MLflow would try for minutes before it reports that there is no answer
                sqlalchemy.create_engine(uri).connect().close()
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            self._client = MlflowClient()
            self._client.search_registered_models(max_results=1)
            if uri.startswith("sqlite:///") and "://" not in settings.artifacts:
                take_over_artifacts(uri, settings.experiment, Path(settings.artifacts))

    @contextmanager
    def run(self, name: str, params: Mapping[str, Any]) -> Iterator[Run]:
        """Open a run of the configured experiment; it counts as failed if the block raises."""
        with answering(), quiet("mlflow", "alembic", "git"):
            active = mlflow.start_run(experiment_id=self._experiment(), run_name=name)
            mlflow.log_params({key: str(value)[:500] for key, value in params.items()})
        with active:
            yield Run()

    def register(self, run: Run, name: str, tags: VersionTags, *, promote: bool) -> Version:
        """Register what the run logged, as champion if promoted, else as challenger."""
        with answering(), quiet("mlflow", "alembic", "git"):
            made = mlflow.register_model(run.model_uri, name, tags=tags.as_mlflow())
            self._client.set_registered_model_alias(name, CHAMPION if promote else CHALLENGER, made.version)
            return self._version(self._client.get_model_version(name, made.version))

    def find(self, name: str, alias: str = CHAMPION) -> Version | None:
        """Return the version that carries an alias, or None."""
        registered = self._carrier(name, alias)
        with answering():
            return None if registered is None else self._version(registered)

    def label_of(self, name: str, alias: str = CHAMPION) -> str | None:
        """Return name and number of the version that carries an alias, or None; one request, the cheapest."""
        registered = self._carrier(name, alias)
        return None if registered is None else f"{name}/{registered.version}"

    def _carrier(self, name: str, alias: str) -> Any:  # noqa: ANN401 - MLflow ships no types
        with answering():
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
        version = self.find(name)
        if version is None:
            command = name.removeprefix("encore-")
            raise StateError(
                f"No version of {name} carries the alias {CHAMPION!r}.",
                f"Run `encore train {command}` first.",
            )
        return version

    def load(self, version: Version, kind: type[A]) -> A:
        """Load a version of a kind of model.

        Raises
        ------
        StoreError
            If MLflow does not answer.
        """
        with TemporaryDirectory() as directory:
            with answering(), quiet("mlflow", "alembic", "git"):
                uri = f"models:/{version.name}/{version.number}"
                local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory))
            return kind.load(local / "data" / "model")

    def _experiment(self) -> str:
        name = self._settings.experiment
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        artifacts = self._settings.artifacts
        remote = self._settings.uri.startswith("http")
        location = artifacts if "://" in artifacts else Path(artifacts).resolve().as_uri()
        return str(self._client.create_experiment(name, artifact_location=None if remote else location))

    def _version(self, registered: Any) -> Version:  # noqa: ANN401 - MLflow ships no types
        run = self._client.get_run(registered.run_id)
        return Version(
            name=registered.name,
            number=str(registered.version),
            run_id=registered.run_id,
            created=int(registered.creation_timestamp),
            aliases=tuple(registered.aliases),
            fingerprint=registered.tags.get(_FINGERPRINT, ""),
            metrics=dict(run.data.metrics),
            grade=registered.tags.get(_GRADE),
            gate=registered.tags.get(GATE),
            caveat=registered.tags.get(CAVEAT),
        )


def _signed_in(uri: str) -> str:
    """Return a server's address without user and password, which MLflow takes from the environment.

    MLflow would show them with the address, in errors and in what it prints of runs.
    """
    parts = urlsplit(uri)
    if not uri.startswith("http") or parts.password is None:
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username or "")
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
