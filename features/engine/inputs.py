"""What expressions read, from tables of an engine."""

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from features.contract.tables import FEATURE_TABLES
from features.engine.duckdb import Sources
from features.spans.base import Tables
from features.views.sizes import measured

_TERMS = "array<struct<until_timestamp: timestamp, end_timestamp: timestamp, price: float64>>"
_SIZES = pa.schema(
    [("product_id", pa.string()), ("type", pa.string()), ("unit", pa.string()), ("contents", pa.float64())]
)


def view_tables(sources: Sources, sizes: ir.Table) -> Tables:
    """Return the tables that views read, with moments in UTC without a time zone, which engines reckon with faster.

    Labels are not among them: no feature can be made of what models learn.
    """
    return Tables(**{name: without_zones(getattr(sources, name)) for name in FEATURE_TABLES}, sizes=sizes)


@ibis.udf.scalar.builtin(signature=(("timestamp('UTC')",), "timestamp"))  # type: ignore[untyped-decorator]
def to_timestamp_ntz(_: ir.TimestampValue) -> None:
    """Return a moment in UTC without a time zone: Spark's function, and a macro of `connect` in DuckDB."""


def without_zones(table: ir.Table) -> ir.Table:
    """Write moments in UTC without a time zone."""
    zoned = [name for name, kind in table.schema().items() if kind.is_timestamp() and kind.timezone]
    plain = {name: to_timestamp_ntz(table[name]) for name in zoned}
    if "earlier_terms" in table.columns:
        plain["earlier_terms"] = table.earlier_terms.cast(_TERMS)
    return table.mutate(**plain)


def snapshot_table(snapshots: Sequence[datetime]) -> ir.Table:
    """Return a table of one column, `snapshot`."""
    column = pa.array(list(snapshots), pa.timestamp("us", tz="UTC"))
    return ibis.memtable(pa.table({"snapshot": column}))


def size_table(products: pd.DataFrame) -> ir.Table:
    """Return `measured` as a table for expressions, with its types where it has no values too."""
    sizes = measured(products).astype(dict.fromkeys(("product_id", "type", "unit"), object))
    return ibis.memtable(pa.Table.from_pandas(sizes, schema=_SIZES, preserve_index=False))


def interaction_kinds(con: ibis.BaseBackend, sources: Sources) -> frozenset[str]:
    """Return the kinds of interactions that the data have."""
    return frozenset(con.to_pandas(sources.interactions.select("kind").distinct()).kind)
