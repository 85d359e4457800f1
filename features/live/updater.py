"""Features that follow events: computed anew from all that is known of a customer, by the expressions of training."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import pandas as pd
import pyarrow as pa
import structlog

from core.errors import StoreError
from core.settings import Settings, StoreSettings
from core.sql import relation
from core.state import locked, read_stamp
from features.contract.tables import CONTRACT, CUSTOMER_TABLES, EVENT_TABLES
from features.engine.build import BOUGHT
from features.engine.duckdb import Sources, connect
from features.engine.inputs import as_feature_rows, size_table, view_inputs
from features.engine.vectors import services_of, vector_query, vector_views
from features.live.log import EventLog, Logged
from features.live.rows import tables_of, with_events
from features.store.feature_store import Store
from features.store.materialized import Online, known_directory, materialized_directory
from features.views import customer_views_of

#: Customers whose features are computed at once.
_BATCH = 500
_SECOND = timedelta(seconds=1)
#: Customers whose moments lie so close are computed for one moment.
_NEAR = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class FeatureUpdater:
    """Pushes features of customers with new events to the online store. Safe for threads and processes.

    Parameters
    ----------
    clock
        Says what time it is.
    applied
        Is told which customers have other features now, and the moment they are for.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        log: EventLog,
        online: Online,
        clock: Callable[[], datetime],
        applied: Callable[[list[str], datetime], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._log = log
        self._online = online
        self._clock = clock
        self._applied = applied
        self._lock = Lock()
        self._broken: dict[str, int] = {}
        self._features = _CustomerFeatures(settings, online)

    def update(self) -> int:
        """Let the features of all pending customers follow their events; return how many there were.

        Does nothing where the online store was filled anew since; who has loaded that goes on.

        Raises
        ------
        StoreError
            If the online store or the log does not answer; the customers stay pending.
        """
        done = 0
        stores = self._settings[StoreSettings]
        while True:
            # one at a time, so that nobody pushes what was computed before somebody else's event
            with self._lock, following(stores):
                if read_stamp(materialized_directory(stores)).get("fingerprint") != self._online.fingerprint:
                    return done
                self._log.follow(self._online.fingerprint, self._online.events, self._online.as_of)
                waiting = self._log.pending(_BATCH + len(self._broken))
                pending = {name: seq for name, seq in waiting.items() if seq > self._broken.get(name, 0)}
                if not pending:
                    return done
                done += self._apply(pending)

    def _apply(self, pending: Mapping[str, int]) -> int:
        """Push the features of some customers; one whose features cannot be computed is passed over, and told."""
        try:
            for moment, customers in self._moments(list(pending)).items():
                self._store.online.push(self._features.rows(self._log, customers, moment))
                self._applied(customers, moment)
                self._log.done({name: pending[name] for name in customers}, moment)
        except StoreError:
            raise
        except Exception as error:
            if len(pending) > 1:
                return sum(self._apply({name: seq}) for name, seq in pending.items())
            self._broken |= pending
            _log.exception("events_not_followed", seq=next(iter(pending.values())), exc_info=error)
            return 0
        return len(pending)

    def _moments(self, customers: Sequence[str]) -> dict[datetime, list[str]]:
        """Group customers by the whole second to compute their features for.

        It is after everything that happened to them, and after the moment of what they replace. Who has an event from
        a clock that was far ahead does not take others there.
        """
        now = max(self._clock(), self._online.as_of)
        before: dict[str, datetime] = {}
        for service in services_of(self._settings)[:1]:  # vectors of all services are of one moment
            known = self._store.online.vectors(service, customers)
            before = {name: vector.moment for name, vector in zip(customers, known, strict=True) if vector}
        latest = self._log.latest(customers)
        least = {name: max(now, before.get(name, now), latest.get(name, now)) for name in customers}
        together = [name for name, moment in least.items() if moment <= now + _NEAR]
        groups = {max(least[name] for name in together): together} if together else {}
        for name, moment in least.items():
            if moment > now + _NEAR:
                groups.setdefault(moment, []).append(name)
        return {_next_second(moment): names for moment, names in groups.items()}


def _next_second(moment: datetime) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp()), tz=UTC) + _SECOND


