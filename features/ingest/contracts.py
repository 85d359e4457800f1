"""Contract periods from their rows: the latest row of a contract counts, and the past keeps what it knew.

Exports and events say the same contract several times: with the end filled in when the customer leaves, with an end
moved back by a cancellation, with another price. The table has one row a contract, as it is now. `earlier_terms` has
what was known before, so that features at an earlier moment do not know the future.

The rule for an end of which nothing says when it became known
    Where any contract of an input runs on, ends are written when customers leave: an end is known from the notice
    (`cancelled_timestamp`), else from the moment its row was written if that is after the start, else from the end
    itself. Where all contracts of an input have ends, they are fixed terms: an end is known from the start. A row that
    changes a contract and has no moment is known from the earlier of the two ends. `end_known_timestamp` decides where
    it is mapped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from core.sql import copy, count, identifier, quoted, relation
from features.contract.periods import ANNOUNCED, EMPTY, combined
from features.contract.tables import CONTRACT, EVERYTHING, Table
from features.ingest.merge import ROW, WRITTEN, Merged, measured

#: A moment after every end.
_NEVER = "TIMESTAMPTZ '9999-01-01'"


@dataclass(frozen=True)
class ContractRows:
    """The files of a segment: rows that are periods, and rows that end one. Rows of events have no input."""

    input: str | None
    periods: Path | None
    cancels: Path | None = None


@dataclass(frozen=True)
class MergedContracts:
    """The table of contracts as it was written.

    Attributes
    ----------
    cancelled, unmatched
        How many rows of each segment, by its place, have ended a contract, and how many found none to end.
    """

    merged: Merged
    cancelled: dict[int, int]
    unmatched: dict[int, int]


def merge_contracts(
    con: duckdb.DuckDBPyConnection, table: Table, segments: Sequence[ContractRows], target: Path
) -> MergedContracts:
    """Write the table of contracts.

    Parameters
    ----------
    table
        With the key that names a contract. Where none is configured, these are customer, start and, if there is one,
        `contract_id`.
    segments
        The earliest first.
    """
    _read(con, table, segments)
    con.execute(f"CREATE OR REPLACE TEMP TABLE versions AS {_VERSIONS}")
    con.execute(copy(combined("versions"), target))
    last = con.execute("SELECT _rank, count(*) FROM periods WHERE _number = _rows GROUP BY 1").fetchall()
    cancels = con.execute("SELECT _rank, count(_key), count(*) - count(_key) FROM cancels GROUP BY 1").fetchall()
    replaced = {
        rank: count(con, f"SELECT count(*) FROM {relation(one.periods)}") - dict(last).get(rank, 0)
        for rank, one in enumerate(segments)
        if one.periods is not None
    }
    con.execute("DROP TABLE versions; DROP TABLE cancels; DROP TABLE periods; DROP TABLE contract_rows")
    return MergedContracts(
        Merged(*measured(con, target), replaced),
        {rank: found for rank, found, _ in cancels},
        {rank: lost for rank, _, lost in cancels},
    )


def _read(con: duckdb.DuckDBPyConnection, table: Table, segments: Sequence[ContractRows]) -> None:
    """Make the tables `periods`, with the key and the place of each row of a contract, and `cancels`."""
    internal = f"NULL::TIMESTAMPTZ AS {WRITTEN}, NULL::BIGINT AS {ROW}, NULL::INT AS _rank, NULL::VARCHAR AS _input, "
    parts = [f"SELECT *, {internal} NULL::BOOLEAN AS _cancels FROM ({EMPTY})"]
    for rank, one in enumerate(segments):
        if one.input is None:
            parts.append(_events(relation(_file(one.periods))))
            continue
        parts += [
            f"SELECT *, {rank} AS _rank, {quoted(one.input)} AS _input, {cancels} AS _cancels FROM {relation(file)}"
            for file, cancels in ((one.periods, False), (one.cancels, True))
            if file is not None
        ]
    con.execute(f"CREATE OR REPLACE TEMP TABLE contract_rows AS {' UNION ALL BY NAME '.join(parts)}")
    named = table.key not in {EVERYTHING, CONTRACT["subscriptions"].key}
    key = [identifier(name) for name in table.key] if named else ["customer_id", "start_timestamp", "_contract"]
    fields = ", ".join(f"k{place} := {name}" for place, name in enumerate(key))
    con.execute(f"CREATE OR REPLACE TEMP TABLE periods AS {_PERIODS.replace('{key}', fields)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE cancels AS {_CANCELS}")


def _file(path: Path | None) -> Path:
    if path is None:
        raise ValueError("expected a file of periods")
    return path


def _events(file: str) -> str:
    """Return rows of events: their ends are known from when they were received."""
    return (
        "SELECT * REPLACE (coalesce(end_known_timestamp, created_timestamp) AS end_known_timestamp), "
        f"CASE WHEN created_timestamp > start_timestamp + {ANNOUNCED} THEN created_timestamp END AS {WRITTEN}, "
        f"row_number() OVER (ORDER BY created_timestamp) AS {ROW}, -1 AS _rank, NULL::VARCHAR AS _input, "
        f"false AS _cancels FROM {file}"
    )


#: One row a period that was read. `_number` counts the rows of a contract, the latest is the last of `_rows`; `_known`
#: is when the row's end became known, by the rule of this module.
_PERIODS = f"""
    WITH named AS (
        SELECT *, coalesce(contract_id, max(contract_id) OVER (PARTITION BY customer_id, start_timestamp), '')
            AS _contract, bool_or(end_timestamp IS NULL) OVER (PARTITION BY _input) AS _open,
            coalesce({WRITTEN}, start_timestamp) AS _moment
        FROM contract_rows WHERE NOT _cancels
    ),
    keyed AS (SELECT *, struct_pack({{key}}) AS _key FROM named),
    numbered AS (
        SELECT *, row_number() OVER latest AS _number, count(*) OVER (PARTITION BY _key) AS _rows,
            lag(end_timestamp) OVER latest AS _end_before, lag(_moment) OVER latest AS _moment_before
        FROM keyed WINDOW latest AS (PARTITION BY _key ORDER BY _moment, _rank, {ROW})
    )
    SELECT *, greatest(created_timestamp, CASE
            WHEN end_known_timestamp IS NOT NULL THEN end_known_timestamp
            WHEN _number > 1 AND _moment > _moment_before THEN _moment
            WHEN _open AND cancelled_timestamp < end_timestamp THEN cancelled_timestamp
            WHEN _number > 1 AND end_timestamp IS DISTINCT FROM _end_before
                THEN least(coalesce(end_timestamp, {_NEVER}), coalesce(_end_before, {_NEVER}))
            WHEN end_timestamp IS NULL OR NOT _open THEN start_timestamp
            WHEN {WRITTEN} > start_timestamp THEN {WRITTEN}
            ELSE end_timestamp
        END) AS _known
    FROM numbered
