"""`encore ingest`: read what is new or has changed, and merge everything read into the contract tables."""

from collections import ChainMap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from core.errors import DataError
from core.files import replacing
from core.progress import Report, part_of, silent
from core.settings import Settings, StoreSettings
from core.sql import engine, quoted
from core.stamps import code_fingerprint, fingerprint, read_stamp, write_stamp
from features.contract.erased import Erased
from features.contract.tables import TableName, contract_directory
from features.contract.unmatched import Unmatched
from features.ingest.currencies import check_currencies
from features.ingest.facts import unmatched_from, unmatched_inputs
from features.ingest.own import OWN_ASSIGNMENTS, own_units
from features.ingest.plan import find_work, in_order
from features.ingest.quarantine import check_share, write_quarantine
from features.ingest.segments import (
    InputTotals,
    Segment,
    as_stamp,
    by_input,
    from_stamp,
    inputs_from,
    segments_directory,
)
from features.ingest.settings import DataSettings
from features.ingest.tables import CONTRACT_CODE, TableStamp, write_tables
from features.ingest.units import Unit, find_inputs, find_units
from features.ingest.unread import find_unread
from features.ingest.work import read_work
from features.live.log import EventLog
from features.live.rows import tables_of

#: Tables of which at least one must be there: without any there is nothing to learn from.
_LEARNED_FROM = ("transactions", "subscriptions", "assignments", "labels")


