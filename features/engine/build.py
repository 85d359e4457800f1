"""Run the feature expressions at every snapshot and write one Parquet file a feature view."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from core.batches import batches
from core.errors import ConfigError, DataError, StateError
from core.progress import Report, silent, track
from core.settings import Settings, StoreSettings
from core.sql import copy, relation
from core.state import code_fingerprint, fingerprint, read_stamp, replacing, write_stamp
from features.contract.tables import contract_directory
from features.engine.sample import learners, learning_share, portions
from features.engine.sources import Sources, connect, event_range, read_sources
from features.services import (
    CUSTOMER_VIEWS,
    PRODUCT_VIEWS,
    PURCHASE_VIEWS,
    customer_services,
    vector_query,
    vector_view,
)
from features.snapshots import Schedule, make_schedule, resolve_as_of
from features.views.activity import activity
from features.views.engagement import engagement
from features.views.habit import habit
from features.views.preference import preference
from features.views.profile import profile
from features.views.purchases import goods, history, pairs, product_statistics, types_bought
from features.views.sizes import measured
from features.views.subscription import subscription
from features.views.usage import KINDS, usage
from features.views.value import value
from features.views.visible import visible

#: Snapshots computed in one query: enough to share a scan, few enough to stay in memory.
_BATCH = 8
#: Customers whose features of one snapshot are computed in one query, where there are very many: medians and lists of
#: all of them at once do not fit into memory.
_PORTION = 250_000
_OF_CUSTOMERS = tuple(view for view in PURCHASE_VIEWS if view not in PRODUCT_VIEWS)


@dataclass(frozen=True)
class Built:
    """What building left: the folder of feature files, the schedule they follow, and rows per view."""

    directory: Path
    schedule: Schedule
    rows: dict[str, int]
    skipped: bool


#: The table that the views of purchases share.
BOUGHT = "bought"
_Views = Callable[[Sources, ir.Table], dict[str, ir.Table]]


def features_directory(stores: StoreSettings) -> Path:
    """Return the folder of the feature files."""
    return stores.data / "features"


def build_features(settings: Settings, now: datetime, report: Report = silent) -> Built:
    """Compute every feature view at its snapshots. All views are replaced together or not at all.

    Skipped where the contract tables, the snapshots and the feature code are those of the last time.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    DataError
        If the history is too short.
    """
    first, last, sells = event_range(settings.stores)
    as_of = resolve_as_of(settings, last, now)
    schedule = make_schedule(settings, first, as_of, sells=sells)
    directory = features_directory(settings.stores)
    stamp = _fingerprint(settings, schedule)
    old = read_stamp(directory)
    if old.get("fingerprint") == stamp:
        return Built(directory, schedule, old["rows"], skipped=True)
    con = connect(settings)
    sources = read_sources(con, settings.stores)
    _check_attributes(sources.customers, settings.customers.kept)
    kinds = interaction_kinds(con, sources)
    work = _plan(con, settings, sources, schedule, kinds)
    with replacing(directory) as aside, _enough_memory(settings.stores):
        for number, (views, of, batch) in enumerate(track(report, work, lambda job: f"{job[2][-1]:%Y-%m-%d}")):
            for name, expression in views(of, snapshot_table(batch)).items():
                (aside / "parts" / name).mkdir(parents=True, exist_ok=True)
                con.to_parquet(as_feature_rows(expression), aside / "parts" / name / f"{number:04}.parquet")
        rows = {name: _merge(con, aside, name) for name in (*CUSTOMER_VIEWS, *PURCHASE_VIEWS)}
        (aside / "parts").rmdir()
        _write_vectors(con, aside, as_of)
        events = read_stamp(contract_directory(settings.stores)).get("events", 0)
        made = {"first_event": first, "as_of": as_of, "sells": sells, "kinds": sorted(kinds), "events": events}
        write_stamp(aside, {"fingerprint": stamp, "rows": rows, **made})
    return Built(directory, schedule, rows, skipped=False)


def _plan(
    con: ibis.BaseBackend, settings: Settings, sources: Sources, schedule: Schedule, kinds: frozenset[str]
) -> list[tuple[_Views, Sources, Sequence[datetime]]]:
    """Return what to compute: some views, of some of the data, at some snapshots, in queries that fit into memory."""
    sizes = size_table(con.to_pandas(sources.products))

    def of_customers(some: Sources, snapshots: ir.Table) -> dict[str, ir.Table]:
        return customer_views(some, snapshots, settings.customers.kept, kinds)

    def of_purchases(some: Sources, snapshots: ir.Table, names: Sequence[str]) -> dict[str, ir.Table]:
        con.drop_table(BOUGHT, force=True)  # of the batch before
        bought = con.create_table(BOUGHT, bought_pairs(some, snapshots, settings.time.history_days), temp=True)
        views = purchase_views(some, bought, snapshots, sizes)
        return {name: views[name] for name in names}

    share = learning_share(con, sources, settings.customers.learned_from)
    # past snapshots are learned from, the last one is asked about
    past = [t for t in schedule.customer_snapshots if t < schedule.as_of or share >= 1]
    some, everybody = learners(sources, share), portions(con, sources, _PORTION)
    work: list[tuple[_Views, Sources, Sequence[datetime]]] = [
        *((of_customers, some, batch) for batch in batches(past, _BATCH)),
        *((of_customers, of, [t]) for t in schedule.customer_snapshots if t not in past for of in everybody),
    ]
    for snapshot in schedule.purchase_snapshots:
        if share >= 1:
            work.append((partial(of_purchases, names=PURCHASE_VIEWS), sources, [snapshot]))
            continue
        # what is popular is so with all of them
        work.append((partial(of_purchases, names=PRODUCT_VIEWS), sources, [snapshot]))
        asked = everybody if snapshot == schedule.as_of else [some]
        work += [(partial(of_purchases, names=_OF_CUSTOMERS), of, [snapshot]) for of in asked]
    return work


@contextmanager
def _enough_memory(stores: StoreSettings) -> Iterator[None]:
    """Say what can be done where the engine does not get through."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DataError(
            f"The features need more memory than stores.memory_limit, {stores.memory_limit}.",
            "Raise stores.memory_limit, or lower time.history_days.",
        ) from error


