"""The feature store: Feast, configured from Encore's settings.

Together with `features.store.definitions` the only module that knows Feast. Importing it takes a second or two, so it
is imported where it is used, never at the top of a light path.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import orjson
import pandas as pd
import yaml

from core.addresses import database_url, redis_connection
from core.errors import EncoreError, StateError, StoreError
from core.progress import Report, silent, track
from core.quiet import quiet
from core.settings import Settings, StoreSettings
from core.state import code_fingerprint, fingerprint, read_stamp, write_file, write_stamp
from features.engine.build import built_schedule, features_directory
from features.live.known import materialized_directory, write_known
from features.services import CHURN_SERVICE, CUSTOMER_VIEWS, PURCHASE_VIEWS, SERVICES, vector_view
from features.store.definitions import definitions
from features.store.feast_api import (
    EntityKey,
    FeatureServiceNotFoundException,
    FeatureStore,
    RepoConfig,
    Value,
    redis_key,
    serialize_entity_key,
)

_PROJECT = "encore"
#: How Feast writes the keys of entities.
_KEY_VERSION = 3
#: What a user can do about a store that does not answer.
_CHECK_STORES = "Check stores.online and stores.registry in encore.toml, and that the servers run."


@dataclass(frozen=True)
class OnlineRows:
    """Features as the online store holds them, aligned with the keys that were asked for.

    Attributes
    ----------
    values
        One list per feature; None where the store has nothing.
    event_timestamps
        Per key the latest moment the features were computed for; None for an unknown key.
    """

    values: dict[str, list[Any]]
    event_timestamps: list[datetime | None]


class Vector(NamedTuple):
    """All features of a service of one customer.

    Attributes
    ----------
    moment
        What they were computed for.
    values
        By name; None where something is missing, seconds since 1970 for moments.
    """

    moment: datetime
    values: dict[str, Any]


class Store:
    """Encore's view of the feature store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = settings.stores.data / "feast"
        try:
            self._feast = FeatureStore(config=_repo_config(settings.stores, self._directory))
        except Exception as error:
            raise StoreError(f"The feature registry does not answer: {_short(error)}.", _CHECK_STORES) from error
        self._references: dict[tuple[str, frozenset[str]], list[str]] = {}
        self._views: dict[str, Any] = {}

    @property
    def _provider(self) -> Any:  # noqa: ANN401 - Feast ships no types
        return self._feast._get_provider()

    @property
    def _online(self) -> Any:  # noqa: ANN401
        return self._provider.online_store

    def _view(self, name: str) -> Any:  # noqa: ANN401
        if name not in self._views:
            self._views[name] = self._feast.get_feature_view(name)
        return self._views[name]

    def apply(self) -> bool:
        """Register entities, views and services. Returns False where they are registered already.

        Raises
        ------
        StoreError
            If the registry cannot be reached.
        """
        objects = self._definitions()
        stores = self._settings.stores
        stamp = fingerprint(stores.registry, stores.online, code_fingerprint("core", "features"), _schemas(objects))
        if read_stamp(self._directory).get("fingerprint") == stamp and self._is_registered():
            return False
        config = yaml.safe_dump(_repo_options(stores), sort_keys=False)
        write_file(self._directory / "feature_store.yaml", config.encode())
        with quiet("feast"), _answering("registry"):
            self._feast.apply(objects)
        write_stamp(self._directory, {"fingerprint": stamp})
        return True

    def materialize(self, report: Report = silent) -> bool:
        """Copy the latest feature rows to the online store. Returns False where they are there already.

        A SQLite store is written aside and renamed, so that it holds these rows and no others; a reader that
        has the old file open goes on with it. In Redis rows are replaced one by one, and a customer who has
        left the data keeps their last ones.

        Raises
        ------
        StateError
            If no features have been built.
        StoreError
            If the online store cannot be reached.
        """
        schedule, built = built_schedule(self._settings)
        as_of = schedule.as_of
        stores = self._settings.stores
        applied = read_stamp(self._directory).get("fingerprint")
        stamp = fingerprint(built, applied, as_of, stores.online)
        if read_stamp(materialized_directory(stores)).get("fingerprint") == stamp and self._holds(as_of):
            return False
        if stores.online.startswith("sqlite://"):
            file = Path(stores.online.removeprefix("sqlite://"))
            aside = file.with_name(f".{file.name}.{os.getpid()}")
            try:
                beside = FeatureStore(config=_repo_config(stores, self._directory, online_file=aside))
                with quiet("feast"), _answering("registry"):
                    beside.apply(self._definitions())
                self._copy(beside, as_of, report)
                aside.replace(file)
            finally:
                aside.unlink(missing_ok=True)
        else:
            self._copy(self._feast, as_of, report)
        made = read_stamp(features_directory(stores))
        write_known(self._settings, stamp)
        write_stamp(
            materialized_directory(stores),
            {"fingerprint": stamp, "as_of": as_of, **{name: made[name] for name in ("sells", "kinds", "events")}},
        )
        return True

    def _copy(self, target: FeatureStore, as_of: datetime, report: Report) -> None:
        spacing = timedelta(days=self._settings.time.snapshot_spacing_days)
        views = (*CUSTOMER_VIEWS, *PURCHASE_VIEWS, *map(vector_view, SERVICES))
        for view in track(report, views, lambda view: view):
            with quiet("feast"), _answering("online store"):
                target.materialize(as_of - spacing + timedelta(seconds=1), as_of, feature_views=[view])

    def point_in_time(self, service: str, entities: pd.DataFrame) -> pd.DataFrame:
        """Return the features of a service as they were known at each row's moment.

        Parameters
        ----------
        service
            Name of a feature service. Of its views, those whose key is a column of `entities` answer.
        entities
            `customer_id` or `product_id`, `event_timestamp` (UTC), and any further columns, which are kept.

        Returns
        -------
        One row per row of `entities`, in its order. A feature is missing where no row of it is both younger
        than the snapshot spacing and written at or before the moment.
        """
        references = self._features_of(service, frozenset(entities.columns))
        numbered = entities.reset_index(drop=True).assign(_row=range(len(entities)))
        with quiet("feast"), _answering("registry"):
            job = self._feast.get_historical_features(
                entity_df=numbered, features=references, filter_by_created_timestamp=True
            )
            frame: pd.DataFrame = job.to_df()
        return frame.sort_values("_row").drop(columns="_row").reset_index(drop=True)

    def online(self, service: str, key: str, values: Sequence[str]) -> OnlineRows:
        """Return the features of a service that the online store holds now.

        Parameters
        ----------
        service
            Name of a feature service. Of its views, those whose key is `key` answer.
        key
            `customer_id` or `product_id`.
        values
            The keys asked for.

        Raises
        ------
        StoreError
            If the online store cannot be reached.
        """
        references = self._features_of(service, frozenset({key}))
        with _answering("online store"):
            response = self._feast.get_online_features(features=references, entity_rows={key: list(values)})
            answered: dict[str, list[Any]] = response.to_dict(include_event_timestamps=True)
        features = [reference.split(":")[1] for reference in references]
        stamps = [answered[f"{feature}__ts"] for feature in features]
        latest = [max(moments) for moments in zip(*stamps, strict=True)] if values else []
        return OnlineRows(
            {feature: answered[feature] for feature in features},
            [datetime.fromtimestamp(second, tz=UTC) if second else None for second in latest],
        )

    def vectors(self, service: str, customers: Sequence[str]) -> list[Vector | None]:
        """Return the features of a service that the online store holds now of customers; None for an unknown one.

        One read a customer, through the online store's own interface, whatever the number of views.

        Raises
        ------
        StoreError
            If the online store cannot be reached.
        """
        with _answering("online store"):
            keys = [
                EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=customer)])
                for customer in customers
            ]
            found = self._online.online_read(self._feast.config, self._view(vector_view(service)), keys, ["vector"])
            # of a customer it does not know Redis gives an empty value, SQLite none
            texts = [values["vector"].string_val if values else "" for _, values in found]
            return [
                Vector(stamp, orjson.loads(text)) if text else None
                for (stamp, _), text in zip(found, texts, strict=True)
            ]

    def push(self, rows: Mapping[str, pd.DataFrame]) -> None:
        """Push rows to the online store, by name of their view.

        What Feast's own `push` does for the views of a push source, without reading the whole registry for each, and
        without passing over rows of nulls, which take the place of what was known before.

        Raises
        ------
        StoreError
            If the online store cannot be reached; rows of some views may have been written.
        """
        for view, frame in rows.items():
            with quiet("feast"), _answering("online store"):
                self._provider.ingest_df(self._view(view), frame)

    def forget(self, customer: str) -> int:
        """Remove a customer's rows from the online store; returns how many values there were.

        Raises
        ------
        StoreError
            If the online store cannot be reached.
        """
        key = EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=customer)])
        config, online = self._feast.config, self._online
        with _answering("online store"):
            if config.online_store.type == "redis":
                client = online._get_client(config.online_store)
                name = redis_key(_PROJECT, key, _KEY_VERSION)
                values = int(client.hlen(name))
                client.delete(name)
                return values
            con = online._get_conn(config)
            con.execute("PRAGMA secure_delete = ON")
            views = [view for view in self._feast.list_feature_views() if view.join_keys == ["customer_id"]]
            with con:
                return sum(
                    con.execute(
                        f'DELETE FROM "{_PROJECT}_{view.name}" WHERE entity_key = ?',
                        [serialize_entity_key(key, _KEY_VERSION)],
                    ).rowcount
                    for view in views
                )

    def check(self) -> None:
        """Ask the online store for a customer that does not exist.

        Raises
        ------
        StoreError, StateError
            If it does not answer, or nothing was applied.
        """
        self.online(CHURN_SERVICE, "customer_id", [""])

    def _definitions(self) -> list[Any]:
        rows = features_directory(self._settings.stores)
        return list(definitions(rows, timedelta(days=self._settings.time.snapshot_spacing_days)))

    def _is_registered(self) -> bool:
        """Ask the registry, which may have been emptied behind our back."""
        try:
            self._features_of(CHURN_SERVICE, frozenset({"customer_id"}))
        except StateError:
            return False
        return True

    def _holds(self, as_of: datetime) -> bool:
        """Ask the online store for one row, as it may have been emptied behind our back."""
        rows = features_directory(self._settings.stores) / "customer_activity.parquet"
        query = "SELECT customer_id FROM read_parquet(?) WHERE epoch(event_timestamp) = ? LIMIT 1"
        with duckdb.connect() as con:
            customers = [str(row[0]) for row in con.execute(query, [str(rows), as_of.timestamp()]).fetchall()]
        try:
            return self.online(CHURN_SERVICE, "customer_id", customers).event_timestamps == [as_of]
        except (StateError, StoreError):
            return False

    def _features_of(self, service: str, columns: frozenset[str]) -> list[str]:
        """Return `view:feature` for the views of a service whose key is among the columns."""
        keys = columns & {"customer_id", "product_id"}
        if (service, keys) not in self._references:
            with _answering("registry"):
                try:
                    projections = self._feast.get_feature_service(service).feature_view_projections
                except FeatureServiceNotFoundException as error:
                    raise StateError(
                        f"Feature service {service} is not registered.", "Run `encore features apply`."
                    ) from error
                views = [(p, self._feast.get_feature_view(p.name)) for p in projections]
            self._references[service, keys] = [
                f"{projection.name}:{feature.name}"
                for projection, view in views
                if {column.name for column in view.entity_columns} <= keys
                for feature in projection.features
            ]
        return self._references[service, keys]


def _repo_options(stores: StoreSettings, online_file: Path | None = None) -> dict[str, Any]:
    """Return what Feast calls feature_store.yaml; `online_file` takes the place of a SQLite store's file."""
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
        "project": _PROJECT,
        "provider": "local",
        "registry": registry_store,
        "offline_store": {"type": "duckdb"},
        "online_store": online_store,
        "entity_key_serialization_version": _KEY_VERSION,
    }


def _repo_config(stores: StoreSettings, directory: Path, online_file: Path | None = None) -> RepoConfig:
    directory.mkdir(parents=True, exist_ok=True)
    return RepoConfig(repo_path=directory.resolve(), **_repo_options(stores, online_file))


def _schemas(objects: Sequence[Any]) -> list[str]:
    # Feast keeps fields in a set, whose order changes from process to process
    return [
        f"{view.name} {sorted((field.name, str(field.dtype)) for field in view.schema)}"
        for view in objects
        if hasattr(view, "schema")
    ]


@contextmanager
def _answering(store: str) -> Iterator[None]:
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
