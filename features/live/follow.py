"""Features that follow events: computed anew from all that is known of a customer, by the expressions of training."""

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import pandas as pd
import pyarrow as pa

from features.build import BOUGHT, as_feature_rows, bought_pairs, customer_views, purchase_views, size_table
from features.config import Settings, StoreSettings
from features.live.known import TABLES, known_directory
from features.live.log import EventLog, Logged
from features.live.rows import SAME, tables_of, with_events
from features.sources import Sources, connect
from features.sql import relation
from features.store import Store
from features.views import PRODUCT_VIEWS, customer_services, vector_query, vector_view

#: Customers whose features are computed at once.
_BATCH = 500
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Online:
    """What the online store holds, as its stamp says.

    Attributes
    ----------
    fingerprint
        Of the materialisation.
    as_of
        The moment its rows are for.
    events
        Place of the last event that was in the contract tables.
    kinds
        Of interactions in the contract tables.
    """

    fingerprint: str
    as_of: datetime
    events: int
    kinds: frozenset[str]

    @classmethod
    def of(cls, stamp: Mapping[str, Any]) -> "Online":
        """Read the stamp."""
        as_of = datetime.fromisoformat(stamp["as_of"])
        return cls(stamp["fingerprint"], as_of, int(stamp["events"]), frozenset(stamp["kinds"]))


class Follower:
    """Pushes features of customers with new events to the online store. Safe for threads and processes.

    Parameters
    ----------
    clock
        Says what time it is; never asked for less than what was answered for already.
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
        self._features = _Features(settings, online)

    def follow(self) -> int:
        """Let the features of all pending customers follow their events; return how many there were.

        Raises
        ------
        StoreError
            If the online store or the log does not answer; the customers stay pending.
        """
        done = 0
        while True:
            # one at a time, so that nobody pushes what was computed before somebody else's event
            with self._lock, following(self._settings.stores):
                pending = self._log.pending(_BATCH)
                if not pending:
                    return done
                moment = self._next_moment(list(pending))
                self._store.push(self._features.rows(self._log, list(pending), moment))
                self._applied(list(pending), moment)
                self._log.done(pending, moment)
            done += len(pending)

    def _next_moment(self, customers: list[str]) -> datetime:
        """Return a whole second after everything that the features see, and after those they replace."""
        seen = [
            moment
            for logged in self._log.of(customers, self._online.events)
            for moment in (logged.happened, logged.received)
        ]
        latest = max([self._clock(), self._online.as_of, self._log.moment() or self._online.as_of, *seen])
        return datetime.fromtimestamp(int(latest.timestamp()), tz=UTC) + _SECOND


class _Features:
    """Computes all views of some customers, by statements that are planned once and run again and again."""

    def __init__(self, settings: Settings, online: Online) -> None:
        self._since = online.events
        folder = known_directory(settings.stores, online.fingerprint)
        backend = connect(settings.model_copy(update={"threads": 1}))
        self._con = backend.con
        self._steps: list[str] = []
        known = {table: relation(folder / f"{table}.parquet") for table in TABLES}
        self._con.execute("CREATE TEMP TABLE asked (customer_id VARCHAR, moment TIMESTAMPTZ)")
        for table in TABLES:
            query = f"(SELECT * FROM {known[table]} SEMI JOIN asked USING (customer_id))"
            if table in SAME:
                self._con.execute(f"CREATE TEMP TABLE {_live(table)} AS FROM {known[table]} LIMIT 0")
                query = f"({with_events(query, _live(table), table)})"
            self._prepare(table, f"FROM {query}")
        self._prepare("snapshots", "SELECT DISTINCT moment AS snapshot FROM asked")
        # few products are theirs, and every view of products would read all of them
        catalogue = backend.create_table("catalogue", backend.read_parquet(folder / "products.parquet"), temp=True)
        backend.create_table("all_sizes", size_table(backend.to_pandas(catalogue)), temp=True)
        for part, of in {"products": "catalogue", "sizes": "all_sizes"}.items():
            self._prepare(part, f"SELECT * FROM {of} SEMI JOIN transactions USING (product_id)")
        sources = Sources(**{name: backend.table(name) for name in (*TABLES, "products")})
        snapshots, sizes = backend.table("snapshots"), backend.table("sizes")
        views = customer_views(sources, snapshots, settings.customers.kept, online.kinds)
        views |= purchase_views(backend, sources, snapshots, sizes, settings.time.history_days)
        self._con.execute(f"DROP TABLE {BOUGHT}")
        self._prepare(BOUGHT, str(backend.compile(bought_pairs(sources, snapshots, settings.time.history_days))))
        self._views = [view for view in views if view not in PRODUCT_VIEWS]
        told = "event_timestamp, created_timestamp"
        for view in list(self._views):
            # a customer of whom a view says nothing now gets a row of nulls in place of what it said before
            self._prepare(
                view,
                f"SELECT asked.customer_id, found.* EXCLUDE (customer_id, {told}), moment AS event_timestamp, "
                f"moment AS created_timestamp FROM asked "
                f"LEFT JOIN ({backend.compile(as_feature_rows(views[view]))}) AS found USING (customer_id)",
            )
        for service, parts in customer_services().items():
            self._views.append(vector_view(service))
            self._prepare(self._views[-1], vector_query(self._con, {view: f"SELECT * FROM {view}" for view in parts}))

    def rows(self, log: EventLog, customers: list[str], moment: datetime) -> dict[str, pd.DataFrame]:
        """Return one row per customer for every view of customers, and for every vector."""
        con = self._con
        asked = pa.table({"customer_id": customers, "moment": [moment] * len(customers)})
        for table, rows in {"asked": asked, **_tables(log.of(customers, self._since))}.items():
            con.register("given", rows)
            con.execute(f"DELETE FROM {table}; INSERT INTO {table} BY NAME FROM given")
        for step in self._steps:
            con.execute(step)
        return {view: con.execute(f"FROM {view}").df() for view in self._views}

    def _prepare(self, table: str, query: str) -> None:
        """Make a table of what a query finds; each run finds it again."""
        self._con.execute(f"CREATE TEMP TABLE {table} AS {query}")
        self._con.execute(f"PREPARE fill_{table} AS INSERT INTO {table} {query}")
        self._steps += [f"DELETE FROM {table}", f"EXECUTE fill_{table}"]


def _live(table: str) -> str:
    return f"{table}_live"


def _tables(events: Sequence[Logged]) -> dict[str, pa.Table]:
    return {_live(table): rows for table, rows in tables_of(events).items()}


@contextmanager
def following(stores: StoreSettings) -> Iterator[None]:
    """Wait until no other process computes features; one that dies in the block leaves it."""
    with (stores.data / "events.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
