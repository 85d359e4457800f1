"""The contract's column types as Arrow's; Ibis derives its own from these."""

import pyarrow as pa

from features.contract.tables import CONTRACT, TableName, Type

_ARROW: dict[Type, pa.DataType] = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
}


def arrow_schema(table: TableName) -> pa.Schema:
    """Return the columns of a contract table with their Arrow types."""
    return pa.schema([pa.field(column.name, _ARROW[column.type]) for column in CONTRACT[table].columns])