"""

#: One row a row that cancels, with the contract that it ends: of the same id, else the one that was running when the
#: row was written, of several the one that started last. Without such a contract its key is null.
_CANCELS = f"""
    SELECT taken.*, period._key, period.start_timestamp AS _start,
        CASE WHEN period._key IS NOT NULL THEN greatest(period.start_timestamp,
            least(coalesce(taken.end_timestamp, taken.start_timestamp), period.end_timestamp)) END AS _end
    FROM (SELECT *, row_number() OVER () AS _id FROM contract_rows WHERE _cancels) AS taken
    LEFT JOIN (SELECT * FROM periods WHERE _number = _rows) AS period
        ON taken.customer_id = period.customer_id AND period.start_timestamp <= taken.start_timestamp
        AND coalesce(taken.contract_id = period.contract_id, true)
        AND (taken.contract_id = period.contract_id
            OR coalesce(period.end_timestamp >= taken.start_timestamp, true))
    QUALIFY row_number() OVER (PARTITION BY _id ORDER BY period.start_timestamp DESC, period._rank, period.{ROW}) = 1
"""

#: One row for each state in which a contract was known. The first row of a contract whose end became known later has
#: two: without the end, and with it.
_VERSIONS = f"""
    SELECT * EXCLUDE (_moment, _stage), row_number() OVER (ORDER BY _moment, _rank, {ROW}, _stage) AS _place
    FROM (
        SELECT customer_id, start_timestamp, contract_id, plan, price, cancelled_timestamp, created_timestamp, _key,
            _moment, _rank, {ROW}, _stage, _input IS NULL AS _partial,
            CASE WHEN _stage = 1 THEN end_timestamp END AS end_timestamp,
            CASE WHEN _stage = 1 THEN _known ELSE created_timestamp END AS _known
        FROM periods, (VALUES (0), (1)) AS stages (_stage)
        WHERE _stage = 1 OR (_number = 1 AND end_timestamp IS NOT NULL AND _known > created_timestamp)
        UNION ALL BY NAME
        SELECT _key, coalesce({WRITTEN}, start_timestamp) AS _moment, _rank, {ROW}, 1 AS _stage, true AS _partial,
            _end AS end_timestamp,
            coalesce(cancelled_timestamp, {WRITTEN}, start_timestamp) AS cancelled_timestamp,
            coalesce(end_known_timestamp, {WRITTEN}, start_timestamp) AS _known
        FROM cancels WHERE _key IS NOT NULL
    )
"""
