"""Read all customers: their features, and their rows of the score table (docs/decisions/0045).

Features are those of the materialisation that answers, read from its files as a whole. Customers with events since then
have the vectors of the online store, which follow those events. Moments become days from now when they are read, so
that recency ages between two materialisations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats
from core.errors import StateError, StoreError
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.categories import Texts, learn_attributes, numeric
from features.contract.erased import Erased, is_open
from features.engine.build import features_directory
from features.engine.write import files_of
from features.services import FeatureService
from features.store.materialized import Online
from features.store.online import Vector
from features.vectors import columns_from_frame, with_ages
from features.views import customer_views_of
from features.views.profile import ATTRIBUTE
from serving.scoring.part import Column
from serving.scoring.score_table import ScoreTable
from serving.segments.columns import RuleColumn
from serving.segments.population import Population
from training.churn.settings import ChurnSettings

_DAY = 86_400.0
#: Of the calendar, and the same for everybody.
_SEASON = frozenset({"season_sin", "season_cos"})
#: The features that rules may read: those of a profile.
_SERVICE: FeatureService = ChurnSettings.service

#: Returns the current vectors of customers; None for an unknown one.
Vectors = Callable[[FeatureService, Sequence[str]], list[Vector | None]]


@dataclass(frozen=True)
class _Features:
    """Features of customers, aligned with each other.

    Attributes
    ----------
    numbers
        With moments in seconds since 1970.
    stored_moments
        The names of the columns that are moments.
    at
        The moment that each customer's ages are counted to, in seconds since 1970.
    """

    customers: list[str]
    numbers: Columns
    texts: Texts
    stored_moments: frozenset[str]
    at: Floats


def read_population(
    settings: Settings, online: Online, vectors: Vectors, table: ScoreTable, as_of: datetime
) -> Population:
    """Read every customer whom the feature store or the score table knows; none whose erasure has begun.

    Parameters
    ----------
    online
        The materialisation whose features are read.
    vectors
        Reads the features of customers with events since.
    as_of
        The moment; not before the materialisation.

    Raises
    ------
    StateError
        If there are no files of the features that the online store holds.
    StoreError
        If a store cannot be read.
    """
    erased = Erased(settings[StoreSettings])
    changed = _open(erased, table.changed_since(online.as_of))
    found = {name: one for name, one in zip(changed, vectors(_SERVICE, changed), strict=True) if one is not None}
    scored, cells = table.every()
    known = frozenset(_open(erased, scored))
    features = _features(settings, online, erased, [*known, *found], as_of)
    _follow(features, found)
    columns, numbers, texts = _profile(features, as_of.timestamp())
    places = {customer: place for place, customer in enumerate(features.customers)}
    rows = np.array([places.get(customer, -1) for customer in scored], dtype="int64")
    for column in table.columns:
        columns[column.name] = RuleColumn(column.name, column.type, "scores", column.description)
        if column.type == "text":
            texts[column.name] = _spread(cells[column.name], rows, np.full(len(places), None, dtype=object))
        else:
            numbers[column.name] = _spread(cells[column.name], rows, np.full(len(places), np.nan))
    ordered = dict(sorted(columns.items()))
    return Population(features.customers, as_of, ordered, numbers, texts, online.fingerprint)


def population_then(frame: pd.DataFrame, moments: Floats, scored: Sequence[Column], made_from: str) -> Population:
    """Return customers as the feature store knew them at moments of their own; one place per row, in its order.

    Columns of the score table are there, and are missing for everybody: nobody keeps what they were then.

    Parameters
    ----------
    frame
        A point-in-time frame with `customer_id`; a customer may have several rows.
    moments
        Of each row, in seconds since 1970.
    scored
        The columns of the score table.
    """
    features = _of_frame(frame.drop(columns="event_timestamp", errors="ignore").set_index("customer_id"), moments)
    columns, numbers, texts = _profile(features, moments)
    for column in scored:
        columns[column.name] = RuleColumn(column.name, column.type, "scores", column.description)
        if column.type == "text":
            texts[column.name] = np.full(len(moments), None, dtype=object)
        else:
            numbers[column.name] = np.full(len(moments), np.nan)
    last = datetime.fromtimestamp(float(moments.max(initial=0.0)), tz=UTC)
    return Population(features.customers, last, dict(sorted(columns.items())), numbers, texts, made_from)


def _open(erased: Erased, customers: Sequence[str]) -> list[str]:
    """Return the customers whose erasure is not open."""
    gone = set(erased.open_among(customers))
    return [one for one in customers if one not in gone]


def _features(settings: Settings, online: Online, erased: Erased, others: Sequence[str], as_of: datetime) -> _Features:
    """Read the features of a materialisation; other customers have none yet."""
    hidden = f"WHERE NOT ({is_open('customer_id', erased.open())})"
    query = f"SELECT * FROM {_joined(features_directory(settings[StoreSettings]), online.as_of)} {hidden}"
    try:
        with engine(settings) as con:
            frame = con.execute(query).df().set_index("customer_id")
    except duckdb.Error as error:  # they may be built again at this moment
        raise StoreError(f"The feature files cannot be read: {error}.", "Try again, or build the features.") from error
    frame = frame.reindex(sorted({*frame.index, *others}))
    return _of_frame(frame, np.full(len(frame), as_of.timestamp()))


def _of_frame(frame: pd.DataFrame, at: Floats) -> _Features:
    """Take the features of a frame whose index has the ids of customers."""
    numbers = columns_from_frame(frame)
    texts = {str(name): _as_texts(values) for name, values in frame.items() if str(name) not in numbers}
    moments = frozenset(str(name) for name, values in frame.items() if isinstance(values.dtype, pd.DatetimeTZDtype))
    return _Features(list(frame.index), numbers, texts, moments, at)


def _joined(directory: Path, moment: datetime) -> str:
    """Return the rows of all views of customers at a moment, side by side, as an SQL relation.

    Raises
    ------
    StateError
        If there are none of that moment.
    """
    joined = ""
    for view in customer_views_of(_SERVICE):
        files = files_of(directory, view.name, moment)
        if not files:
            raise StateError(
                f"Expected the features of {moment:%Y-%m-%d}, which the online store holds, found others.",
                "Run `encore features materialize`.",
            )
        rows = f"(SELECT * EXCLUDE (event_timestamp, created_timestamp) FROM {relation(*files)}) AS {view.name}"
        joined += f" FULL JOIN {rows} USING (customer_id)" if joined else rows
    return joined


def _follow(features: _Features, found: Mapping[str, Vector]) -> None:
    """Put the features that follow events in the place of those of the materialisation."""
    places = {customer: place for place, customer in enumerate(features.customers)}
    for customer, vector in found.items():
        place = places[customer]
        for name, values in features.numbers.items():
            value = vector.values.get(name)
            values[place] = np.nan if value is None else value
        for name, texts in features.texts.items():
            texts[place] = vector.values.get(name)
        # ages are never negative, as in an answer about the customer
        features.at[place] = max(features.at[place], vector.moment.timestamp())


def _profile(features: _Features, now: float | Floats) -> tuple[dict[str, RuleColumn], dict[str, Floats], Texts]:
    """Return the columns of a profile, and the moments that its ages are counted from as days from now, in seconds."""
    attributes = {name: values for name, values in features.texts.items() if name.startswith(ATTRIBUTE)}
    read_as_numbers = learn_attributes(attributes).numbers
    numbers = with_ages(features.numbers, features.at) | numeric({name: attributes[name] for name in read_as_numbers})
    numbers = {name: _finite(values) for name, values in numbers.items() if name not in _SEASON}
    texts = {name: values for name, values in features.texts.items() if name not in read_as_numbers}
    columns = {name: RuleColumn(name, "number", "profile") for name in numbers}
    columns |= {name: RuleColumn(name, "text", "profile") for name in texts}
    for name in features.stored_moments:
        numbers[name] = (features.numbers[name] - now) / _DAY
        columns[name] = RuleColumn(name, "moment", "profile")
    return columns, numbers, texts


def _finite(values: Floats) -> Floats:
    """Return numbers with NaN in the place of infinite ones, as answers have them."""
    return np.where(np.isfinite(values), values, np.nan)


def _as_texts(values: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    return np.array([value if isinstance(value, str) else None for value in values], dtype=object)


def _spread(values: Sequence[Any], places: npt.NDArray[np.int64], empty: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Put the values of rows to the places of their customers; a place of -1 is nobody's."""
    given = np.array([np.nan if value is None and empty.dtype != object else value for value in values], empty.dtype)
    empty[places[places >= 0]] = given[places >= 0]
    return empty
