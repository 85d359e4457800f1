"""Views of one snapshot after the other, by statements that are compiled once.

Ibis takes longer to compile an expression than DuckDB to run it on a small shop. So the snapshot is not a part of the
expression: the engine's functions `current_position` and `current_snapshot` name it, and are defined again for each.
"""

from dataclasses import replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from core.sql import timestamp
from features.engine.write import as_feature_rows, ordered
from features.spans.base import Inputs
from features.spans.snapshots import current_position, current_snapshot
from features.views.view import FeatureView

_PURCHASES = "purchases_alone"


class Alone:
    """Runs views for one snapshot, then for the next.

    Parameters
    ----------
    inputs
        What views read for the current snapshot; the purchases are those that `turn_to` makes.
    """

    def __init__(self, con: ibis.BaseBackend, inputs: Inputs) -> None:
        self._con = con
        self._inputs = inputs
        self._statements: dict[str, tuple[str, pa.Schema]] = {}

    def turn_to(self, position: int, moment: datetime, purchases: str) -> None:
        """Make a snapshot the current one, whose table of purchases a query makes."""
        self._define(current_position.__name__, str(position))
        self._define(current_snapshot.__name__, timestamp(moment))
        self._con.raw_sql(f"CREATE OR REPLACE TEMP TABLE {_PURCHASES} AS {purchases}")

    @property
    def purchases(self) -> ir.Table:
        """The purchases of the current snapshot."""
        return self._con.table(_PURCHASES)

    def rows(self, view: FeatureView) -> pa.Table:
        """Return the rows of a view at the current snapshot, in the order of its files."""
        if view.name not in self._statements:
            rows = ordered(as_feature_rows(view, replace(self._inputs, purchased=self.purchases)), view)
            self._statements[view.name] = str(self._con.compile(rows)), rows.schema().to_pyarrow()
        query, schema = self._statements[view.name]
        return self._con.con.execute(query).to_arrow_table().cast(schema)

    def _define(self, name: str, value: str) -> None:
        self._con.raw_sql(f"CREATE OR REPLACE TEMP MACRO {name}() AS {value}")
