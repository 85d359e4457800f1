"""Feast's configuration from Encore's settings, and what of its registry is asked again and again."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import yaml

from core.errors import EncoreError, StateError, StoreError
from core.files import write_file
from core.logs import quiet
from core.settings import Settings, StoreSettings, database_url, redis_connection, with_password
from features.engine.build import features_directory
from features.services import FeatureService
from features.settings import FeatureSettings
from features.store.feast_api import FeatureServiceNotFoundException, FeatureStore, RepoConfig

PROJECT = "encore"
#: How Feast writes the keys of entities.
KEY_VERSION = 3
#: The variables from which Feast's own commands take the passwords of addresses.
_VARIABLES = {"online": "FEAST_ONLINE_PASSWORD", "registry": "FEAST_REGISTRY_PASSWORD"}
#: What a user can do about a store that does not answer.
_CHECK_STORES = "Check stores.online and stores.registry in encore.toml, and that the servers run."


class Repo:
    """An open Feast repository. Views and services are looked up once.

    Feast keeps the whole path of each file of features, so that in a copy of a project's folder the registry has those
    of the original. They are not read: the folder has to be registered again.

    Attributes
    ----------
    directory
        Its folder below the data.
    feast
        Feast's own object.
    """

    def __init__(self, settings: Settings) -> None:
        stores = settings[StoreSettings]
        self.directory = stores.data / "feast"
        self._features = features_directory(stores).resolve()
        try:
            self.feast = FeatureStore(config=repo_config(settings, self.directory))
        except Exception as error:
            raise StoreError(f"The feature registry does not answer: {_short(error)}.", _CHECK_STORES) from error
        self._references: dict[tuple[str, frozenset[str]], list[str]] = {}
        self._views: dict[str, Any] = {}

    @property
    def provider(self) -> Any:  # noqa: ANN401 - Feast ships no types
        """Feast's provider, which knows the online store."""
        return self.feast._get_provider()

    def beside(self, feast: FeatureStore) -> "Repo":
        """Return the same repository with another online store."""
        other = copy(self)
        other.feast = feast
        return other

    def view(self, name: str) -> Any:  # noqa: ANN401
        """Return a registered feature view."""
        if name not in self._views:
            self._views[name] = self.feast.get_feature_view(name)
        return self._views[name]

    def references(self, service: FeatureService, columns: Sequence[str]) -> list[str]:
        """Return `view:feature` for the views of a service whose key is among the columns.

        Raises
        ------
        StateError
            If the service is not registered, or with the files of another folder.
        """
        keys = frozenset(columns) & {"customer_id", "product_id"}
        if (service.name, keys) not in self._references:
            with answering("registry"):
                try:
                    projections = self.feast.get_feature_service(service.name).feature_view_projections
                except FeatureServiceNotFoundException as error:
                    raise StateError(
                        f"Feature service {service.name} is not registered.", "Run `encore features apply`."
                    ) from error
                views = [(p, self.feast.get_feature_view(p.name)) for p in projections]
                if any(Path(view.batch_source.path).parent != self._features for _, view in views):
                    raise StateError(
                        "Expected a feature registry with the features of this folder, found those of another one.",
                        "After copying, moving or restoring a folder, run `encore features apply`; two folders need "
                        "two registries (stores.registry).",
                    )
            self._references[service.name, keys] = [
                f"{projection.name}:{feature.name}"
                for projection, view in views
                if {column.name for column in view.entity_columns} <= keys
                for feature in projection.features
            ]
        return self._references[service.name, keys]

    def has(self, service: FeatureService) -> bool:
        """Ask the registry for a service of this folder; it may have been emptied since it was written, or copied."""
        try:
            self.references(service, ("customer_id",))
        except StateError:
            return False
        return True


def write_repo_file(settings: Settings, directory: Path) -> None:
    """Write feature_store.yaml for Feast's own commands, readable by its owner only; it holds no password."""
    stores = settings[StoreSettings]
    places = {"online": stores.online, "registry": stores.registry}
    # a plain word first, which no part of an address has to encode
    shown = {name: with_password(address, _VARIABLES[name]) for name, address in places.items()}
    text = yaml.safe_dump(repo_options(settings.replaced(stores.model_copy(update=shown))), sort_keys=False)
    for variable in _VARIABLES.values():
        text = text.replace(variable, f"${{{variable}}}")
    write_file(directory / "feature_store.yaml", text.encode(), 0o600)


def repo_options(settings: Settings, online_file: Path | None = None) -> dict[str, Any]:
    """Return Feast's configuration; `online_file` takes the place of a SQLite store's file."""
    stores = settings[StoreSettings]
    file = online_file or Path(stores.online.removeprefix("sqlite://"))
    registry = stores.registry.removeprefix("file://")
    if stores.online.startswith("redis"):
        online_store = {"type": "redis", "connection_string": redis_connection(stores.online)}
    else:
        online_store = {"type": "sqlite", "path": str(file.resolve())}
    if stores.registry.startswith("postgresql://"):
        registry_store: dict[str, Any] = {
            "registry_type": "sql",
            "path": database_url(stores.registry),
            "cache_ttl_seconds": 60,
        }
    else:
        registry_store = {"registry_type": "file", "path": str(Path(registry).resolve())}
    return {
        "project": PROJECT,
        "provider": "local",
        # the rows before answer while others are copied, and where that was killed: the registry keeps its mark
        "registry": {**registry_store, "serve_features_while_materializing": True},
        "offline_store": _offline_store(settings),
        "online_store": online_store,
        "entity_key_serialization_version": KEY_VERSION,
    }


def _offline_store(settings: Settings) -> dict[str, Any]:
    features = settings[FeatureSettings]
    if features.engine == "duckdb":
        return {"type": "duckdb"}
    return {
        "type": "spark",
        # what Spark answers comes back in files, with its types; through pandas, numbers become others beside nulls
        "staging_location": str(staging_directory(settings[StoreSettings]).resolve()),
        "spark_conf": {"spark.master": features.spark_master},
    }


def staging_directory(stores: StoreSettings) -> Path:
    """Return the folder of Spark's answers, which Feast leaves there."""
    return stores.data / "feast" / "staging"


@contextmanager
def offline(settings: Settings) -> Iterator[None]:
    """Open the engine of Feast's offline store for the block, and remove what it leaves."""
    if settings[FeatureSettings].engine == "duckdb":
        yield
        return
    # an extra
    from features.engine.spark import open_spark  # noqa: PLC0415

    open_spark(settings)
    try:
        yield
    finally:
        shutil.rmtree(staging_directory(settings[StoreSettings]), ignore_errors=True)


def repo_config(settings: Settings, directory: Path, online_file: Path | None = None) -> RepoConfig:
    """Return the same as Feast's own object; the folder is made."""
    directory.mkdir(parents=True, exist_ok=True)
    # it warns that a registry in a file has no use for serving meanwhile, which it has
    with quiet("feast"):
        return RepoConfig(repo_path=directory.resolve(), **repo_options(settings, online_file))


@contextmanager
def answering(store: str) -> Iterator[None]:
    """Turn what a client library raises into one error that names the store."""
    try:
        yield
    except EncoreError:
        raise
    except Exception as error:
        raise StoreError(f"The {store} does not answer as expected: {_short(error)}.", _CHECK_STORES) from error


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200].rstrip('.')}" if lines else type(error).__name__