class _CustomerFeatures:
    """Computes all views of some customers, by queries that are compiled once.

    A table a step: what is asked, what is known and has happened, what is theirs of the catalogue, then the views and
    the vectors of them. Each run fills all of them anew.
    """

    def __init__(self, settings: Settings, online: Online) -> None:
        self._since = online.events
        self._backend = connect(settings.replaced(threads=1))
        self._con = self._backend.con
        self._steps: list[str] = []
        self._add_known(known_directory(settings[StoreSettings], online.fingerprint))
        self._views = self._add_views(settings, online.kinds)

    def rows(self, log: EventLog, customers: list[str], moment: datetime) -> dict[str, pd.DataFrame]:
        """Return one row per customer for every view of customers, and for every vector."""
        con = self._con
        asked = pa.table({"customer_id": customers, "moment": [moment] * len(customers)})
        for table, rows in {"asked": asked, **_tables(log.of(customers, self._since))}.items():
            con.register("given", rows)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {table} LIMIT 0")
            con.execute(f"INSERT INTO {table} BY NAME FROM given")
        for step in self._steps:
            con.execute(step)
        return {view: con.execute(f"FROM {view}").df() for view in self._views}

    def _add_known(self, folder: Path) -> None:
        """Add what was materialised of the customers who are asked for, and their events since."""
        self._con.execute("CREATE TEMP TABLE asked (customer_id VARCHAR, moment TIMESTAMPTZ)")
        self._add("snapshots", "SELECT DISTINCT moment AS snapshot FROM asked")
        for table in CUSTOMER_TABLES:
            known = relation(folder / f"{table}.parquet")
            query = f"(SELECT * FROM {known} SEMI JOIN asked USING (customer_id))"
            if table in EVENT_TABLES:
                self._con.execute(f"CREATE TEMP TABLE {_live(table)} AS FROM {known} LIMIT 0")
                query = f"({with_events(query, _live(table), table)})"
            self._add(table, f"FROM {query}")
        # few products are theirs, and every view of products would read all of them
        products = self._backend.read_parquet(folder / "products.parquet")
        catalogue = self._backend.create_table("catalogue", products, temp=True)
        self._backend.create_table("all_sizes", size_table(self._backend.to_pandas(catalogue)), temp=True)
        for part, whole in (("products", "catalogue"), ("sizes", "all_sizes")):
            self._add(part, f"SELECT * FROM {whole} SEMI JOIN transactions USING (product_id)")

    def _add_views(self, settings: Settings, kinds: frozenset[str]) -> list[str]:
        backend = self._backend
        sources = Sources(**{name: backend.table(name) for name in CONTRACT})
        inputs = view_inputs(settings, sources, backend.table("snapshots"), backend.table("sizes"), kinds)
        self._add(BOUGHT, str(backend.compile(inputs.bought)))
        inputs = replace(inputs, bought=backend.table(BOUGHT))
        used = {view.name: view for service in services_of(settings) for view in customer_views_of(service)}
        stamps = "event_timestamp, created_timestamp"
        for name, view in used.items():
            # a customer of whom a view says nothing now gets a row of nulls in place of what it said before
            self._add(
                name,
                f"SELECT asked.customer_id, found.* EXCLUDE (customer_id, {stamps}), moment AS event_timestamp, "
                f"moment AS created_timestamp FROM asked "
                f"LEFT JOIN ({backend.compile(as_feature_rows(view.rows(inputs)))}) AS found USING (customer_id)",
            )
        vectors = vector_views(settings)
        for vector, parts in vectors.items():
            self._add(vector, vector_query(self._con, {view: f"SELECT * FROM {view}" for view in parts}))
        return [*used, *vectors]

    def _add(self, table: str, query: str) -> None:
        """Make a table of what a query finds; each run makes it again, as deleted rows would take memory for ever."""
        step = f"CREATE OR REPLACE TEMP TABLE {table} AS {query}"
        self._con.execute(step)
        self._steps.append(step)


def _live(table: str) -> str:
    return f"{table}_live"


def _tables(events: Sequence[Logged]) -> dict[str, pa.Table]:
    return {_live(table): rows for table, rows in tables_of(events).items()}


@contextmanager
def following(stores: StoreSettings) -> Iterator[None]:
    """Wait until no other process computes features."""
    with locked(stores.data / "events.lock"):
        yield
