"""What moments are made of: purchases, interactions, contracts and customers, with when each became known.

All moments are microseconds since 1970. A row counts in [known, gone): it is known from when it happened or was
written, whichever is later, and gone when another version took its place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa

from core.errors import StateError
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from core.stamps import read_stamp
from features.contract.tables import EVENT_ID, EVENT_TABLES, contract_directory
from features.engine.duckdb import contract_file
from features.live.known import TABLES, OrderedFile
from features.live.log import EventLog
from features.live.rows import tables_of, with_events
from features.store.materialized import read_online, rows_directory
from serving.decisions.moments.kind import NEVER

_VIEWS = {
    "purchases": f"""
        SELECT DISTINCT customer_id, product_id, epoch_us(event_timestamp) AS moment,
            greatest(epoch_us(event_timestamp), epoch_us(created_timestamp)) AS known,
            coalesce(epoch_us(replaced_timestamp), {NEVER}) AS gone
        FROM {{transactions}} WHERE quantity > 0 AND (replaced_timestamp IS NULL
            OR replaced_timestamp > greatest(event_timestamp, created_timestamp))
    """,
    "happened": """
        SELECT customer_id, kind, epoch_us(event_timestamp) AS moment, value,
            greatest(epoch_us(event_timestamp), epoch_us(created_timestamp)) AS known
        FROM {interactions}
    """,
    # the ends that were known of a contract one after the other; the last one is known for good
    "terms": f"""
        SELECT customer_id, stop, greatest(written, coalesce(lag(until) OVER own, written)) AS known, until AS gone
        FROM (
            SELECT customer_id, start_timestamp, contract_id, epoch_us(created_timestamp) AS written,
                coalesce(epoch_us(term.end_timestamp), {NEVER}) AS stop,
                coalesce(epoch_us(term.until_timestamp), {NEVER}) AS until
            FROM (
                SELECT *, unnest(list_append(coalesce(earlier_terms, []), {{{{
                    'until_timestamp': NULL::TIMESTAMPTZ, 'end_timestamp': end_timestamp, 'price': price
                }}}})) AS term
                FROM {{subscriptions}}
            )
        )
        WINDOW own AS (PARTITION BY customer_id, start_timestamp, contract_id ORDER BY until)
    """,
    "people": """
        SELECT customer_id, birth_date, epoch_us(greatest(signup_timestamp, known_since_timestamp)) AS known
        FROM {customers} WHERE birth_date IS NOT NULL
    """,
}


@contextmanager
def open_known(
    settings: Settings, start: datetime, end: datetime, customers: Sequence[str] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the views that moments read, with the events that came since the last ingestion.

    Parameters
    ----------
    start, end
        The row of the view `asked`, half-open: columns `start` and `stop`.
    customers
        Few customers whose rows alone are read, as they were when the online store was filled last; None is all.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    StoreError
        If the event log cannot be read.
    """
    stores = settings[StoreSettings]
    # first: of tables that another ingestion replaces meanwhile, events are found twice and not never
    copies = None if customers is None else _copies(stores)
    since = int(read_stamp(contract_directory(stores)).get("events", 0)) if copies is None else copies[0]
    with engine(settings) as con:
        exported = {str(name): relation(contract_file(stores, name)) for name in TABLES}
        if copies is not None:
            exported = _of_few(con, copies[1], exported, customers or ())
        tables = exported | _with_logged(con, stores, since, exported, customers)
        if customers is not None:
            con.register("wanted", pa.table({"customer_id": pa.array(customers, pa.string())}))
            tables = {name: f"(FROM {table} SEMI JOIN wanted USING (customer_id))" for name, table in tables.items()}
        for name, query in _VIEWS.items():
            con.execute(f"CREATE TEMP TABLE {name} AS {query.format(**tables)}")
        con.execute("CREATE TEMP TABLE asked AS SELECT ?::BIGINT AS start, ?::BIGINT AS stop", [_us(start), _us(end)])
        yield con


def _copies(stores: StoreSettings) -> tuple[int, Path] | None:
    """Return the events in the contract tables that the online store was filled from, and the folder of their copies.

    They are ordered by customer, so that the rows of a few are read in milliseconds. None before a materialisation.
    """
    try:
        online = read_online(stores)
    except StateError:
        return None
    return online.events, rows_directory(stores, online.fingerprint)


def _of_few(
    con: duckdb.DuckDBPyConnection, folder: Path, tables: Iterable[str], customers: Sequence[str]
) -> dict[str, str]:
    """Return the relations of the rows that the copies of some tables have of a few customers."""
    files = _ordered(folder)
    for name in tables:
        con.register(f"own_{name}", files[name].of(customers))
    return {name: f"own_{name}" for name in tables}


@lru_cache(maxsize=2)
def _ordered(folder: Path) -> Mapping[str, OrderedFile]:
    """Keep the readers of the last two materialisations."""
    return {str(name): OrderedFile(folder / f"{name}.parquet") for name in TABLES}


def _with_logged(
    con: duckdb.DuckDBPyConnection,
    stores: StoreSettings,
    since: int,
    exported: Mapping[str, str],
    customers: Sequence[str] | None,
) -> dict[str, str]:
    """Return the relation of each table that takes rows of events, with those that are logged and not ingested yet."""
    log = EventLog(stores)
    if not log.exists or log.last() <= since:
        return {}
    logged = list(log.all(log.last())) if customers is None else log.of(customers)
    live = tables_of(one for one in logged if one.seq > since)
    # a later event may replace an order of an earlier one, so that orders of events all come from the log
    live["transactions"] = tables_of(logged)["transactions"]
    known = {**exported, "transactions": f"(FROM {exported['transactions']} WHERE {EVENT_ID.name} IS NULL)"}
    found = {}
    for name in EVENT_TABLES:
        con.register(f"logged_{name}", live[name])
        found[str(name)] = f"({with_events(known[name], f'logged_{name}', name)})"
    return found


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
