"""MLflow's tracking server and its registry: runs, versions, aliases.

MLflow takes over a second to import, so this module is imported where it is used.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from training.lifecycle.gate import Decision
from training.lifecycle.moved import take_over_artifacts
from training.lifecycle.run import Run, answering
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.version import (
    FINGERPRINT,
    GATE,
    PROMOTED_BY,
    PROMOTED_WHY,
    ROLLED_BACK,
    Version,
    VersionTags,
)
from training.model import A

CHAMPION = "champion"
CHALLENGER = "challenger"
#: The decision of the gate, as an artifact of the run.
_DECISION = "gate.json"
#: The model card, as an artifact of the run.
CARD = "model_card.md"
#: The separator of the name of a registered model and that of its workspace; neither name holds it.
_OF_WORKSPACE = "."
#: MLflow takes no longer tags.
_LONGEST_TAG = 5000
#: An unavailable server should be reported in seconds, not after MLflow's minutes of retries.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


class Tracking:
    """Encore's view of an MLflow tracking server and its registry.

    In a workspace, names of registered models end with that of the workspace, whichever method is given them, so that
    no caller has to know of workspaces; only `version` reaches those of others.
    """

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

    def register(self, run: Run, name: str, tags: VersionTags) -> Version:
        """Register what the run logged as the challenger."""
        with answering(), quiet("mlflow", "alembic", "git"):
            name = self.own(name)
            made = mlflow.register_model(run.model_uri, name, tags=tags.as_mlflow())
            self._client.update_model_version(name, made.version, tags.description)
            self._client.update_registered_model(name, tags.about)
            self._client.set_registered_model_alias(name, CHALLENGER, made.version)
            return self._version(self._client.get_model_version(name, made.version))

    def note(self, version: Version, decision: Decision) -> None:
        """Write a decision of the gate on a version and its run."""
        reason = decision.reason[:_LONGEST_TAG]
        with answering(), quiet("mlflow", "alembic", "git"):
            self._client.log_dict(version.run_id, decision.as_json(), _DECISION)
            self._client.set_tag(version.run_id, GATE, reason)
            self._client.set_model_version_tag(version.name, version.number, GATE, reason)

    def decision(self, version: Version) -> Decision | None:
        """Return the last decision of the gate about a version; None where it was not judged, or the file is gone."""
        if version.gate is None:
            return None
        with answering(), quiet("mlflow", "alembic", "git"):
            try:
                found = mlflow.artifacts.load_dict(f"runs:/{version.run_id}/{_DECISION}")
            except MlflowException:
                return None
        return Decision.from_json(found)

    def card(self, version: Version) -> str | None:
        """Return the model card of a version, Markdown; None where it has none, or the file is gone."""
        with answering(), quiet("mlflow", "alembic", "git"):
            try:
                return str(mlflow.artifacts.load_text(f"runs:/{version.run_id}/{CARD}"))
            except MlflowException:
                return None

    def set_champion(self, version: Version, by: str, why: str) -> None:
        """Give a version the alias of the champion; it is the challenger no more.

        Raises
        ------
        StateError
            If it is a version of another workspace, or of the deployment: its features are not the ones that are here.
        """
        if version.name != self.own(version.name.partition(_OF_WORKSPACE)[0]):
            raise StateError(
                f"{version.label} was made from the features of another workspace, or of the deployment.",
                "Take over the settings that it was trained with, and train here.",
            )
        with answering(), quiet("mlflow", "alembic", "git"):
            for tag, value in ((PROMOTED_BY, by), (PROMOTED_WHY, why)):
                self._client.set_model_version_tag(version.name, version.number, tag, value[:_LONGEST_TAG])
            if version.rolled_back:
                self._client.delete_model_version_tag(version.name, version.number, ROLLED_BACK)
            self._client.set_registered_model_alias(version.name, CHAMPION, version.number)
            challenger = self._carrier(version.name, CHALLENGER)
            if challenger is not None and str(challenger.version) == version.number:
                self._client.delete_registered_model_alias(version.name, CHALLENGER)

    def mark_rolled_back(self, version: Version) -> None:
        """Write on a version that another one was made to answer in its place."""
        with answering():
            self._client.set_model_version_tag(version.name, version.number, ROLLED_BACK, "true")

    def versions(self, name: str) -> Iterator[Version]:
        """Yield the registered versions of a model, the newest first; each takes two requests, when it is its turn."""
        name = self.own(name)
        with answering():
            found = self._client.search_model_versions(f"name = '{name}'", max_results=1000)
        for number in sorted((int(one.version) for one in found), reverse=True):
            with answering():
                # aliases are not in what a search returns
                version = self._version(self._client.get_model_version(name, str(number)))
            yield version

    def made_from(self, name: str, fingerprint: str) -> Version | None:
        """Return the newest version that was made from the same features, settings and code; None without any."""
        name = self.own(name)
        with answering():
            wanted = f"name = '{name}' and tags.`{FINGERPRINT}` = '{fingerprint}'"
            found = self._client.search_model_versions(wanted, max_results=1000)
            newest = max(found, key=lambda one: int(one.version), default=None)
            return None if newest is None else self._version(self._client.get_model_version(name, newest.version))

    def version(self, name: str, which: str) -> Version:
        """Return a version by its number or alias.

        Parameters
        ----------
        which
            A number or an alias; `longer:3` is one of the workspace `longer`, and `:3` one of the deployment.

        Raises
        ------
        StateError
            If there is none.
        """
        workspace, other, which = which.rpartition(":")
        name = _registered_name(name.partition(_OF_WORKSPACE)[0], workspace) if other else self.own(name)
        with answering():
            try:
                found = (
                    self._client.get_model_version(name, which)
                    if which.isdecimal()
                    else self._client.get_model_version_by_alias(name, which)
                )
            except MlflowException as error:
                if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    raise
                raise StateError(
                    f"No version {which!r} of {name} is registered.", "`encore models list` shows those that are."
                ) from error
            return self._version(found)

    def check_files(self, version: Version) -> None:
        """Refuse a version whose files are gone.

        Raises
        ------
        StateError
            If they are.
        StoreError
            If MLflow does not answer.
        """
        with TemporaryDirectory() as directory:
            self._download(version, directory)

    def find(self, name: str, alias: str = CHAMPION) -> Version | None:
        """Return the version that carries an alias, or None."""
        registered = self._carrier(name, alias)
        with answering():
            return None if registered is None else self._version(registered)

    def label_of(self, name: str, alias: str = CHAMPION) -> str | None:
        """Return name and number of the version that carries an alias, or None; one request, the cheapest."""
        registered = self._carrier(name, alias)
        return None if registered is None else f"{registered.name}/{registered.version}"

    def own(self, name: str) -> str:
        """Return the name of a registered model here: in a workspace it ends with that of the workspace."""
        base = name.partition(_OF_WORKSPACE)[0]
        return name if name != base else _registered_name(base, self._settings.workspace)

    def _carrier(self, name: str, alias: str) -> Any:  # noqa: ANN401 - MLflow ships no types
        with answering():
            try:
                return self._client.get_model_version_by_alias(self.own(name), alias)
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
                f"No version of {self.own(name)} carries the alias {CHAMPION!r}.",
                f"Run `encore train {command}` first.",
            )
        return version

    def load(self, version: Version, kind: type[A]) -> A:
        """Load a version of a kind of model.

        Raises
        ------
        StateError
            If its files are gone.
        StoreError
            If MLflow does not answer.
        """
        with TemporaryDirectory() as directory:
            return kind.load(self._download(version, directory))

    @staticmethod
    def _download(version: Version, directory: str) -> Path:
        """Return the folder of a version's files; where they are gone, MLflow may copy nothing and raise nothing."""
        with answering(), quiet("mlflow", "alembic", "git"):
            uri = f"models:/{version.name}/{version.number}"
            files = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory)) / "data" / "model"
        if not files.is_dir():
            raise StateError(
                f"The files of {version.label} are gone.", "Restore tracking.artifacts from a backup, or train again."
            )
        return files

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
        return Version.of(registered, self._client.get_run(registered.run_id))


def _registered_name(base: str, workspace: str) -> str:
    return f"{base}{_OF_WORKSPACE}{workspace}" if workspace else base


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
