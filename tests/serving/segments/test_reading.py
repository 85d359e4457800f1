"""Customers as they are read: features of files, events since, rows of the score table; nobody who is being erased."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import StateError, StoreError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.engine.build import features_directory
from features.engine.write import file_of
from features.store.materialized import Online
from features.store.online import Vector
from features.views import customer_views_of
from serving.scoring.part import Column
from serving.scoring.score_table import Kept, ScoreTable
from serving.segments.population import Population
from serving.segments.reading import population_then, read_population
from training.churn.settings import ChurnSettings

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
ONLINE = Online("online", NOW, True, frozenset(), 0, "")
COLUMNS = (Column("risk", "number", "Risk"), Column("tier", "text", "Tier"))
#: By view: customers and features. Views without a line have no rows.
ROWS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "customer_activity": {
        "customer_id": ["a", "b", "c"],
        "baskets_total": [3, 5, 1],
        "last_purchase": [NOW - timedelta(days=10), NOW - timedelta(days=1), NOW - timedelta(days=40)],
    },
    "customer_value": {"customer_id": ["a", "c"], "amount_total": [12.5, float("inf")]},
    "customer_profile": {
        "customer_id": ["a", "b", "d"],
        "attribute_city": ["Köln", None, "Ulm"],
        "attribute_age": ["31", "62", "45"],
    },
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(StoreSettings(data=tmp_path))
    for view in customer_views_of(ChurnSettings.service):
        rows = pa.table(dict(ROWS.get(view.name, {"customer_id": pa.array([], pa.string())})))
        for moment in (NOW - timedelta(days=7), NOW):  # an earlier snapshot has other rows
            kept = rows if moment == NOW else rows.slice(0, 0)
            stamps = pa.array([moment] * kept.num_rows, pa.timestamp("us", "UTC"))
            kept = kept.append_column("event_timestamp", stamps).append_column("created_timestamp", stamps)
            path = file_of(features_directory(settings[StoreSettings]), view.name, moment)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(kept, path)
    return settings


@pytest.fixture
def table(settings: Settings) -> ScoreTable:
    made = ScoreTable(settings[StoreSettings], COLUMNS)
    for customer, risk in {"a": 0.7, "b": None, "x": 0.2}.items():
        kept = {customer: Kept("model", NOW, NOW, True, b"{}")}
        made.keep("risk", kept, made.erasures(), {customer: {"risk": risk, "tier": "low"}})
    return made


def read(settings: Settings, table: ScoreTable, vectors: Mapping[str, Vector] | None = None) -> Population:
    found = vectors or {}
    return read_population(settings, ONLINE, lambda _, asked: [found.get(one) for one in asked], table, LATER)


def values(everyone: Population, column: str) -> dict[str, Any]:
    found = everyone.numbers[column] if column in everyone.numbers else everyone.texts[column]
    known = [None if isinstance(one, float) and np.isnan(one) else one for one in found]
    return dict(zip(everyone.customers, known, strict=True))


def test_everybody_has_features_and_scores_as_far_as_there_are(settings: Settings, table: ScoreTable) -> None:
    everyone = read(settings, table)
    assert everyone.customers == ["a", "b", "c", "d", "x"]
    assert values(everyone, "baskets_total") == {"a": 3, "b": 5, "c": 1, "d": None, "x": None}
    assert values(everyone, "amount_total") == {"a": 12.5, "b": None, "c": None, "d": None, "x": None}
    assert values(everyone, "risk") == {"a": 0.7, "b": None, "c": None, "d": None, "x": 0.2}
    assert values(everyone, "tier") == {"a": "low", "b": "low", "c": None, "d": None, "x": "low"}
    assert values(everyone, "attribute_city") == {"a": "Köln", "b": None, "c": None, "d": "Ulm", "x": None}
    assert values(everyone, "attribute_age") == {"a": 31, "b": 62, "c": None, "d": 45, "x": None}
    assert {name: one.kind for name, one in everyone.columns.items() if name in {"risk", "tier", "last_purchase"}} == {
        **{"risk": "number", "tier": "text", "last_purchase": "moment"}
    }
    assert everyone.columns["attribute_age"].kind == "number"
    assert set(everyone.columns) == {*everyone.numbers, *everyone.texts}


def test_ages_grow_with_the_clock(settings: Settings, table: ScoreTable) -> None:
    everyone = read(settings, table)
    assert values(everyone, "last_purchase") == {"a": -12, "b": -3, "c": -42, "d": None, "x": None}
    assert values(everyone, "recency_days") == {"a": 12, "b": 3, "c": 42, "d": None, "x": None}


def test_customers_with_events_have_the_features_that_follow_them(settings: Settings, table: ScoreTable) -> None:
    moment = NOW + timedelta(days=1)
    table.changed(["b", "new", "gone"], moment)
    bought = {"baskets_total": 6, "last_purchase": moment.timestamp() - 60, "attribute_city": "Bonn"}
    everyone = read(settings, table, {"b": Vector(moment, bought), "new": Vector(moment, {"baskets_total": 1})})
    assert everyone.customers == ["a", "b", "c", "d", "new", "x"]
    assert values(everyone, "baskets_total") == {"a": 3, "b": 6, "c": 1, "d": None, "new": 1, "x": None}
    assert values(everyone, "recency_days")["b"] == pytest.approx(1 + 60 / 86_400)
    assert values(everyone, "attribute_city")["b"] == "Bonn"
    assert values(everyone, "attribute_age")["b"] is None, "the vector does not have it any more"


def test_nobody_is_read_whose_erasure_has_begun(settings: Settings, table: ScoreTable) -> None:
    table.changed(["c"], NOW + timedelta(days=1))
    for gone in ("a", "c", "x"):
        Erased(settings[StoreSettings]).add(gone, NOW)
    everyone = read(settings, table, {"c": Vector(NOW, {"baskets_total": 9})})
    assert everyone.customers == ["b", "d"]
    Erased(settings[StoreSettings]).close("a")
    assert "a" in read(settings, table).customers, "files without the customer are written before an erasure is closed"


def test_features_of_another_moment_are_not_taken(settings: Settings, table: ScoreTable) -> None:
    other = Online("online", NOW - timedelta(days=1), True, frozenset(), 0, "")
    with pytest.raises(StateError, match="Expected the features of 2024-04-30"):
        read_population(settings, other, lambda _, asked: [None] * len(asked), table, LATER)


def test_a_file_that_cannot_be_read_is_an_error_of_ours(settings: Settings, table: ScoreTable) -> None:
    file_of(features_directory(settings[StoreSettings]), "customer_value", NOW).write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="feature files cannot be read"):
        read(settings, table)


def test_customers_of_the_past_are_those_of_their_own_moment() -> None:
    moments = [NOW, NOW + timedelta(days=7), NOW]
    bought = [NOW - timedelta(days=2), NOW - timedelta(days=2), None]
    columns = {"customer_id": ["b", "b", "a"], "event_timestamp": moments, "attribute_city": ["Ulm", "Bonn", None]}
    frame = pd.DataFrame({**columns, "last_purchase": pd.to_datetime(pd.Series(bought), utc=True)})
    then = population_then(frame, np.array([one.timestamp() for one in moments]), COLUMNS, "past")
    assert then.customers == ["b", "b", "a"], "in the order of the rows"
    assert then.numbers["recency_days"].tolist()[:2] == [2, 9]
    assert then.numbers["last_purchase"].tolist()[:2] == [-2, -9]
    assert np.isnan(then.numbers["recency_days"][2])
    assert then.texts["attribute_city"].tolist() == ["Ulm", "Bonn", None]
    # what scores were then is not kept: the columns are there, so that rules may read them
    assert np.isnan(then.numbers["risk"]).all()
    assert then.texts["tier"].tolist() == [None] * 3
    assert then.columns["risk"].source == "scores"
    assert then.as_of == NOW + timedelta(days=7)
