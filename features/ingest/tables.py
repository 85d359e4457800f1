"""The contract tables, from segments. A table whose segments are those of the last time is taken as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from core.progress import Report, track
from core.settings import Settings, StoreSettings
from core.sql import relation
from core.stamps import code_fingerprint
from features.contract.erased import Erased
from features.contract.tables import CONTRACT, CUSTOMER_TABLES, Table, TableName, contract_directory
from features.ingest.contracts import ContractRows, merge_contracts
from features.ingest.merge import link, merge, merge_returns, rewrite, union
from features.ingest.segments import Segment, segments_directory
from features.ingest.settings import DataSettings
from features.live.rows import with_events

#: What decides how the rows of contracts become contracts.
CONTRACT_CODE = ("features.contract.tables", "features.contract.periods", "features.ingest.contracts")


@dataclass(frozen=True)
class TableStamp:
    """What a contract table was made from, and what came of it.

    Attributes
    ----------
    files
        Of segments, and the keys they were merged by.
    digest
        Of its rows, whatever their order.
    replaced, returns_replaced
        How many rows, and returns, of each segment others have replaced.
    unmatched
        How many rows of each segment cancel a contract that is not there.
    matched
        Returns whose sale was found.
    """

    files: list[str]
    rows: int
    digest: str
    replaced: dict[str, int] = field(default_factory=dict)
    returns_replaced: dict[str, int] = field(default_factory=dict)
    unmatched: dict[str, int] = field(default_factory=dict)
    matched: int = 0


def configured(settings: Settings, name: TableName) -> Table:
    """Return a contract table with the key that the configuration gives it."""
    table = CONTRACT[name]
    return replace(table, key=tuple(settings[DataSettings].keys.get(name, table.key)))


def write_tables(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    segments: Sequence[Segment],
    live: Mapping[TableName, Path],
    before: dict[str, Any],
    folder: Path,
    report: Report,
) -> dict[str, TableStamp]:
    """Write every contract table to a folder.

    Parameters
    ----------
    live
        Files of the rows of logged events.
    before
        What the stamp of the last time says of tables.
    """
    old = {name: TableStamp(**stamp) for name, stamp in before.items()}
    return {
        name: _write(con, settings, name, segments, live.get(name), old.get(name), folder)
        for name in track(report, list(CONTRACT), str)
    }


def _write(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    name: TableName,
    segments: Sequence[Segment],
    live: Path | None,
    old: TableStamp | None,
    folder: Path,
) -> TableStamp:
    table = configured(settings, name)
    own = [s for s in segments if s.table == name and (s.rows is not None or name == "subscriptions")]
    # what takes goods back is read with the sales it is matched to
    sales = [s for s in segments if s.table == "transactions"] if name == "interactions" else []
    returns = [s for s in sales if s.returns is not None]
    matters = sales if returns else []
    files = [*table.key, *(file for s in [*own, *matters] for file in s.files), *([live.name] if live else [])]
    erased = Erased(settings[StoreSettings])
    files += [erased.version()] if erased.read() else []
    files += [code_fingerprint(*CONTRACT_CODE)] if name == "subscriptions" else []
    there = contract_directory(settings[StoreSettings]) / f"{name}.parquet"
    target = folder / there.name
    if old is not None and old.files == files and there.is_file():
        link(there, target)
        return old
    source = segments_directory(settings[StoreSettings])
    if name == "subscriptions":
        stamp = _contracts(con, table, source, own, live, target, files)
    else:
        merged = merge(con, table, [source / str(s.rows) for s in own], target)
        stamp = TableStamp(files, merged.rows, merged.digest, _by_key(own, merged.replaced))
    if returns:
        stamp = _with_returns(con, settings, stamp, returns, target)
    # before events are added: the log has none from before an erasure
    if erased.read() and name in CUSTOMER_TABLES:
        rows, digest = rewrite(con, f"SELECT * FROM {erased.without(name, relation(target))}", target)
        stamp = replace(stamp, rows=rows, digest=digest)
    if live is not None and name != "subscriptions":
        rows, digest = rewrite(con, with_events(relation(target), relation(live), name), target)
        stamp = replace(stamp, rows=rows, digest=digest)
    return stamp


def _contracts(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    source: Path,
    own: Sequence[Segment],
    live: Path | None,
    target: Path,
    files: list[str],
) -> TableStamp:
    """Write the table of contracts, of which events may change any."""
    read = [
        ContractRows(s.mapping, source / s.rows if s.rows else None, source / s.returns if s.returns else None)
        for s in own
    ]
    made = merge_contracts(con, table, [*read, *([ContractRows(None, live)] if live else [])], target)
    return TableStamp(
        files,
        made.merged.rows,
        made.merged.digest,
        _by_key(own, {place: rows for place, rows in made.merged.replaced.items() if place < len(own)}),
        _by_key(own, made.cancelled),
        _by_key(own, made.unmatched),
    )


def _with_returns(
    con: duckdb.DuckDBPyConnection, settings: Settings, stamp: TableStamp, returns: Sequence[Segment], target: Path
) -> TableStamp:
    """Add what was taken back to the table of interactions."""
    folder, source = target.parent, segments_directory(settings[StoreSettings])
    back = folder / "returns.parquet"
    lines = configured(settings, "transactions")
    taken, matched = merge_returns(
        con, lines, [source / str(s.returns) for s in returns], folder / "transactions.parquet", back
    )
    rows, digest = union(con, [target, back], target)
    back.unlink()
    return replace(stamp, rows=rows, digest=digest, returns_replaced=_by_key(returns, taken.replaced), matched=matched)


def _by_key(segments: Sequence[Segment], replaced: dict[int, int]) -> dict[str, int]:
    return {segments[place].key: rows for place, rows in replaced.items() if rows}
