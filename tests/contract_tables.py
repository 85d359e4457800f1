"""Contract tables of rows that a test names, as ingestion would leave them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.settings import Settings, StoreSettings
from core.stamps import write_stamp
from features.contract.arrow import arrow_schema
from features.contract.tables import CONTRACT, contract_directory
from serving.settings import default_settings
from tests.features.views.naive import Row, rows_of

#: When they were read: after every row.
INGESTED = datetime(2027, 1, 1, tzinfo=UTC)


def written(folder: Path, *sections: Any, **tables: Sequence[Row] | pd.DataFrame) -> Settings:
    """Settings of a folder with these contract tables; the others are empty."""
    settings = default_settings(StoreSettings(data=folder), *sections, threads=1)
    directory = contract_directory(settings[StoreSettings])
    directory.mkdir(parents=True, exist_ok=True)
    for name in CONTRACT:
        rows = tables.get(name, [])
        given = rows_of(rows) if isinstance(rows, pd.DataFrame) else list(rows)
        pq.write_table(pa.Table.from_pylist(given, schema=arrow_schema(name)), directory / f"{name}.parquet")
    write_stamp(directory, {"ingested": INGESTED.isoformat()})
    return settings
