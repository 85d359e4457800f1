"""The feature store: Feast, as Encore uses it.

Importing it takes a second or two, so it is imported where it is used, never at the top of a light path.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pandas as pd

from core.errors import StateError, StoreError
from core.files import replacing_file
from core.logs import quiet
from core.progress import Report, silent, track
from core.settings import Settings, StoreSettings
from core.sql import relation
from core.stamps import code_fingerprint, fingerprint, read_stamp, write_stamp
from features.contract.erased import Erased, is_open
from features.engine.build import built_schedule, features_directory
from features.engine.duckdb import connect
from features.engine.vectors import services_of, vector_view
from features.engine.write import files_of
from features.services import FeatureService
from features.settings import FeatureSettings, TimeSettings
from features.snapshots import Schedule
from features.store.definitions import definitions, view_names
from features.store.feast_api import FeatureStore, FeatureViewState
from features.store.materialized import materialized_directory, updating, write_rows
from features.store.online import OnlineStore
from features.store.repo import Repo, answering, offline, repo_config, write_repo_file
from features.views import views_of

#: The least time that engines tell apart.
_INSTANT = pd.Timedelta(microseconds=1)

#: What the stamp of the features says that the one of the online store says too.
_SAID = ("sells", "kinds", "events", "definition", "last_event")


class Store:
    """Encore's view of the feature store.

    Attributes
    ----------
    online
        The online store.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._repo = Repo(settings)
        self.online = OnlineStore(self._repo)

    def apply(self) -> bool:
        """Register entities, views and services. Returns False where they are registered already.

        Raises
        ------
        StoreError
            If the registry cannot be reached.
        """
        objects = self._definitions()
        stamp = self._definition(objects)
        if self._is_registered(stamp):
            return False
        write_repo_file(self._settings, self._repo.directory)
        with offline(self._settings), quiet("feast"), answering("registry"):
            self._repo.feast.apply(objects)
        write_stamp(self._repo.directory, {"fingerprint": stamp})
        return True

    def materialize(self, report: Report = silent) -> bool:
        """Copy the latest feature rows to the online store. Returns False where they are there already.

        A SQLite store is written aside and renamed, so that it holds these rows and no others; a reader that
        has the old file open keeps reading it. In Redis rows are replaced one by one, and a customer who has
        left the data keeps their last ones.

        Raises
        ------
        StateError
            If no features have been built, or those of this folder are not registered.
        StoreError
            If the online store cannot be reached.
        """
        schedule, built = built_schedule(self._settings)
        for service in services_of(self._settings):
            self._repo.references(service, ("customer_id",))
        as_of = schedule.as_of
        stores = self._settings[StoreSettings]
        stamp = self._copied(schedule, built)
        if self._is_materialized(stamp, as_of):
            return False
        made = read_stamp(features_directory(stores))
        kept = {name: made[name] for name in _SAID}
        # another one each time, as rows that events have pushed since are gone where the same ones are copied again
        online = uuid4().hex[:16]
        with ExitStack() as held:
            held.enter_context(offline(self._settings))
            with self._target(stores) as target:
                self._copy(target, as_of, report)
                write_rows(self._settings, online)
                # an update meanwhile would write to a file that is not used any more
                held.enter_context(updating(stores))
            stamped = {"fingerprint": online, "made_from": stamp, "as_of": as_of, **kept}
            write_stamp(materialized_directory(stores), stamped)
        return True

    @contextmanager
    def _target(self, stores: StoreSettings) -> Iterator[FeatureStore]:
        """Yield what rows are copied to; a SQLite file takes the place of the one before at the end of the block."""
        if not stores.online.startswith("sqlite://"):
            yield self._repo.feast
            return
        with replacing_file(Path(stores.online.removeprefix("sqlite://"))) as new:
            beside = FeatureStore(config=repo_config(self._settings, self._repo.directory, online_file=new))
            with quiet("feast"), answering("registry"):
                beside.apply(self._definitions())
            yield beside

    def _copy(self, target: FeatureStore, as_of: datetime, report: Report) -> None:
        spacing = timedelta(days=self._settings[TimeSettings].snapshot_spacing_days)
        for view in track(report, view_names(self._settings), lambda view: view):
            with quiet("feast"), answering("online store"):
                _forget_killed(target, view)
                target.materialize(as_of - spacing + timedelta(seconds=1), as_of, feature_views=[view])
            self._leave_out_erased(target)

    def _leave_out_erased(self, target: FeatureStore) -> None:
        """Remove customers from what was copied whose erasure waits until this job is done with the files."""
        hashes = Erased(self._settings[StoreSettings]).open()
        if not hashes:
            return
        files = features_directory(self._settings[StoreSettings]).glob("*_vector/*.parquet")
        query = f"SELECT DISTINCT customer_id FROM {relation(*files)} WHERE {is_open('customer_id', hashes)}"
        copied = OnlineStore(self._repo.beside(target))
        for (customer,) in connect(self._settings).con.execute(query).fetchall():
            copied.erase(customer)

    def point_in_time(self, service: FeatureService, entities: pd.DataFrame) -> pd.DataFrame:
        """Return the features of a service as they were known at each row's moment.

        Parameters
        ----------
        service
            Of its views, those whose key is a column of `entities` answer.
        entities
            `customer_id` or `product_id`, `event_timestamp` (UTC), and any further columns, which are kept.

        Returns
        -------
        One row per row of `entities`, in its order. A feature is missing where no row of it is both younger
        than the snapshot spacing and written at or before the moment.
        """
        references = self._repo.references(service, list(entities.columns))
        moments = entities["event_timestamp"].reset_index(drop=True)
        numbered = entities.reset_index(drop=True).assign(_row=range(len(entities)))
        # Feast would still take a row that is exactly as old as the spacing
        numbered["event_timestamp"] = moments + _INSTANT
        with offline(self._settings), quiet("feast"), answering("registry"):
            job = self._repo.feast.get_historical_features(
                entity_df=numbered, features=references, filter_by_created_timestamp=True
            )
            frame: pd.DataFrame = job.to_df()
        ordered = frame.sort_values("_row").drop(columns="_row").reset_index(drop=True)
        return ordered.assign(event_timestamp=moments)

    def everyone(self, service: FeatureService, as_of: datetime, most: int | None = None) -> dict[str, dict[str, Any]]:
        """Return the features of a service of all customers, as they were built for a moment; no events since.

        Parameters
        ----------
        as_of
            A moment that vectors were built for: the one of the schedule.
        most
            Draw as many customers where there are more, always the same ones; None takes all.

        Returns
        -------
        By customer, ordered by id: the features by name, as those of `features.store.online.Vector`.

        Raises
        ------
        StateError
            If no features have been built for the moment.
        """
        drawn = "" if most is None else f"ORDER BY md5(customer_id) LIMIT {most}"
        rows = self._built_for(service, as_of, "customer_id, vector", drawn)
        return {str(customer): orjson.loads(vector) for customer, vector in sorted(rows)}

    def customers(self, service: FeatureService, as_of: datetime) -> list[str]:
        """Return the customers of `everyone`, in ascending order.

        Raises
        ------
        StateError
            If no features have been built for the moment.
        """
        return [str(row[0]) for row in self._built_for(service, as_of, "customer_id", "ORDER BY customer_id")]

    def _built_for(self, service: FeatureService, as_of: datetime, columns: str, order: str) -> list[tuple[Any, ...]]:
        files = files_of(features_directory(self._settings[StoreSettings]), vector_view(service), as_of)
        if not files:
            raise StateError(
                f"Expected features that were built for {as_of:%Y-%m-%d}, found none.", "Run `encore features build`."
            )
        query = f"SELECT {columns} FROM {relation(*files)} {order}"
        rows: list[tuple[Any, ...]] = connect(self._settings).con.execute(query).fetchall()
        return rows

    def fields(self, service: FeatureService) -> dict[str, str]:
        """Return the features of a service with Feast's names of their types, such as `Float64`.

        Raises
        ------
        StoreError
            If the registry cannot be reached.
        """
        with answering("registry"):
            views = [self._repo.view(view.name) for view in views_of(service)]
        return {field.name: str(field.dtype) for view in views for field in view.features}

    def check(self) -> None:
        """Ask the online store for a customer that does not exist.

        Raises
        ------
        StoreError, StateError
            If it does not answer, or nothing was applied.
        """
        for service in services_of(self._settings)[:1]:
            self.online.rows(service, "customer_id", [""])

    def is_applied(self) -> bool:
        """Return whether `apply` would change nothing.

        Raises
        ------
        StoreError
            If the registry cannot be reached.
        """
        return self._is_registered(self._definition(self._definitions()))

    def is_materialized(self) -> bool:
        """Return whether `materialize` would copy nothing.

        Raises
        ------
        StateError
            If no features have been built.
        """
        schedule, built = built_schedule(self._settings)
        return self._is_materialized(self._copied(schedule, built), schedule.as_of)

    def _definition(self, objects: Sequence[Any]) -> str:
        stores, engine = self._settings[StoreSettings], self._settings[FeatureSettings].engine
        code = code_fingerprint("features.store")
        return fingerprint(stores.registry, stores.online, engine, code, _described(objects))

    def _is_registered(self, stamp: str) -> bool:
        registered = all(self._repo.has(service) for service in services_of(self._settings))
        return registered and read_stamp(self._repo.directory).get("fingerprint") == stamp

    def _copied(self, schedule: Schedule, built: str) -> str:
        """Name what is copied online, and where to."""
        applied = read_stamp(self._repo.directory).get("fingerprint")
        return fingerprint(built, applied, schedule.as_of, self._settings[StoreSettings].online)

    def _is_materialized(self, stamp: str, as_of: datetime) -> bool:
        made_from = read_stamp(materialized_directory(self._settings[StoreSettings])).get("made_from")
        return made_from == stamp and self._holds(as_of)

    def _definitions(self) -> list[Any]:
        return definitions(self._settings, features_directory(self._settings[StoreSettings]))

    def _holds(self, as_of: datetime) -> bool:
        """Ask the online store for one row, as it may have been emptied since it was written."""
        return all(self._holds_one_of(service, as_of) for service in services_of(self._settings))

    def _holds_one_of(self, service: FeatureService, as_of: datetime) -> bool:
        files = files_of(features_directory(self._settings[StoreSettings]), vector_view(service), as_of)
        query = f"SELECT customer_id FROM {relation(*files)} LIMIT 1"
        customers = [str(row[0]) for row in connect(self._settings).con.execute(query).fetchall()]
        try:
            vectors = self.online.vectors(service, customers)
        except (StateError, StoreError):
            return False
        return [vector.moment if vector else None for vector in vectors] == [as_of] * len(customers)


def _forget_killed(feast: FeatureStore, name: str) -> None:
    """Take back the mark that a killed copy has left: where the next one failed, Feast would not serve the rows."""
    view = feast.get_feature_view(name)
    if view.state == FeatureViewState.MATERIALIZING:
        view.state = FeatureViewState.AVAILABLE_ONLINE
        feast.registry.apply_feature_view(view, feast.project, commit=True)


def _described(objects: Sequence[Any]) -> list[object]:
    """Return what of the definitions can change while the code of this room stays."""
    return [(one.name, one.description, one.tags, one.owner, *_fields(one)) for one in objects]


def _fields(one: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - Feast ships no types
    # Feast keeps fields in a set, whose order changes from process to process
    return sorted((field.name, str(field.dtype), field.description) for field in getattr(one, "schema", ()))
