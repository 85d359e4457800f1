"""What expressions read, from tables of an engine."""

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from core.settings import Settings
from features.contract.events.interactions import RETURN
from features.engine.duckdb import Sources
from features.settings import CustomerSettings, TimeSettings
from features.views.purchases import goods, pairs
from features.views.returned import matched_returns
from features.views.sizes import measured
from features.views.view import Inputs

_SIZES = pa.schema(
    [("product_id", pa.string()), ("type", pa.string()), ("unit", pa.string()), ("contents", pa.float64())]
)


def view_inputs(
    settings: Settings,
    sources: Sources,
    snapshots: ir.Table,
    sizes: ir.Table,
    kinds: frozenset[str],
    returns: ir.Table | None = None,
) -> Inputs:
    """Return what the expressions of views read of some data at some snapshots.

    Labels are not among it: no feature can be made of them.

    `bought` is an expression there; a caller that runs several views of purchases makes a table of it.

    Parameters
    ----------
    returns
        A table of `returns_of`, from a caller that runs several views; without it, an expression.
    """
    returns = returns_of(sources, kinds) if returns is None else returns
    days = settings[TimeSettings].history_days
    bought = pairs(goods(sources.transactions, sources.products), snapshots, days, returns)
    return Inputs(
        # labels are what models learn to say, and no feature
        **{name: table for name, table in vars(sources).items() if name != "labels"},
        snapshots=snapshots,
        sizes=sizes,
        bought=bought,
        returns=returns,
        attributes=settings[CustomerSettings].kept,
        kinds=kinds,
    )


def returns_of(sources: Sources, kinds: frozenset[str]) -> ir.Table | None:
    """Return the returns of some data with their sales; None where the kinds of interactions have no returns."""
    return matched_returns(sources.transactions, sources.interactions) if RETURN.name in kinds else None


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


def as_feature_rows(expression: ir.Table) -> ir.Table:
    """Name the snapshot as Feast wants it. A row computed for a snapshot counts as written at it.

    Numbers are kept to six decimals: threads add in no fixed order, and without the noise in the last bits
    the same data make the same features, and the same features the same model.
    """
    renamed = expression.rename(event_timestamp="snapshot")
    rounded = {name: renamed[name].round(6) for name, kind in renamed.schema().items() if kind.is_floating()}
    return renamed.mutate(**rounded, created_timestamp=renamed.event_timestamp)