def built_schedule(settings: Settings) -> tuple[Schedule, str]:
    """Return the snapshots that features were built at, and the fingerprint of what they were built from.

    Raises
    ------
    StateError
        If none were built, or from other data, settings or code than now.
    """
    old = read_stamp(features_directory(settings.stores))
    if not old:
        raise StateError("Expected built features, found none.", "Run `encore features build` first.")
    first, as_of = (datetime.fromisoformat(old[name]) for name in ("first_event", "as_of"))
    schedule = make_schedule(settings, first, as_of, sells=bool(old["sells"]))
    if _fingerprint(settings, schedule) != old["fingerprint"]:
        raise StateError(
            "The features were built from other data, settings or code than those of now.",
            "Run `encore features build` again.",
        )
    return schedule, str(old["fingerprint"])


def _fingerprint(settings: Settings, schedule: Schedule) -> str:
    contract = read_stamp(contract_directory(settings.stores)).get("fingerprint")
    snapshots = [schedule.customer_snapshots, schedule.purchase_snapshots]
    return fingerprint(contract, settings.time, settings.customers, *snapshots, code_fingerprint("core", "features"))


def _check_attributes(customers: ir.Table, attributes: Sequence[str]) -> None:
    unknown = [name for name in attributes if name not in customers.columns]
    if unknown:
        raise ConfigError(
            f"[customers] names {unknown[0]!r}; the table of customers has {', '.join(customers.columns)}.",
            "Correct the name, or map the column in the input of customers.",
        )


def snapshot_table(snapshots: Sequence[datetime]) -> ir.Table:
    """Return a table of one column, `snapshot`."""
    column = pa.array(list(snapshots), pa.timestamp("us", tz="UTC"))
    return ibis.memtable(pa.table({"snapshot": column}))


