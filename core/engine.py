"""DuckDB within its limits."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from core.settings import Settings, StoreSettings
from core.sql import quoted


@contextmanager
def engine(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that may spill to disk beside the state."""
    spill = settings[StoreSettings].data / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{settings[StoreSettings].memory_limit}'")
        con.execute(f"SET temp_directory = {quoted(str(spill))}")
        con.execute(f"SET threads = {settings.threads}")
        yield con
