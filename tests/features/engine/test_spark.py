"""Spark computes what DuckDB computes: every view, executed, and a whole build."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ConfigError, StoreError
from core.progress import silent
from core.settings import Settings, StoreSettings
from core.stamps import read_stamp
from features.contract.arrow import arrow_schema
from features.contract.events import interaction_kinds
from features.contract.tables import table_path
from features.engine.build import build_features, features_directory
from features.engine.compute import DuckDBComputation
from features.engine.duckdb import read_sources
from features.engine.engines import open_engine
from features.engine.inputs import size_table
from features.engine.portions import learners
from features.engine.spark import open_spark, spark_answering
from features.settings import CustomerSettings
from features.views import VIEWS
from features.views.view import FeatureView
from tests.features.events import (
    SNAPSHOTS,
    as_table,
    make_customers,
    make_interactions,
    make_products,
    make_returns,
    make_subscriptions,
    make_transactions,
)
from tests.spark import NOW, check_same, ingested_shop, on_spark, partition

CUSTOMERS = 120
#: Days on which lines are late, corrected and given back again and again.
MOMENTS = (SNAPSHOTS[0] - timedelta(days=14), *SNAPSHOTS)


@dataclass(frozen=True)
class Computed:
    """The same views by both engines."""

    duckdb: Path
    spark: Path
    rows: tuple[Any, Any]


@pytest.fixture(scope="module")
def computed(con: Any, tmp_path_factory: pytest.TempPathFactory) -> Computed:
    folder = tmp_path_factory.mktemp("engines")
    settings = on_spark(Settings(StoreSettings(data=folder), CustomerSettings(attributes=("region",))))
    lines = make_transactions(5, 400)
    returns = make_returns(5, lines)
    frames = {
        "transactions": lines,
        "products": make_products(),
        "customers": make_customers(),
        "interactions": pd.concat([make_interactions(5), returns]),
        "subscriptions": make_subscriptions(5),
        "labels": pd.DataFrame(),
    }
    for name, frame in frames.items():
        write_contract(con, settings, name, frame)
    sources = read_sources(con, settings[StoreSettings])
    sizes = con.create_table("sizes_of_both", size_table(frames["products"]), temp=True)
    kinds, views = frozenset(interaction_kinds()), dict.fromkeys(VIEWS, MOMENTS)
    rows = []
    engine = open_engine(settings, con, sources, sizes)
    for name, computation in (
        ("duckdb", DuckDBComputation(con, settings, kinds, folder / "duckdb", views)),
        ("spark", engine.computation(engine.con, settings, kinds, folder / "spark", views)),
    ):
        own = (sources, sizes) if name == "duckdb" else (engine.sources, engine.sizes)
        rows.append(computation.run(*own, silent))
    return Computed(folder / "duckdb", folder / "spark", (rows[0], rows[1]))


def write_contract(con: Any, settings: Settings, name: Any, frame: pd.DataFrame) -> None:
    given = con.to_pyarrow(as_table(frame)) if len(frame) else pa.table({})
    columns = {
        field.name: given[field.name].cast(field.type) if field.name in given.column_names else None
        for field in arrow_schema(name)
    }
    nulls = {
        field.name: pa.nulls(len(given), field.type) for field in arrow_schema(name) if columns[field.name] is None
    }
    others = {other: given[other] for other in given.column_names if other not in columns}
    path = table_path(settings[StoreSettings], name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**columns, **nulls, **others}), path)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_column_of_a_view_is_that_of_duckdb(view: FeatureView, computed: Computed) -> None:
    for moment in MOMENTS:
        made = partition(computed.spark, view.name, moment)
        wanted = partition(computed.duckdb, view.name, moment)
        assert len(wanted)
        check_same(made, wanted, f"{view.name} {moment:%Y-%m-%d}")


def test_the_numbers_of_rows_are_the_same(computed: Computed) -> None:
    duckdb, spark = computed.rows
    assert spark == duckdb
    assert len(spark) == len(VIEWS) * len(MOMENTS)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    """A shop, built by each engine."""
    folder = tmp_path_factory.mktemp("shop")
    settings = ingested_shop(folder, CUSTOMERS)
    other = settings.replaced(settings[StoreSettings].model_copy(update={"data": folder / "spark"}))
    shutil.copytree(settings[StoreSettings].data, folder / "spark")
    build_features(settings, NOW)
    other = on_spark(other)
    build_features(other, NOW)
    return settings, other


def partitions(settings: Settings) -> list[tuple[str, str]]:
    directory = features_directory(settings[StoreSettings])
    return sorted({(file.parent.name, file.name[:24]) for file in directory.glob("*/*.parquet")})


def test_a_build_leaves_the_same_partitions(shops: tuple[Settings, Settings]) -> None:
    duckdb, spark = shops
    assert partitions(spark) == partitions(duckdb)
    one, other = (features_directory(settings[StoreSettings]) for settings in shops)
    for view, moment in partitions(duckdb):
        at = datetime.strptime(moment, "%Y-%m-%dT%H%M%S.%f").replace(tzinfo=UTC)
        if not view.endswith("_vector"):
            check_same(partition(other, view, at), partition(one, view, at), f"{view} {moment}")
    assert not [path for path in other.rglob("*") if path.is_dir() and not list(path.glob("*.parquet"))]


def test_models_learn_from_the_same_customers(shops: tuple[Settings, Settings], con: Any) -> None:
    _, settings = shops
    sources = read_sources(con, settings[StoreSettings])
    sizes = con.create_table("sizes_of_shop", size_table(con.to_pandas(sources.products)), temp=True)
    spark = open_engine(settings, con, sources, sizes)
    wanted = set(con.to_pandas(learners(sources, 0.25).transactions).customer_id)
    assert set(spark.con.to_pandas(learners(spark.sources, 0.25).transactions).customer_id) == wanted
    assert 0.1 < len(wanted) / CUSTOMERS < 0.4


def test_a_build_by_the_other_engine_keeps_what_is_there(shops: tuple[Settings, Settings]) -> None:
    assert build_features(on_spark(shops[0]), NOW).skipped
    made, kept = (read_stamp(features_directory(settings[StoreSettings])) for settings in shops)
    assert made["partitions"] == kept["partitions"]


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.engine.spark.SparkSession.getActiveSession", lambda: None)


@pytest.mark.usefixtures("no_session")
@pytest.mark.parametrize(
    ("says", "found"),
    [(None, "found none"), ('openjdk version "1.8.0_412"', "found Java 8"), ('java version "25"', "found Java 25")],
)
def test_without_a_fitting_java_an_error_says_what_to_install(
    says: str | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    if says:
        java = tmp_path / "bin/java"
        java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=f"Expected Java 17 to 21.*{found}.*openjdk-17"):
        open_spark(on_spark(Settings()))


def test_what_spark_raises_becomes_one_error(computed: Computed) -> None:
    assert computed.rows
    with pytest.raises(StoreError, match=r"Spark.*nothing_of_this_name.*stores.memory_limit"), spark_answering():
        open_spark(on_spark(Settings())).raw_sql("SELECT * FROM nothing_of_this_name")
