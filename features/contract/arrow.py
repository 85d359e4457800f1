"""The contract's column types as Arrow's; Ibis derives its own from these."""

import pyarrow as pa

from features.contract.tables import CONTRACT, TableName, Type

_MOMENT = pa.timestamp("us", tz="UTC")
_ARROW: dict[Type, pa.DataType] = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "TIMESTAMPTZ": _MOMENT,
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
    "STRUCT(until_timestamp TIMESTAMPTZ, end_timestamp TIMESTAMPTZ, price DOUBLE)[]": pa.list_(
        pa.struct([("until_timestamp", _MOMENT), ("end_timestamp", _MOMENT), ("price", pa.float64())])
    ),
}


def arrow_schema(table: TableName) -> pa.Schema:
    """Return the columns of a contract table with their Arrow types."""
    return pa.schema([pa.field(column.name, _ARROW[column.type]) for column in CONTRACT[table].columns])
