"""Run the expressions of feature views on Spark: on the cores of this machine, or on a cluster.

Expressions, sampling and files are those of DuckDB. What differs is here: ids stay texts, all snapshots are computed at
once, and Spark divides the work itself, so that there are no portions of customers. A cluster reads the contract tables
and writes the files of features itself: every machine of it needs the folder of the data under the same path.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.pyspark.datatypes import PySparkSchema
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as spark_functions

from core.errors import ConfigError, StoreError
from core.files import claim, claimed, remove_unfinished
from core.progress import Report, track
from core.settings import Settings, StoreSettings
from core.sql import spill_directory
from features.engine.computation import Computation, Rows
from features.engine.duckdb import Sources
from features.engine.inputs import view_tables
from features.engine.write import as_arrays, as_feature_rows, file_of
from features.settings import FeatureSettings
from features.spans.base import Inputs
from features.spans.snapshots import Snapshots
from features.views.view import FeatureView

#: The versions of Java that Spark 4.0 runs on.
_JAVA = range(17, 22)
#: What says which snapshot rows go to the files of.
_MICROS = "snapshot_micros"
#: A part of an expression with more relations than these is made a table where it is read several times.
_LARGE = 12


@dataclass
class SparkComputation(Computation):
    """The same on Spark: all snapshots of a view together, and no portions, since Spark divides the work itself."""

    def __post_init__(self) -> None:
        self._aside = self.directory

    def run(self, sources: Sources, sizes: ir.Table, report: Report) -> Rows:
        """Compute the views; returns the number of rows of each view and snapshot.

        Raises
        ------
        StoreError
            If Spark fails.
        """
        tables = view_tables(sources, sizes)
        together: dict[tuple[datetime, ...], list[FeatureView]] = {}
        for view, moments in self.views.items():
            together.setdefault(tuple(moments), []).append(view)
        every = {moments: Snapshots.of(moments) for moments in together}
        inputs = {moments: self._inputs(self._base(tables, one), one) for moments, one in every.items()}
        work = [(moments, view) for moments, views in together.items() for view in views]
        with claimed(spill_directory(self.settings[StoreSettings]) / "tables") as self._aside, spark_answering():
            for moments, view in track(report, work, lambda one: one[1].name):
                self._write(view, inputs[moments], moments)
        return self.rows

    def _keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Make a table in files: what Spark keeps in memory has the plan of all that it was made of."""
        name = f"base_{name}_{uuid4().hex}"
        folder = str((self._aside / name).resolve())
        self._rows_of(expression).write.parquet(folder)
        self.con.read_parquet(folder, table_name=name)
        # with the types of the expression, whether values can be missing among them
        return ibis.table(expression.schema(), name=name)

    def _rows_of(self, expression: ir.Table) -> DataFrame:
        return frame_of(self.con, divided(in_spark_words(expression), lambda part: self._keep("part", part)))

    def _write(self, view: FeatureView, inputs: Inputs, moments: Sequence[datetime]) -> None:
        """Write the files of a view: Spark those that have rows, beside the others, by snapshot."""
        expression = as_arrays(as_feature_rows(view, inputs), view)
        rows = self._rows_of(expression)
        micros = spark_functions.unix_micros("event_timestamp")
        # Spark makes files of a good size out of each snapshot's rows
        by_snapshot = rows.withColumn(_MICROS, micros).hint("rebalance", spark_functions.col(_MICROS))
        aside = (self.directory / f"{view.name}.spark").resolve()
        by_snapshot.sortWithinPartitions(_MICROS, view.key).write.partitionBy(_MICROS).parquet(str(aside))
        for moment in moments:
            target = file_of(self.directory, view.name, moment)
            target.parent.mkdir(parents=True, exist_ok=True)
            written = sorted((aside / f"{_MICROS}={round(moment.timestamp() * 1e6)}").glob("*.parquet"))
            if not written:
                pq.write_table(expression.schema().to_pyarrow().empty_table(), target)
            for number, file in enumerate(written):
                self.rows[view.name, moment] += pq.read_metadata(file).num_rows
                file.rename(file_of(self.directory, view.name, moment, number))
        shutil.rmtree(aside)


