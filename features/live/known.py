"""The data of some customers: their materialised rows and their events since, as Arrow tables."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contract.tables import CUSTOMER_TABLES, EVENT_ID, EVENT_TABLES, FEATURE_TABLES, TableName
from features.views.sizes import measured

#: The tables of customers that features are made of.
TABLES: tuple[TableName, ...] = tuple(name for name in FEATURE_TABLES if name in CUSTOMER_TABLES)
#: Columns that no view reads.
_UNREAD = {"transactions": ("store_id", "channel", "line_id")}


class OrderedFile:
    """A Parquet file that is ordered by customer: of each of its row groups the first and last customer are known.

    It is opened for each read, since an erasure puts another file in its place.
    """

    def __init__(self, path: Path, unread: Sequence[str] = ()) -> None:
        self._path, self._unread = path, unread
        self._index: _Index | None = None

    def of(self, customers: Sequence[str]) -> pa.Table:
        """Return the rows of some customers."""
        with self._path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            identity = (status.st_ino, status.st_mtime_ns, status.st_size)
            # another thread may put the index of another file in the place of this one meanwhile
            index = self._index
            if index is None or index.identity != identity:
                index = self._index = _Index.of(pq.ParquetFile(stream), identity)
            schema = index.metadata.schema.to_arrow_schema()
            columns = [name for name in schema.names if name not in self._unread]
            groups = index.groups(customers)
            if not groups:
                return schema.empty_table().select(columns)
            rows = pq.ParquetFile(stream, metadata=index.metadata).read_row_groups(groups, columns, use_threads=False)
        return rows.filter(pc.is_in(rows["customer_id"], pa.array(customers, pa.string())))


@dataclass(frozen=True)
class _Index:
    """The first and the last customer of each row group of a file, which `identity` names."""

    identity: tuple[int, ...]
    metadata: pq.FileMetaData
    first: list[str]
    last: list[str]

    @classmethod
    def of(cls, file: pq.ParquetFile, identity: tuple[int, ...]) -> "_Index":
        # an empty file may have a row group without rows
        count = file.num_row_groups if file.metadata.num_rows else 0
        edges = [_edges(file, group) for group in range(count)]
        return cls(identity, file.metadata, [first for first, _ in edges], [last for _, last in edges])

    def groups(self, customers: Sequence[str]) -> list[int]:
        """Return the row groups that may have rows of some customers."""
        spans = (range(bisect_left(self.last, one), bisect_right(self.first, one)) for one in customers)
        return sorted({group for span in spans for group in span})


def _edges(file: pq.ParquetFile, group: int) -> tuple[str, str]:
    known = file.metadata.row_group(group).column(file.schema_arrow.names.index("customer_id")).statistics
    if known is not None and known.has_min_max:
        return known.min, known.max
    ids = file.read_row_group(group, columns=["customer_id"])["customer_id"]
    return ids[0].as_py(), ids[-1].as_py()


class Catalogue:
    """All products, with what `features.views.sizes.measured` says of them, found by their ids."""

    def __init__(self, path: Path) -> None:
        products = _plain(pq.read_table(path)).combine_chunks()
        self._index = pd.Index(products["product_id"].to_pandas())
        sizes = measured(products.select(["product_id", "type", "size"]).to_pandas())
        self._rows = products.append_column("unit", pa.array(sizes["unit"], pa.string(), from_pandas=True))
        self._rows = self._rows.append_column("contents", pa.array(sizes["contents"], pa.float64(), from_pandas=True))

    def of(self, products: pa.ChunkedArray) -> pa.Table:
        """Return the rows of some products."""
        rows = self._index.get_indexer(pd.Index(products.unique().to_pandas()))
        return self._rows.take(pa.array(rows[rows >= 0]))


class KnownRows:
    """The rows that features of some customers are computed from.

    Parameters
    ----------
    folder
        With the contract tables that the online store was filled from.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {name: OrderedFile(folder / f"{name}.parquet", _UNREAD.get(name, ())) for name in TABLES}
        self._catalogue = Catalogue(folder / "products.parquet")

    def of(self, customers: Sequence[str], live: Mapping[TableName, pa.Table]) -> dict[str, pa.Table]:
        """Return the exported rows by table, those of events by `live_name`, and the products of both.

        Moments are in UTC, without a time zone.

        Parameters
        ----------
        customers
            Whose materialised rows count.
        live
            Rows of events that the materialised ones do not have; of orders those of all events, since an event may
            replace an order of an earlier one.
        """
        tables = {name: file.of(customers) for name, file in self._files.items()}
        lines = tables["transactions"]
        tables["transactions"] = lines.filter(pc.is_null(lines[EVENT_ID.name])).drop_columns(EVENT_ID.name)
        events = {live_name(name): live[name].select(tables[name].column_names) for name in EVENT_TABLES}
        products = [rows["product_id"] for rows in (tables["transactions"], events[live_name("transactions")])]
        bought = pa.chunked_array([chunk for column in products for chunk in column.chunks], pa.string())
        known = {name: _plain(rows) for name, rows in (tables | events).items()}
        return known | {"products": self._catalogue.of(bought)}


def live_name(table: TableName) -> str:
    """Return the name of the rows of events beside those of exports."""
    return f"live_{table}"


def _plain(rows: pa.Table) -> pa.Table:
    """Write moments in UTC without a time zone, which engines reckon with faster."""
    return rows.cast(pa.schema([field.with_type(_without_zone(field.type)) for field in rows.schema]))


def _without_zone(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit)
    if pa.types.is_list(kind):
        return pa.list_(_without_zone(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_zone(field.type)) for field in kind])
    return kind
