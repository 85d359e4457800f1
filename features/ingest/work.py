"""The reading of units: every mapping is checked before the first row of any of them is read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import duckdb

from core.progress import Report, part_of
from core.settings import Settings, StoreSettings
from core.sql import quoted, spill_folder
from features.ingest.dates import decide_dates, needs_decision
from features.ingest.macros import define_macros
from features.ingest.mapping import make_mapping
from features.ingest.opening import columns_of, opened
from features.ingest.plan import Work
from features.ingest.reading import read_unit
from features.ingest.segments import Segment, segments_directory
from features.ingest.settings import DataSettings, InputSettings
from features.ingest.tables import configured
from features.ingest.units import Unit


def read_work(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    work: Sequence[Work],
    kept: Sequence[Segment],
    now: datetime,
    report: Report,
) -> list[Segment]:
    """Read units into segments.

    Parameters
    ----------
    kept
        Segments that stay; what their sources have for columns, others of the same input may lack.

    Raises
    ------
    DataError
        For the first unit that cannot be opened, mapped or read.
    """
    spill, folder = spill_folder(con) / "units", segments_directory(settings[StoreSettings])
    folder.mkdir(parents=True, exist_ok=True)
    columns = []
    for one in work:
        # a query may use the functions of mappings
        _prepare(con, settings, one)
        columns.append(columns_of(con, one.unit, spill))
    everywhere: dict[str, set[str]] = {}
    for segment, names in [
        *((one.segment, c) for one, c in zip(work, columns, strict=True)),
        *((s, s.columns) for s in kept),
    ]:
        everywhere.setdefault(segment.mapping, set()).update(names)
    mappings = []
    for one, names in zip(work, columns, strict=True):
        _prepare(con, settings, one)
        table = configured(settings, one.segment.table)
        others = frozenset(everywhere[one.segment.mapping])
        item = _decided(con, one.unit, names, spill)
        mappings.append(make_mapping(con, table, item, names, others, now) if names else None)
    sizes = [one.unit.file.path.stat().st_size if one.unit.file else 1 for one in work]
    done, segments = 0, []
    for one, mapping, size in zip(work, mappings, sizes, strict=True):
        part = part_of(report, done / (sum(sizes) or 1), (done + size) / (sum(sizes) or 1))
        done += size
        if mapping is None:
            segments.append(one.segment)
            continue
        _prepare(con, settings, one)
        with opened(con, one.unit, spill, one.segment.since) as scan, _watched(con, part, one.unit.name):
            table = configured(settings, one.segment.table)
            segments.append(read_unit(con, one.unit, table, scan, mapping, one.segment, folder))
    return segments


def _decided(con: duckdb.DuckDBPyConnection, unit: Unit, names: Mapping[str, str], folder: Path) -> InputSettings:
    """Return an input with the formats that read the dates of one of its units."""
    if not names or not needs_decision(unit.item):
        return unit.item
    with opened(con, unit, folder) as scan:
        dates = decide_dates(con, unit.name, unit.item, scan.relation)
        con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return unit.item.model_copy(update={"dates": dates})


def _prepare(con: duckdb.DuckDBPyConnection, settings: Settings, one: Work) -> None:
    """Let the connection read moments and numbers as the unit's input writes them."""
    define_macros(con, one.unit.item.decimal)
    con.execute(f"SET TimeZone = {quoted(one.unit.item.timezone or settings[DataSettings].timezone)}")


@contextmanager
def _watched(con: duckdb.DuckDBPyConnection, report: Report, name: str) -> Iterator[None]:
    """Report how far DuckDB is with what the block does."""
    over = Event()

    def watch() -> None:
        while not over.wait(0.2):
            report(max(con.query_progress(), 0.0) / 100, name)

    report(0.0, name)
    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