def in_spark_words(expression: ir.Table) -> ir.Table:
    """Write what Ibis' words for Spark mean something else by, or nothing at all.

    A number with a point is a decimal to Spark, which loses places when it is divided, and a share of quantiles has to
    be the same for all rows, those that a condition leaves out among them.
    """

    def written(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        node = node.__recreate__(changed) if changed else node
        if isinstance(node, ops.Literal) and node.dtype.is_floating():
            return ops.Cast(node, dt.float64)
        if isinstance(node, ops.Median | ops.Quantile) and node.where is not None:
            rows = ops.IfElse(node.where, node.arg, ops.Literal(None, node.arg.dtype))
            return node.copy(arg=rows, where=None)
        return node

    whole: ir.Table = expression.op().replace(written).to_expr()
    return whole


def divided(expression: ir.Table, keep: Callable[[ir.Table], ir.Table]) -> ir.Table:
    """Make tables of the large parts of an expression that are read in several places.

    Spark puts such a part, which Ibis names once, into each place that reads it: a plan of parts that are made of parts
    grows until no memory holds it, and each place computes the part again.
    """
    tables: dict[ops.Node, ops.Node] = {}
    sizes: dict[ops.Node, int] = {}
    places = Counter(part for relation in expression.op().find(ops.Relation) for part in _reads(relation))

    def measure(relation: ops.Relation) -> int:
        if relation not in sizes:
            sizes[relation] = 1 + sum(measure(part) for part in _reads(relation))
            if places[relation] > 1 and sizes[relation] > _LARGE:
                tables[relation] = keep(relation.replace(tables).to_expr()).op()
                sizes[relation] = 1
        return sizes[relation]

    measure(expression.op())
    whole: ir.Table = expression.op().replace(tables).to_expr()
    return whole


def _reads(relation: ops.Relation) -> Iterator[ops.Relation]:
    """Yield the relations that a relation is made of."""
    if isinstance(relation, ops.JoinReference):
        return
    for child in relation.__children__:
        part = child.table if isinstance(child, ops.JoinLink) else child
        if isinstance(part, ops.Relation):
            yield part.parent if isinstance(part, ops.JoinReference) else part


def frame_of(con: ibis.BaseBackend, expression: ir.Table) -> DataFrame:
    """Return the rows of an expression, with the types that it states: Spark makes small numbers of small literals."""
    name = f"expression_{uuid4().hex}"
    con.create_view(name, expression)
    rows = session_of(con).table(name)
    session_of(con).catalog.dropTempView(name)
    kinds = PySparkSchema.from_ibis(expression.schema())
    return rows.select(*(rows[field.name].cast(field.dataType) for field in kinds))


def session_of(con: ibis.BaseBackend) -> SparkSession:
    """Return Spark's own session of Ibis' connection."""
    session: SparkSession = con._session
    return session


def spark_table(con: ibis.BaseBackend, name: str, rows: pa.Table) -> ir.Table:
    """Make a table of rows."""
    session_of(con).createDataFrame(rows).createOrReplaceTempView(name)
    return con.table(name)


def open_spark(settings: Settings) -> ibis.BaseBackend:
    """Open the engine; a process has one session, which is kept until it ends.

    Raises
    ------
    ConfigError
        If there is no Java that Spark runs on.
    StoreError
        If Spark cannot be started, or the cluster does not answer.
    """
    master, stores = settings[FeatureSettings].spark_master, settings[StoreSettings]
    options: dict[str, bool | float | int | str | None] = {
        # Java writes 2g for 2GB
        "spark.driver.memory": stores.memory_limit.lower().removesuffix("b"),
        "spark.log.level": "ERROR",
        # paths are those of this machine, or of what all machines share, whatever else the cluster has
        "spark.hadoop.fs.defaultFS": "file:///",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Feast sets it for its own queries, in which names in quotes are patterns
        "spark.sql.parser.quotedRegexColumnNames": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # a division by zero makes a missing value; it does not end the build
        "spark.sql.ansi.enabled": "false",
    }
    if SparkSession.getActiveSession() is None:
        _check_java()
        remove_unfinished(spill_directory(stores))
        # its lock is held until this process ends
        options["spark.local.dir"] = str(claim(spill_directory(stores) / "spark")[0].resolve())
    if master.startswith("local"):
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with spark_answering(f" at {master}"):
        session = SparkSession.builder.master(master).appName("encore").config(map=options).getOrCreate()
    return ibis.pyspark.connect(session)


@contextmanager
def spark_answering(place: str = "") -> Iterator[None]:
    """Turn what Spark raises into one error."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        # Java's own words come after where Python asked for them
        problem = next((line.removeprefix(": ") for line in lines if line.startswith(": ")), lines[0])
        raise StoreError(
            f"Spark{place} does not answer as expected: {problem[:300].rstrip('.')}.",
            "Check features.spark_master and that the cluster runs; where memory ends, raise stores.memory_limit, "
            "which is that of Spark's driver.",
        ) from error


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    found = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""  # noqa: S603
    version = re.search(r'version "(?:1\.)?(\d+)', found)
    if version is None or int(version[1]) not in _JAVA:
        place = f"in JAVA_HOME, {home}," if home else "on the PATH,"
        raise ConfigError(
            f"Expected Java {_JAVA.start} to {_JAVA.stop - 1} {place} which Spark 4.0 runs on, found "
            f"{f'Java {version[1]}' if version else 'none'}.",
            "Install one, for example openjdk-17-jre-headless, or set JAVA_HOME.",
        )
