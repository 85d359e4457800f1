"""Views computed on small tables, with all snapshots together or each alone."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pandas as pd

from features.contract.arrow import arrow_schema
from features.contract.tables import FEATURE_TABLES
from features.engine.duckdb import Sources
from features.engine.inputs import size_table, view_tables
from features.engine.write import as_arrays, as_feature_rows
from features.spans.base import Base, Inputs, Tables
from features.spans.snapshots import Snapshots
from features.views.view import FeatureView
from tests.features.events import SNAPSHOTS, as_table, make_products


def tables(**frames: pd.DataFrame | ir.Table) -> Tables:
    """Contract tables as views read them; those that are not given are empty."""
    given = {name: as_table(frame) if isinstance(frame, pd.DataFrame) else frame for name, frame in frames.items()}
    empty: dict[str, ir.Table] = {
        name: ibis.memtable(arrow_schema(name).empty_table()) for name in FEATURE_TABLES if name not in given
    }
    products = frames.get("products")
    sizes = size_table(products if isinstance(products, pd.DataFrame) else make_products())
    return view_tables(Sources(**{**empty, **given}), sizes)


def inputs_of(
    con: Any,
    given: Tables,
    moments: Sequence[datetime] = SNAPSHOTS,
    kinds: frozenset[str] = frozenset(),
    attributes: tuple[str, ...] = (),
) -> Inputs:
    snapshots = Snapshots.of(moments)
    # base tables are made, as in a build; expressions of expressions take long to compile
    names = (f"test_{uuid4().hex}" for _ in count())
    return Inputs(
        Base(given, snapshots, kinds, 365, lambda _, rows: con.create_table(next(names), rows, temp=True)),
        snapshots,
        attributes,
    )


def computed(
    con: Any,
    view: FeatureView,
    given: Tables,
    moments: Sequence[datetime] = SNAPSHOTS,
    *,
    alone: bool = False,
    **more: Any,
) -> dict[tuple[Any, datetime], dict[str, Any]]:
    """The rows of a view by entity and snapshot.

    Parameters
    ----------
    alone
        Compute each snapshot as if there were no other one, as it is done after an event.
    """
    groups = [[moment] for moment in moments] if alone else [list(moments)]
    rows: dict[tuple[Any, datetime], dict[str, Any]] = {}
    for group in groups:
        frame = frame_of(con, view, inputs_of(con, given, group, **more))
        for row in frame.to_dict("records"):
            key = row[view.key], row["event_timestamp"]
            assert key not in rows
            rows[key] = {str(name): value for name, value in row.items()}
    return rows


def frame_of(con: Any, view: FeatureView, inputs: Inputs) -> pd.DataFrame:
    """The rows of a view, in the order of entities and snapshots."""
    rows = as_arrays(as_feature_rows(view, inputs), view)
    frame: pd.DataFrame = con.to_pandas(rows)
    return frame.sort_values([view.key, "event_timestamp"], ignore_index=True)
