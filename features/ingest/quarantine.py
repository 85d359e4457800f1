"""Quarantined rows: one table of all of them, and when there are too many to continue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import DataError
from core.files import write_file
from core.settings import Settings, StoreSettings
from core.sql import engine, quoted, write_table
from features.ingest.segments import InputTotals, Segment, segments_directory
from features.ingest.settings import DataSettings

#: One row per quarantined row. `line` is counted from 1 where the source has lines or rows; `configured` is
#: true for rules of the configuration, false for those of the contract; `text` is the line, or the row as JSON.
QUARANTINE = pa.schema(
    [
        ("input", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("rule", pa.string()),
        ("configured", pa.bool_()),
        ("text", pa.string()),
    ]
)
_SHOWN = 3
#: Characters of a row that are shown.
_LONGEST = 500
#: The rule that an id breaks that a spreadsheet has written as 1.23E+11.
DIGITS_LOST = "digits lost in"


def quarantine_path(stores: StoreSettings) -> Path:
    """Return the table of quarantined rows."""
    return stores.data / "quarantine.parquet"


def write_quarantine(con: duckdb.DuckDBPyConnection, stores: StoreSettings, segments: Sequence[Segment]) -> None:
    """Join the quarantines of all segments."""
    folder, target = segments_directory(stores), quarantine_path(stores)
    files = [str(folder / segment.quarantine) for segment in segments if segment.quarantine is not None]
    if not files:
        sink = pa.BufferOutputStream()
        pq.write_table(QUARANTINE.empty_table(), sink)
        write_file(target, sink.getvalue().to_pybytes())
        return
    listed = ", ".join(quoted(file) for file in files)
    write_table(con, f"FROM read_parquet([{listed}])", target)


@dataclass(frozen=True)
class Example:
    """A quarantined row; its text may hold personal data, and is cut."""

    file: str
    line: int | None
    text: str


@dataclass(frozen=True)
class Reason:
    """A rule that rows of an input break.

    Attributes
    ----------
    configured
        Whether it is a rule of the configuration, which skips rows on purpose; else it is one of the contract.
    """

    input: str
    rule: str
    configured: bool
    rows: int
    examples: tuple[Example, ...] = ()


def quarantined(settings: Settings, examples: int = 0) -> list[Reason]:
    """Return why rows are in the quarantine, the most frequent reason first.

    Parameters
    ----------
    examples
        Rows of each reason that are returned with it.
    """
    path = quarantine_path(settings[StoreSettings])
    if not path.is_file():
        return []
    rows, of_reason = f"read_parquet({quoted(str(path))})", "PARTITION BY input, rule, configured"
    counted = f"SELECT input, rule, configured, count(*) FROM {rows} GROUP BY ALL ORDER BY 4 DESC, 1, 2"
    shown = (
        f"SELECT input, rule, configured, coalesce(file, ''), line, left(text, {_LONGEST}) FROM {rows} "
        f"QUALIFY row_number() OVER ({of_reason} ORDER BY file, line) <= ? ORDER BY file, line"
    )
    found: dict[tuple[object, ...], list[Example]] = {}
    with engine(settings) as con:
        reasons = con.execute(counted).fetchall()
        for *reason, file, line, text in con.execute(shown, [examples]).fetchall() if examples else ():
            found.setdefault(tuple(reason), []).append(Example(file, line, text or ""))
    return [
        Reason(source, rule, configured, count, tuple(found.get((source, rule, configured), ())))
        for source, rule, configured, count in reasons
    ]


def check_share(con: duckdb.DuckDBPyConnection, settings: Settings, inputs: Sequence[InputTotals]) -> None:
    """Refuse an input of which too many rows are rejected, with the most frequent causes.

    Raises
    ------
    DataError
        If its share of rejected rows is above `data.max_rejected_share`. Rows that the configuration skips are not.
    """
    most = settings[DataSettings].max_rejected_share
    for one in inputs:
        totals = one.totals
        rejected = sum(totals.rejected.values())
        if rejected > most * totals.read:
            causes = [
                f"{rule} ({rows:,} rows, for example {_example(con, settings[StoreSettings], one, rule)})"
                for rule, rows in list(totals.rejected.items())[:_SHOWN]
            ]
            raise DataError(
                f"{one.input}: {rejected:,} of {totals.read:,} rows cannot be used for {one.table}, "
                f"{rejected / totals.read:.1%}; at most {most:.1%} may. Most frequent: {'; '.join(causes)}.",
                f"{_remedy(totals.rejected)}Correct the mapping, name rows to leave out in `skip`, or raise "
                f"data.max_rejected_share. All of them are in {quarantine_path(settings[StoreSettings])}.",
            )


def _remedy(rejected: Mapping[str, int]) -> str:
    """Return what the source's owner can do, where the rules show it."""
    if any(rule.startswith(DIGITS_LOST) for rule in rejected):
        return "A spreadsheet has cut digits of ids, which cannot be found again; export ids as texts. "
    return ""


def _example(con: duckdb.DuckDBPyConnection, stores: StoreSettings, one: InputTotals, rule: str) -> str:
    rows = f"read_parquet({quoted(str(quarantine_path(stores)))})"
    query = f"SELECT file, line, text FROM {rows} WHERE input = ? AND rule = ? ORDER BY file, line LIMIT 1"
    file, line, text = con.execute(query, [one.input, rule]).fetchall()[0]
    return f"{file} line {line}: {text[:200]!r}"
