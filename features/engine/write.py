"""Rows of feature views in files: one for each view, snapshot and portion of customers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.spans.base import Inputs
from features.spans.snapshots import Snapshots
from features.views.view import FeatureView

#: What Parquet calls the column of what is in arrays.
_ELEMENT = ".list.element"
#: Columns that the rows of one entity share.
_SHARED = ("customer_id", "product_id", "event_timestamp", "created_timestamp")


def file_of(directory: Path, view: str, moment: datetime, portion: int = 0) -> Path:
    """Return the file of a view's rows of one snapshot and portion."""
    return directory / view / f"{moment.astimezone(UTC):%Y-%m-%dT%H%M%S.%f}-{portion:04}.parquet"


def files_of(directory: Path, view: str, moment: datetime) -> list[Path]:
    """Return the files of a view's rows of one snapshot."""
    first = file_of(directory, view, moment)
    return sorted(first.parent.glob(first.name.replace("-0000.parquet", "-*.parquet")))


def as_feature_rows(view: FeatureView, inputs: Inputs) -> ir.Table:
    """Return a view's rows as Feast wants them. A row of a snapshot counts as written at it.

    Numbers are kept to six decimals: threads add in no fixed order, and without the noise in the last bits
    the same data make the same features, and the same features the same model. Prices in arrays may be smaller.
    """
    dated = with_moments(view.rows(inputs), inputs.snapshots).rename(event_timestamp="snapshot")
    floats = [] if view.folded_by else [name for name, kind in dated.schema().items() if kind.is_floating()]
    return dated.mutate(**{name: dated[name].round(6) for name in floats}, created_timestamp=dated.event_timestamp)


def with_moments(rows: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Write the moment, `snapshot`, instead of the position, and all moments as those of UTC."""
    dated = snapshots.dated(rows).drop("position")
    moments = [name for name, kind in dated.schema().items() if kind.is_timestamp()]
    return dated.mutate(**{name: dated[name].cast("timestamp('UTC')") for name in moments})


def ordered(rows: ir.Table, view: FeatureView) -> ir.Table:
    """Put rows in the order of snapshots, entities and, where a view folds its rows, of what becomes arrays."""
    names = [name.removeprefix("-") for name in view.folded_by]
    keys = [rows[name].desc() if f"-{name}" in view.folded_by else rows[name] for name in names]
    moments = [] if view.one_at_a_time else [rows.event_timestamp]
    return rows.order_by(*moments, rows[view.key], *keys)


def folded(rows: pa.Table, view: FeatureView, names: Mapping[str, pa.Array]) -> pa.Table:
    """Make one row of arrays of the rows of each entity, which follow each other.

    Parameters
    ----------
    names
        The ids by their numbers, for columns that hold numbers of ids.
    """
    rows = rows.combine_chunks()
    for column, ids in names.items():
        codes = rows[column].combine_chunks().cast(pa.int32())
        rows = rows.set_column(rows.column_names.index(column), column, pa.DictionaryArray.from_arrays(codes, ids))
    if not view.folded_by:
        return rows
    first = _firsts(rows, (view.key, "event_timestamp"))
    offsets = pa.array(np.append(first, rows.num_rows).astype("int32"))
    shared = rows.take(pa.array(first))
    return pa.table(
        {
            name: shared[name] if name in _SHARED else pa.ListArray.from_arrays(offsets, rows[name].combine_chunks())
            for name in rows.column_names
        }
    )


def write_by_snapshot(
    rows: pa.Table, view: FeatureView, moments: Iterable[datetime], directory: Path, portion: int
) -> dict[datetime, int]:
    """Write a file for each snapshot, with no rows where there are none; returns the number of rows of each."""
    texts = [field.name + _ELEMENT * pa.types.is_list(field.type) for field in rows.schema if _is_text(field.type)]
    stamps = rows["event_timestamp"].cast(pa.int64()).to_numpy()
    written = {}
    for moment in moments:
        micros = round(moment.timestamp() * 1e6)
        start, stop = np.searchsorted(stamps, [micros, micros + 1])
        path = file_of(directory, view.name, moment, portion)
        path.parent.mkdir(parents=True, exist_ok=True)
        # without Arrow's own schema, as texts that were numbered here are texts for a reader
        part = rows.slice(start, stop - start)
        pq.write_table(part, path, store_schema=False, use_dictionary=texts, write_statistics=[*_SHARED])
        written[moment] = int(stop - start)
    return written


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_list(kind) else kind
    return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind))


def _firsts(rows: pa.Table, keys: Sequence[str]) -> np.ndarray:
    """Return the places of rows that begin with another key than the row before."""
    changes = np.zeros(rows.num_rows, dtype=bool)
    changes[:1] = True
    for key in keys:
        column = rows[key].combine_chunks()
        changes[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(changes)


def as_arrays(rows: ir.Table, view: FeatureView) -> ir.Table:
    """Make one row of arrays of the rows of each entity, as `folded` does, by an expression that any engine runs."""
    if not view.folded_by:
        return rows
    # sorted as structs that begin with what they are ordered by, since not every engine sorts in an aggregate
    keys = [name for name in rows.columns if name in _SHARED]
    order = {f"order_{place}": _key(rows, name) for place, name in enumerate(view.folded_by)}
    one = ibis.struct(order | {name: rows[name] for name in rows.columns if name not in keys})
    grouped = rows.group_by(keys).agg(all_rows=one.collect())
    in_order = grouped.all_rows.sort()
    return grouped.select(**{name: grouped[name] if name in keys else _field(in_order, name) for name in rows.columns})


def _key(rows: ir.Table, name: str) -> ir.Value:
    return -rows[name.removeprefix("-")] if name.startswith("-") else rows[name]


def _field(rows: ir.ArrayValue, name: str) -> ir.ArrayValue:
    return rows.map(lambda row: row[name])
