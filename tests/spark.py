"""A small Spark for tests: two cores of this machine, one session a process."""

import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.settings import Settings, StoreSettings
from features.engine.write import files_of
from features.ingest.pipeline import ingest
from features.settings import FeatureSettings, TimeSettings
from tests.features.ingest.exports import settings_of

NOW = datetime(2025, 6, 1, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
#: What small data need: few partitions, and nothing that is compiled long for a query of a few rows.
_OPTIONS = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def on_spark(settings: Settings) -> Settings:
    """Settings with Spark as engine. It starts with the first use, with the memory limit of the settings."""
    options = [word for name, value in _OPTIONS.items() for word in ("--conf", f"{name}={value}")]
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join([*options, "pyspark-shell"])
    stores = settings[StoreSettings].model_copy(update={"memory_limit": "1GB"})
    return settings.replaced(FeatureSettings(engine="spark", spark_master="local[2]"), stores)


def ingested_shop(folder: Path, customers: int) -> Settings:
    """A shop with an order of each customer every 13 days; every second one stopped after 150 days."""
    lines = [
        f"c{c},c{c}-{day},p{(c + day) % 5},{START + timedelta(days=day + c % 11):%Y-%m-%d},1,{2 + day % 7}\n"
        for c in range(customers)
        for day in range(0, 150 + 100 * (c % 2), 13)
    ]
    header = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n"
    (folder / "orders.csv").write_text(header + "".join(lines))
    time = TimeSettings(snapshot_spacing_days=28, min_history_days=40)
    settings = settings_of(folder, {"columns": {}}).replaced(time)
    ingest(settings, NOW)
    return settings


def partition(directory: Path, view: str, moment: datetime) -> pd.DataFrame:
    """The rows of a view at a snapshot, in the order of entities."""
    files = files_of(directory, view, moment)
    assert files, f"no files of {view} at {moment}"
    rows = pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")
    frame: pd.DataFrame = rows.to_pandas()
    return frame.sort_values(rows.column_names[0], ignore_index=True)


def check_same(one: pd.DataFrame, other: pd.DataFrame, name: str) -> None:
    """Compare every column, to a millionth; that of one engine may be rounded the other way."""
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1.01e-6, obj=name)