@dataclass(frozen=True)
class Ingested:
    """What ingestion left: the folder of Parquet files, one a contract table, and the rows in each.

    Attributes
    ----------
    inputs
        What became of the rows of each input, whenever they were read.
    matched
        Returns whose sale was found.
    read
        Units that were read this time; the others had not changed.
    unread
        Files, members of archives and sheets below the root that no input reads, each with the reason.
    unmatched
        Inputs of products whose ids do not occur in order lines.
    """

    directory: Path
    rows: dict[str, int]
    inputs: tuple[InputTotals, ...]
    matched: int
    read: int
    unread: tuple[str, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()

    @property
    def skipped(self) -> bool:
        """Whether nothing was new."""
        return self.read == 0


def ingest(settings: Settings, now: datetime, report: Report = silent, *, full_refresh: bool = False) -> Ingested:
    """Map the configured source to the contract tables and write them as Parquet.

    Files that were read before and have not changed are not read again, and what was read of files that are gone stays.
    All tables are replaced together or not at all. Skipped where nothing is new.

    Parameters
    ----------
    now
        Events more than a day later are rejected as being in the future, until they are not.
    full_refresh
        Forget what was read before, of files that are gone too.

    Raises
    ------
    DataError
        For a file, column or table that does not satisfy the contract, and where more of an input is rejected than
        `data.max_rejected_share`; they are in the quarantine then.
    """
    directory = contract_directory(settings[StoreSettings])
    root, inputs = find_inputs(settings[DataSettings])
    if not any(item.table in _LEARNED_FROM for item in inputs):
        raise DataError(
            f"Expected an input for {', '.join(_LEARNED_FROM[:-1])} or {_LEARNED_FROM[-1]}, found "
            f"{', '.join(sorted({item.table for item in inputs})) or 'none'}.",
            'Add [[data.inputs]] with table = "transactions" to encore.toml; `encore init --from …` writes one.',
        )
    stamp = read_stamp(directory)
    before = [] if full_refresh else _there(settings[StoreSettings], from_stamp(stamp.get("segments", [])))
    units = [*find_units(settings[DataSettings], root, inputs), *own_units(settings[StoreSettings])]
    inputs = (*inputs, OWN_ASSIGNMENTS)
    work, kept = find_work(settings[DataSettings], inputs, units, before, now)
    log = EventLog(settings[StoreSettings])
    version = log.version()
    source = _source(settings, kept, version)
    if not work and stamp.get("source") == source:
        return _ingested(directory, stamp, 0, _unread(settings, root, units, kept))
    with connection(settings, root) as con:
        done = read_work(con, settings, work, kept, now, part_of(report, 0.0, 0.8))
        segments = in_order(settings[DataSettings], inputs, [*done, *kept])
        report(0.8, "quarantine")
        write_quarantine(con, settings[StoreSettings], segments)
        check_share(con, settings, by_input(segments, {}))
        _check_rows(segments)
        check_currencies(segments)
        with replacing(directory) as aside:
            live = _write_events(con, settings[StoreSettings], log, version)
            merging = part_of(report, 0.8, 1.0)
            tables = write_tables(con, settings, segments, live, stamp.get("tables", {}), aside, merging)
            old, stamp = stamp, _stamp(segments, tables, _source(settings, segments, version)) | {"events": version[0]}
            # labels that name no moment are of this one, which must not move while the data are the same
            same = old.get("fingerprint") == stamp["fingerprint"]
            stamp |= {"ingested": old["ingested"] if same and "ingested" in old else now.isoformat()}
            folder = segments_directory(settings[StoreSettings])
            lacking = unmatched_inputs(con, segments, folder, aside / "transactions.parquet")
            stamp |= {"unmatched": [asdict(one) for one in lacking]}
            write_stamp(aside, stamp)
    _forget(
        segments_directory(settings[StoreSettings]),
        {*(f for s in segments for f in s.files), *(f.name for f in live.values())},
    )
    return _ingested(directory, stamp, len(work), _unread(settings, root, units, segments))


def pending(settings: Settings, now: datetime) -> str | None:
    """Say what `ingest` would read; None where nothing is new. Reads no rows and changes nothing.

    Raises
    ------
    DataError
        If an input cannot be found.
    """
    stores = settings[StoreSettings]
    root, inputs = find_inputs(settings[DataSettings])
    stamp = read_stamp(contract_directory(stores))
    before = _there(stores, from_stamp(stamp.get("segments", [])))
    units = [*find_units(settings[DataSettings], root, inputs), *own_units(stores)]
    work, kept = find_work(settings[DataSettings], (*inputs, OWN_ASSIGNMENTS), units, before, now)
    if work:
        return f"{len(work):,} files or queries are new or changed."
    log = EventLog(stores)
    if stamp.get("source") == _source(settings, kept, log.version()):
        return None
    if not stamp:
        return "There are no contract tables yet."
    events = log.version()[0] - int(stamp.get("events", 0))
    return f"{events:,} events are new." if events > 0 else "The mapping, the code or what was erased has changed."


def _unread(settings: Settings, root: Path, units: list[Unit], segments: list[Segment]) -> list[str]:
    """Return what of the user's own files is not read; a package's are not theirs."""
    if settings[DataSettings].source != "files":
        return []
    return find_unread(root, units, segments, settings[StoreSettings])


def _stamp(segments: list[Segment], tables: dict[str, TableStamp], source: str) -> dict[str, Any]:
    rows = {name: table.rows for name, table in tables.items()}
    # what became of a segment's rows may be in another table's stamp: its returns are interactions
    rows_replaced = ChainMap(*(table.replaced for table in tables.values()))
    returns_replaced = ChainMap(*(table.returns_replaced for table in tables.values()))
    unmatched = ChainMap(*(table.unmatched for table in tables.values()))
    replaced = {
        s.key: (rows_replaced.get(s.key, 0), returns_replaced.get(s.key, 0), unmatched.get(s.key, 0)) for s in segments
    }
    return {
        # what follows depends on the content, so that reading the same rows again changes nothing after it
        "fingerprint": fingerprint(rows, {name: table.digest for name, table in tables.items()}),
        "source": source,
        "rows": rows,
        "inputs": [asdict(one) for one in by_input(segments, replaced)],
        "tables": {name: asdict(table) for name, table in tables.items()},
        "segments": as_stamp(segments),
    }


def _ingested(directory: Path, stamp: dict[str, Any], read: int, unread: Sequence[str]) -> Ingested:
    matched = stamp["tables"]["interactions"]["matched"]
    return Ingested(directory, stamp["rows"], inputs_from(stamp), matched, read, tuple(unread), unmatched_from(stamp))


def _check_rows(segments: list[Segment]) -> None:
    """Refuse a table that something is mapped to and that has no rows."""
    for table in {segment.table for segment in segments}:
        own = [segment for segment in segments if segment.table == table]
        if not any(segment.totals.kept for segment in own):
            raise DataError(
                f"Expected rows for {table}, found none in {', '.join(sorted({segment.input for segment in own}))}.",
                "Check the path, `where` and `skip` of this input.",
            )


def _there(stores: StoreSettings, segments: list[Segment]) -> list[Segment]:
    """Keep the segments whose files nobody has removed; the others are read again."""
    folder = segments_directory(stores)
    return [segment for segment in segments if all((folder / name).is_file() for name in segment.files)]


def _source(settings: Settings, segments: list[Segment], version: tuple[int, int]) -> str:
    erased = Erased(settings[StoreSettings]).version()
    code = code_fingerprint(*CONTRACT_CODE)
    return fingerprint(sorted(s.key for s in segments), settings[DataSettings].keys, version, erased, code)


def _write_events(
    con: duckdb.DuckDBPyConnection, stores: StoreSettings, log: EventLog, version: tuple[int, int]
) -> dict[TableName, Path]:
    """Write the rows of logged events beside the segments, one file a table that they have rows of."""
    last, _ = version
    files = {}
    for name, rows in tables_of(log.all(last) if last else ()).items():
        if len(rows):
            files[name] = segments_directory(stores) / f"events-{fingerprint(version)}-{name}.parquet"
            con.from_arrow(rows).write_parquet(str(files[name]))
    return files


def _forget(folder: Path, wanted: set[str]) -> None:
    """Remove files of what has been replaced."""
    for file in folder.iterdir():
        if file.name not in wanted:
            file.unlink()


@contextmanager
def connection(settings: Settings, root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that finds files below the root, and can say how far it is."""
    with engine(settings) as con:
        # its progress is asked for, and shown by us; a notebook without widgets has none
        with suppress(duckdb.InvalidInputException):
            con.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        # a long list after IN would become a join, after which rows no longer come in the source's order
        con.execute("SET disabled_optimizers = 'in_clause'")
        con.execute(f"SET file_search_path = {quoted(str(root))}")
        yield con
