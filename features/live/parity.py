"""Whether customers are served what training would see of them: the same features online and offline.

For each customer of a sample, the vector that the online store holds and the one that an event would put in its place
are compared with the one that the engine of the build computes from the same rows and events, for the same moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Literal

import orjson

from core.progress import Report, part_of, silent
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.erased import Erased
from features.contract.ids import is_placeholder
from features.contract.tables import CUSTOMER_TABLES, FEATURE_TABLES
from features.engine.vectors import services_of, vector_view
from features.live.computation import CustomerFeatures
from features.live.log import EventLog, Logged
from features.live.replay import Vectors, replayed
from features.store.feature_store import Store
from features.store.materialized import Online, OutdatedFeaturesError, read_online, rows_directory, updating
from features.views import customer_views_of

#: Features are rounded to six decimals, of which the last one depends on the order of a sum.
TOLERANCE = 1e-6

#: The features that are compared with the offline ones: those in the online store, or those of an event.
Way = Literal["served", "replayed"]


@dataclass(frozen=True)
class Difference:
    """A feature that is not the same online and offline.

    Attributes
    ----------
    moment
        The moment that it was computed for.
    way
        `served`: the online store holds the value. `replayed`: the computation after an event gives it.
    online, offline
        The values; None where there is none, seconds since 1970 for moments.
    """

    customer_id: str
    view: str
    column: str
    moment: datetime
    way: Way
    online: Any
    offline: Any


@dataclass(frozen=True)
class Parity:
    """The result of a comparison.

    Attributes
    ----------
    customers
        Number of customers that were compared.
    with_events
        Of these, those with events in the log.
    left_out
        Customers of the sample whose events are not applied yet, or whose erasure is not complete.
    values
        Number of pairs of values that were compared.
    """

    customers: int
    with_events: int
    left_out: int
    values: int
    differences: tuple[Difference, ...]


def verify_parity(settings: Settings, sample: int, seed: int = 0, report: Report = silent) -> Parity:
    """Compare the features of a sample of customers online and offline, to `TOLERANCE`.

    Half of the sample are customers with events in the log, as far as there are any.

    Parameters
    ----------
    sample
        Number of customers.
    seed
        Another seed draws other customers.

    Raises
    ------
    StateError
        If nothing was materialised, or by code or settings other than those of this process.
    StoreError
        If the online store or the event log does not answer.
    """
    online = read_online(settings[StoreSettings])
    if online.is_outdated(settings):
        raise OutdatedFeaturesError
    log = EventLog(settings[StoreSettings])
    drawn = _drawn(settings, online, log, sample, seed)
    report(0.0, "online store")
    served = _served(settings, online, log, drawn)
    report(0.1, "features after events")
    features = CustomerFeatures(settings, online)
    again = _after_events(features, log, served.wanted)
    rebuilt = replayed(settings, online, served.events, served.wanted, part_of(report, 0.3, 1.0))
    values, differences = 0, []
    for moment, customers in served.wanted.items():
        for customer in customers:
            ways: dict[Way, Vectors] = {"served": served.vectors[customer], "replayed": again[customer]}
            for way, vectors in ways.items():
                for view, column, one, other in _pairs(settings, features.names, vectors, rebuilt.get(customer, {})):
                    values += 1
                    if not _same(one, other):
                        differences.append(Difference(customer, view, column, moment, way, one, other))
    with_events = len({logged.event.customer_id for logged in served.events})
    return Parity(len(served.vectors), with_events, len(drawn) - len(served.vectors), values, tuple(differences))


@dataclass(frozen=True)
class _Served:
    """What the online store holds of some customers, with all their events, and the customers by moment."""

    vectors: dict[str, Vectors]
    events: list[Logged]
    wanted: dict[datetime, list[str]]


def _drawn(settings: Settings, online: Online, log: EventLog, sample: int, seed: int) -> list[str]:
    """Draw customers with events, and customers with rows."""
    draw = Random(seed)  # noqa: S311 - a sample, no secret
    reported = [one for one in log.customers() if not is_placeholder(one)]
    chosen = draw.sample(reported, min(len(reported), sample - sample // 2))
    folder = rows_directory(settings[StoreSettings], online.fingerprint)
    files = [folder / f"{name}.parquet" for name in FEATURE_TABLES if name in CUSTOMER_TABLES]
    with engine(settings) as con:
        query = f"SELECT DISTINCT customer_id FROM {relation(*files)} ORDER BY 1"
        known = [str(one) for (one,) in con.execute(query).fetchall()]
    others = sorted({*known, *reported} - {*chosen})
    return sorted([*chosen, *draw.sample(others, min(len(others), sample - len(chosen)))])


def _served(settings: Settings, online: Online, log: EventLog, drawn: Sequence[str]) -> _Served:
    """Read vectors and events while no other process changes them, so that they belong together."""
    store = Store(settings).online
    with updating(settings[StoreSettings]):
        log.use_materialization(online.fingerprint, online.events, online.as_of)
        waiting = {*log.pending(), *Erased(settings[StoreSettings]).open_among(drawn)}
        customers = [one for one in drawn if one not in waiting]
        events = log.of(customers)
        vectors: dict[str, Vectors] = {customer: {} for customer in customers}
        moments = dict.fromkeys(customers, online.as_of)
        for service in services_of(settings):
            for customer, vector in zip(customers, store.vectors(service, customers), strict=True):
                if vector is not None:
                    vectors[customer][vector_view(service)] = vector.values
                    moments[customer] = vector.moment
    wanted: dict[datetime, list[str]] = {}
    for customer, moment in moments.items():
        wanted.setdefault(moment, []).append(customer)
    return _Served(vectors, events, wanted)


def _after_events(
    features: CustomerFeatures, log: EventLog, wanted: Mapping[datetime, Sequence[str]]
) -> dict[str, Vectors]:
    """Return the vectors that an update after events would write, by customer."""
    vectors: dict[str, Vectors] = {}
    for moment, customers in wanted.items():
        for name, texts in features.vectors(log, customers, moment).items():
            for customer, text in texts.items():
                vectors.setdefault(customer, {})[name] = orjson.loads(text)
    return vectors


def _pairs(
    settings: Settings, names: Mapping[str, Sequence[str]], online: Vectors, offline: Vectors
) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield view, column, and both values of each feature of a customer; a vector that is missing has no values."""
    for service in services_of(settings):
        one, other = (vectors.get(vector_view(service), {}) for vectors in (online, offline))
        for view in customer_views_of(service):
            for column in names[view.name]:
                yield view.name, column, one.get(column), other.get(column)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - as JSON has them
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        # to the nearest millionth, as the difference of two rounded numbers has noise of its own
        return round(abs(one - other) / TOLERANCE) <= 1
    return bool(one == other)
