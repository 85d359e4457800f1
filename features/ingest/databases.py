"""Results of queries to databases, by SQLAlchemy, copied as texts."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from core.errors import ConfigError, DataError
from core.settings import database_url
from features.ingest.settings import InputSettings

#: Rows in memory at once.
_AT_ONCE = 50_000


def copy_result(item: InputSettings, target: Path, since: str | None = None) -> Path:
    """Write the result of an input's query to a Parquet file whose columns are all texts.

    Moments are written as ISO 8601, so that mappings are those of a CSV file.

    Parameters
    ----------
    since
        Only rows whose `incremental_column` is this or later are asked for.

    Raises
    ------
    ConfigError
        For an address that is none, a driver that is not installed, or a variable that is not set.
    DataError
        If the database does not answer, or refuses the query.
    """
    query, given = _query(item), {}
    if item.incremental_column is not None and since is not None:
        query, given = f'{query} WHERE "{item.incremental_column}" >= :since', {"since": since}
    with _answering(item) as connection:
        result = connection.execute(text(query), given)
        write_texts(target, list(result.keys()), result.partitions())
    return target


def result_columns(item: InputSettings) -> tuple[str, ...]:
    """Return the columns of an input's query.

    Raises
    ------
    ConfigError, DataError
        As `copy_result`.
    """
    with _answering(item) as connection:
        return tuple(connection.execute(text(f"{_query(item)} WHERE 1 = 0")).keys())


@contextmanager
def _answering(item: InputSettings) -> Iterator[Connection]:
    engine = open_engine(str(item.database))
    try:
        with engine.connect().execution_options(stream_results=True, yield_per=_AT_ONCE) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DataError(
            f"{item.origin}: the database does not answer as expected: {_short(error)}.",
            "Check `database` and `query` of this input, and that the server runs.",
        ) from error
    finally:
        engine.dispose()


def _query(item: InputSettings) -> str:
    return f"SELECT * FROM ({str(item.query).rstrip().rstrip(';')}) AS source"


def open_engine(address: str) -> Engine:
    """Return SQLAlchemy's engine of an address, with the values of its `${NAME}`."""
    url = database_url(address)
    try:
        return create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"A database cannot be opened: {_short(error)}.",
            "Write dialect+driver://user:password@host/database, and install the driver.",
        ) from error


def write_texts(target: Path, names: Sequence[str], parts: Iterable[Sequence[Sequence[Any]]]) -> None:
    """Write rows as texts, part by part, to a Parquet file."""
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(target, schema) as writer:
        for rows in parts:
            columns = [[_told(row[place]) for row in rows] for place in range(len(names))]
            writer.write_table(pa.table([pa.array(column, pa.string()) for column in columns], schema=schema))


def _told(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200].rstrip(".")
