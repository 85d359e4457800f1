"""Compute the feature views at their snapshots, as far as anything has changed since the last time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir

from core.errors import ConfigError, DataError, StateError
from core.files import replacing
from core.progress import Report, silent
from core.settings import Settings, StoreSettings
from core.sql import copy, relation
from core.stamps import code_fingerprint, fingerprint, read_stamp, write_stamp
from features.contract.tables import TableName, contract_directory
from features.engine.completeness import complete_until, find_gaps, last_rows
from features.engine.duckdb import Sources, connect, read_sources
from features.engine.engines import open_engine
from features.engine.fingerprints import Seen
from features.engine.inputs import interaction_kinds, size_table
from features.engine.labelled import data_range
from features.engine.partitions import Partitions, Stamp
from features.engine.portions import learners, learning_share
from features.engine.vectors import services_of, vector_query, vector_views
from features.engine.write import file_of, files_of
from features.given import NONE_GIVEN, Given, with_assigned, with_given
from features.services import ModelSettings
from features.settings import CustomerSettings, TimeSettings
from features.snapshots import Gap, Schedule, Split, make_schedule, resolve_as_of
from features.views import VIEWS, views_of
from features.views.view import FeatureView

#: What features depend on besides data and settings.
_CODE = ("features.views", "features.spans", "features.engine", "features.snapshots", "features.given")


@dataclass(frozen=True)
class Built:
    """What building left: the folder of feature files, the schedule they follow, and rows per view."""

    directory: Path
    schedule: Schedule
    rows: dict[str, int]
    skipped: bool


def features_directory(stores: StoreSettings) -> Path:
    """Return the folder of the feature files."""
    return stores.data / "features"


def schedule_for(
    settings: Settings,
    first: datetime,
    as_of: datetime,
    *,
    sells: bool,
    complete: Mapping[TableName, datetime],
    given: Given = NONE_GIVEN,
    gaps: Sequence[Gap] = (),
) -> Schedule:
    """Lay out the snapshots that the models of the configuration need.

    Parameters
    ----------
    complete
        Until when contract tables are complete.
    given
        The moments that the data name.
    gaps
        Times without order lines.

    Raises
    ------
    DataError
        If the history is too short.
    """
    models = {model.section: model.windows for model in settings.every(ModelSettings)}
    labelled = {name: windows for name, windows in models.items() if windows.given}
    assigned = {name: windows for name, windows in models.items() if windows.assigned}
    others = {name: windows for name, windows in models.items() if name not in {*labelled, *assigned}}
    learns = any(sells or not windows.needs_sales for windows in others.values())
    if given.alone or (labelled and not learns):
        # nothing is learned along a grid, so that no history has to be long enough for one
        nothing = dict.fromkeys(others, Split())
        schedule = Schedule(first, as_of, (), nothing, dict.fromkeys(others, (as_of,)))
    else:
        time = settings[TimeSettings]
        schedule = make_schedule(time, others, first, as_of, sells=sells, complete=complete, gaps=gaps)
    return with_assigned(with_given(schedule, labelled, given.labelled), assigned, given.assigned)


def build_features(settings: Settings, now: datetime, report: Report = silent) -> Built:
    """Compute every feature view at its snapshots. All views are replaced together or not at all.

    Rows of snapshots that see the same as the last time are kept; where all do, nothing is done.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    DataError
        If the history is too short.
    """
    stores = settings[StoreSettings]
    laid = _lay_out(settings, now)
    schedule = laid.schedule
    as_of = schedule.as_of
    directory = features_directory(stores)
    stamp = _fingerprint(settings, schedule)
    old = read_stamp(directory)
    if old.get("fingerprint") == stamp:
        return Built(directory, schedule, old["rows"], skipped=True)
    con = connect(settings)
    sources = replace(read_sources(con, stores), labels=None)
    _check_attributes(sources.customers, settings[CustomerSettings].kept)
    kinds = interaction_kinds(con, sources)
    sizes = con.create_table("all_sizes", size_table(con.to_pandas(sources.products)), temp=True)
    wanted = {view: _snapshots_of(view, settings, schedule) for view in _used(settings)}
    runs = _runs(con, settings, sources, wanted, as_of)
    engine = open_engine(settings, con, sources, sizes)
    partitions = Partitions(_folders(stores), feature_computation(settings))
    with replacing(directory) as aside, _enough_memory(stores):
        for share, views in runs:
            moments = sorted({moment for moments in views.values() for moment in moments})
            seen = Seen(con, learners(sources, share), sizes, kinds, moments)
            computation = engine.computation(engine.con, settings, kinds, aside, partitions.keep(aside, views, seen))
            partitions.add(computation.run(learners(engine.sources, share), engine.sizes, report))
        _write_vectors(con, settings, aside, as_of)
        counts = partitions.rows()
        events = read_stamp(contract_directory(stores)).get("events", 0)
        made = {"first_event": schedule.data_start, "as_of": as_of, "sells": laid.sells, "kinds": sorted(kinds)}
        made |= {"events": events, "last_event": laid.last_event}
        made |= {"definition": feature_definition(settings), "partitions": partitions.stamp()}
        made |= {"complete": {table: moment.isoformat() for table, moment in laid.complete.items()}}
        made |= {"labelled": [moment.isoformat() for moment in laid.given.labelled]}
        made |= {"assigned": [moment.isoformat() for moment in laid.given.assigned], "alone": laid.given.alone}
        made |= {"gaps": [(last.isoformat(), following.isoformat()) for last, following in laid.gaps]}
        write_stamp(aside, {"fingerprint": stamp, "rows": counts, **made})
    return Built(directory, schedule, counts, skipped=False)


@dataclass(frozen=True)
class _LaidOut:
    """The schedule of the data as they are now, and what it was laid out by."""

    schedule: Schedule
    sells: bool
    last_event: datetime
    complete: Mapping[TableName, datetime]
    given: Given
    gaps: Sequence[Gap]


def _lay_out(settings: Settings, now: datetime) -> _LaidOut:
    reach = data_range(settings)
    as_of = resolve_as_of(settings[TimeSettings], reach.last, now)
    given = reach.given(as_of, has_attributes=bool(settings[CustomerSettings].kept))
    complete = complete_until(last_rows(settings, now), as_of)
    gaps = find_gaps(settings, as_of)
    schedule = schedule_for(settings, reach.first, as_of, sells=reach.sells, complete=complete, given=given, gaps=gaps)
    return _LaidOut(schedule, reach.sells, reach.last, complete, given, gaps)


def outdated(settings: Settings, now: datetime) -> str | None:
    """Say why `build_features` would compute anything; None where it would not.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    DataError
        If the history is too short.
    """
    old = read_stamp(features_directory(settings[StoreSettings]))
    if not old:
        return "There are no features yet."
    schedule = _lay_out(settings, now).schedule
    if old.get("fingerprint") == _fingerprint(settings, schedule):
        return None
    built = datetime.fromisoformat(old["as_of"])
    if built != schedule.as_of:
        return f"They are for {built:%Y-%m-%d}; now is {schedule.as_of:%Y-%m-%d}."
    return "Data, settings or code have changed."


def _folders(stores: StoreSettings) -> dict[Path, Stamp]:
    """Return the folders of features that partitions may be taken from, the own one first."""
    folders = [features_directory(stores)]
    if stores.shared is not None:
        folders.append(features_directory(StoreSettings(data=stores.shared)))
    return {folder: read_stamp(folder).get("partitions", {}) for folder in folders}


def _used(settings: Settings) -> tuple[FeatureView, ...]:
    """Return the views that any service takes."""
    used = {view.name for service in services_of(settings) for view in views_of(service)}
    return tuple(view for view in VIEWS if view.name in used)


def _runs(
    con: ibis.BaseBackend,
    settings: Settings,
    sources: Sources,
    wanted: Mapping[FeatureView, Sequence[datetime]],
    as_of: datetime,
) -> list[tuple[float, dict[FeatureView, list[datetime]]]]:
    """Return what to compute of which share of customers: past snapshots are learned from, the last is asked about."""
    share = learning_share(con, sources, settings[CustomerSettings].max_training_customers)
    learned: dict[FeatureView, list[datetime]] = {}
    asked: dict[FeatureView, list[datetime]] = {}
    for view, moments in wanted.items():
        # what is popular is so with all customers
        past = [t for t in moments if t < as_of] if share < 1 and view.entity == "customer" else []
        learned[view] = past
        asked[view] = [t for t in moments if t not in past]
    return [(part, views) for part, views in ((share, learned), (1.0, asked)) if any(views.values())]


def _snapshots_of(view: FeatureView, settings: Settings, schedule: Schedule) -> tuple[datetime, ...]:
    """Return the snapshots that the models need a view at."""
    needed = {
        moment
        for model in settings.every(ModelSettings)
        if view in views_of(model.service)
        for moment in schedule.needed[model.section]
    }
    return tuple(sorted(needed))


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
    old = read_stamp(features_directory(settings[StoreSettings]))
    if not old:
        raise StateError("Expected built features, found none.", "Run `encore features build` first.")
    first, as_of = (datetime.fromisoformat(old[name]) for name in ("first_event", "as_of"))
    complete = {table: datetime.fromisoformat(moment) for table, moment in old.get("complete", {}).items()}
    labelled, assigned = (tuple(map(datetime.fromisoformat, old.get(name, []))) for name in ("labelled", "assigned"))
    given = Given(labelled or (as_of,), assigned, alone=bool(old.get("alone", False)))
    gaps = [(datetime.fromisoformat(one), datetime.fromisoformat(other)) for one, other in old.get("gaps", [])]
    sells = bool(old["sells"])
    schedule = schedule_for(settings, first, as_of, sells=sells, complete=complete, given=given, gaps=gaps)
    if _fingerprint(settings, schedule) != old["fingerprint"]:
        raise StateError(
            "The features were built from other data, settings or code than those of now.",
            "Run `encore features build` again.",
        )
    return schedule, str(old["fingerprint"])


def _fingerprint(settings: Settings, schedule: Schedule) -> str:
    """Name what features depend on, and no more: an edit elsewhere makes none of them stale."""
    contract = read_stamp(contract_directory(settings[StoreSettings])).get("fingerprint")
    views = {view.name: _snapshots_of(view, settings, schedule) for view in _used(settings)}
    sample = settings[CustomerSettings].max_training_customers
    return fingerprint(contract, views, sample, feature_definition(settings))


def feature_definition(settings: Settings) -> str:
    """Name how a customer's features are computed, in this process: its code and settings, whatever the data."""
    services = [[service.name, [view.name for view in views_of(service)]] for service in services_of(settings)]
    return fingerprint(services, feature_computation(settings))


def feature_computation(settings: Settings) -> str:
    """Name how views are computed in this process, whichever views there are."""
    return fingerprint(settings[TimeSettings].history_days, settings[CustomerSettings].kept, _running_code())


@cache
def _running_code() -> str:
    """Name the code that this process runs; an upgrade may replace its files meanwhile."""
    return code_fingerprint(*_CODE)


def _check_attributes(customers: ir.Table, attributes: Sequence[str]) -> None:
    unknown = [name for name in attributes if name not in customers.columns]
    if unknown:
        raise ConfigError(
            f"[customers] names {unknown[0]!r}; the table of customers has {', '.join(customers.columns)}.",
            "Correct the name, or map the column in the input of customers.",
        )


def _write_vectors(con: ibis.BaseBackend, settings: Settings, directory: Path, as_of: datetime) -> None:
    for vector, views in vector_views(settings).items():
        rows = {view: f"SELECT * FROM {relation(*files_of(directory, view, as_of))}" for view in views}
        target = file_of(directory, vector, as_of)
        target.parent.mkdir()
        con.raw_sql(copy(vector_query(con.con, rows), target))