def size_table(products: pd.DataFrame) -> ir.Table:
    """Return `measured` as a table for expressions."""
    return ibis.memtable(pa.Table.from_pandas(measured(products), preserve_index=False))


def interaction_kinds(con: ibis.BaseBackend, sources: Sources) -> frozenset[str]:
    """Return the kinds of interactions that the data have; what none of them says does not exist as a feature."""
    return frozenset(con.to_pandas(sources.interactions.select("kind").distinct()).kind)


def customer_views(
    sources: Sources, snapshots: ir.Table, attributes: Sequence[str], kinds: frozenset[str]
) -> dict[str, ir.Table]:
    """Return the expression of every view of customers, by name.

    Parameters
    ----------
    attributes
        Columns of customers that are kept as texts.
    kinds
        Of interactions, of all customers: no interactions at all is not the same as a customer with none.
    """
    active = activity(sources.transactions, snapshots)
    contracts = subscription(sources.subscriptions, snapshots)
    met = visible(sources.interactions, snapshots)
    keys = [table.select("customer_id", "snapshot") for table in (active, contracts, met)]
    known = ibis.union(*keys, distinct=True)
    engaged, used = engagement(sources.interactions, known, snapshots), usage(sources.interactions, known, snapshots)
    return {
        "customer_activity": active,
        "customer_habit": habit(sources.transactions, snapshots),
        "customer_value": value(sources.transactions, snapshots),
        "customer_preference": preference(sources.transactions, sources.products, snapshots),
        "customer_engagement": engaged if kinds else engaged.limit(0),
        "customer_usage": used if kinds & set(KINDS) else used.limit(0),
        "customer_subscription": contracts,
        "customer_profile": profile(sources.customers, sources.interactions, snapshots, attributes),
    }


def bought_pairs(sources: Sources, snapshots: ir.Table, history_days: int) -> ir.Table:
    """Return what each customer bought of each product that can be offered."""
    return pairs(goods(sources.transactions, sources.products), snapshots, history_days)


def purchase_views(sources: Sources, bought: ir.Table, snapshots: ir.Table, sizes: ir.Table) -> dict[str, ir.Table]:
    """Return the expression of every view of purchases, by name.

    Parameters
    ----------
    bought
        The table of `bought_pairs`, which they share.
    """
    return {
        "customer_history": history(bought),
        "customer_types": types_bought(goods(sources.transactions, sources.products), sizes, snapshots),
        "product_statistics": product_statistics(bought),
    }


def as_feature_rows(expression: ir.Table) -> ir.Table:
    """Name the snapshot as Feast wants it. A row computed for a snapshot counts as written at it.

    Numbers are kept to six decimals: threads add in no fixed order, and without the noise in the last bits
    the same data make the same features, and the same features the same model.
    """
    renamed = expression.rename(event_timestamp="snapshot")
    rounded = {name: renamed[name].round(6) for name, kind in renamed.schema().items() if kind.is_floating()}
    return renamed.mutate(**rounded, created_timestamp=renamed.event_timestamp)


def _merge(con: ibis.BaseBackend, directory: Path, name: str) -> int:
    parts = directory / "parts" / name
    target = directory / f"{name}.parquet"
    con.raw_sql(copy(f"FROM {relation(parts / '*.parquet')}", target))
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()
    return int(con.raw_sql(f"SELECT count(*) FROM {relation(target)}").fetchall()[0][0])


def _write_vectors(con: ibis.BaseBackend, directory: Path, as_of: datetime) -> None:
    for service, views in customer_services().items():
        rows = {
            view: f"SELECT * FROM {relation(directory / f'{view}.parquet')} WHERE epoch(event_timestamp) = "
            f"{as_of.timestamp()}"
            for view in views
        }
        con.raw_sql(copy(vector_query(con.con, rows), directory / f"{vector_view(service)}.parquet"))
