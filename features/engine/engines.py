"""The engines that feature expressions run on; one of the settings is chosen."""

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from core.settings import Settings, StoreSettings
from features.engine.computation import Computation
from features.engine.compute import DuckDBComputation
from features.engine.duckdb import Sources, read_sources
from features.settings import FeatureSettings


@dataclass(frozen=True)
class Engine:
    """An open engine, with the tables that features are made from.

    Attributes
    ----------
    con
        Ibis' connection.
    sources
        The contract tables, as tables of this engine.
    sizes
        What each product's package holds, as a table of this engine.
    computation
        Computes views of these tables to files.
    """

    con: ibis.BaseBackend
    sources: Sources
    sizes: ir.Table
    computation: type[Computation]


def open_engine(settings: Settings, con: ibis.BaseBackend, sources: Sources, sizes: ir.Table) -> Engine:
    """Open the engine of the settings.

    Parameters
    ----------
    con, sources, sizes
        DuckDB and its tables; where Spark is chosen it opens its own ones of the same files.

    Raises
    ------
    ConfigError, StoreError
        If Spark is chosen, and cannot be started.
    """
    if settings[FeatureSettings].engine == "duckdb":
        return Engine(con, sources, sizes, DuckDBComputation)
    # an extra
    from features.engine.spark import SparkComputation, open_spark, spark_table  # noqa: PLC0415

    spark = open_spark(settings)
    files = replace(read_sources(spark, settings[StoreSettings]), labels=None)
    return Engine(spark, files, spark_table(spark, "sizes", con.to_pyarrow(sizes)), SparkComputation)
