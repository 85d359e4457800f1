"""Segments to contract tables: rows of one key become one, returns are matched to their sales."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from core.sql import copy, count, identifier, quoted, relation, write_table
from features.contract.events.interactions import RETURN
from features.contract.tables import CONTRACT, EVERYTHING, Table

#: Columns of a segment of a table with a key: when a row says it was written, and its place in its unit.
WRITTEN, ROW = "_written", "_row"
#: With a key of all columns: a number for the row as the source has it.
ORIGIN = "_origin"


@dataclass(frozen=True)
class Merged:
    """A contract table as it was written.

    Attributes
    ----------
    digest
        Of its rows, whatever their order.
    replaced
        How many rows of each segment, by its place, others have replaced.
    """

    rows: int
    digest: str
    replaced: dict[int, int]


def merge(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], target: Path) -> Merged:
    """Write a contract table from the files of its segments, the earliest first.

    Rows of a table without a key are all kept. Of rows that share a key the one stays that says it was written last,
    then that of the last segment, then the last in it. Tables whose rows complete each other keep the last known value
    of each column instead.
    """
    if not files:
        columns = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in table.columns)
        con.execute(copy(f"SELECT {columns} WHERE false", target))
    elif not table.key:
        _joined(con, table, files, target)
    else:
        _keyed(con, table, files)
        con.execute(copy(f"SELECT * EXCLUDE (_rank){_lacking(con, table, 'keyed')} FROM keyed", target))
    replaced = _replaced(con, files) if files and table.key else {}
    return Merged(*measured(con, target), replaced)


def merge_returns(
    con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], sales: Path, target: Path
) -> tuple[Merged, int]:
    """Write returned order lines as interactions, with the order of the sale that each takes back where there is one.

    A return belongs to the latest sale of the same product to the same customer at or before it, of the same quantity
    if there is one. Its value is the amount that was given back.

    Parameters
    ----------
    sales
        The contract table of transactions.

    Returns
    -------
    What was merged, and how many returns have found their sale.
    """
    if table.key:
        _keyed(con, table, files)
    else:
        con.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT *, 0 AS _rank FROM {relation(*files)}")
    replaced = _replaced(con, files) if table.key else {}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE taken AS "
        "SELECT *, row_number() OVER () AS _id, abs(quantity) AS pieces FROM keyed"
    )
    match = "taken ASOF JOIN sales USING (customer_id, product_id{same}, event_timestamp)"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE sales AS SELECT customer_id, product_id, order_id, event_timestamp, "
        f"quantity AS pieces FROM {relation(sales)} WHERE quantity > 0"
    )
    orders = ", ".join(
        f"{name} AS (SELECT taken._id, sales.order_id AS {name}_order FROM {match.format(same=same)})"
        for name, same in (("equal", ", pieces"), ("latest", ""))
    )
    values = {
        "kind": quoted(RETURN.name),
        "order_id": "coalesce(equal_order, latest_order)",
        "value": "abs(amount)",
        "campaign_id": "NULL::VARCHAR",
    }
    columns = ", ".join(
        f"{values.get(c.name, 'taken.' + c.name)} AS {c.name}" for c in CONTRACT["interactions"].columns
    )
    query = f"WITH {orders} SELECT {columns} FROM taken LEFT JOIN equal USING (_id) LEFT JOIN latest USING (_id)"
    con.execute(copy(query, target))
    rows, digest = measured(con, target)
    matched = count(con, f"SELECT count(order_id) FROM {relation(target)}")
    con.execute("DROP TABLE taken; DROP TABLE sales; DROP TABLE keyed")
    return Merged(rows, digest, replaced), matched


def measured(con: duckdb.DuckDBPyConnection, file: Path) -> tuple[int, str]:
    """Return the rows of a table and a digest of their content, whatever their order."""
    query = f"SELECT count(*), sum(hash(found)::HUGEINT) FROM {relation(file)} AS found"
    rows, digest = con.execute(query).fetchall()[0]
    return int(rows), str(digest)


def union(con: duckdb.DuckDBPyConnection, files: Sequence[Path], target: Path) -> tuple[int, str]:
    """Write the rows of some tables as one, which may be one of them. Returns what `measured` does."""
    return rewrite(con, f"SELECT * FROM {relation(*files)}", target)


def rewrite(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> tuple[int, str]:
    """Write what a query finds to a table, which it may read. Returns what `measured` does."""
    write_table(con, query, target)
    return measured(con, target)


def link(source: Path, target: Path) -> None:
    """Give a file that never changes another name; copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _joined(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], target: Path) -> None:
    lacking = _lacking(con, table, relation(*files))
    if len(files) == 1 and not lacking:
        link(files[0], target)
    else:
        con.execute(copy(f"SELECT *{lacking} FROM {relation(*files)}", target))


def _lacking(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> str:
    """Return what to select of the columns that the contract has and segments of earlier versions have not."""
    there = {str(row[0]) for row in con.execute(f"DESCRIBE FROM {source}").fetchall()}
    return "".join(f", CAST(NULL AS {c.type}) AS {c.name}" for c in table.columns if c.name not in there)


def _keyed(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path]) -> None:
    """Leave one row per key in the table `keyed`, with the place of its segment in `_rank`."""
    ranked = " UNION ALL BY NAME ".join(
        f"SELECT *, {rank} AS _rank FROM {relation(file)}" for rank, file in enumerate(files)
    )
    con.execute(f"CREATE OR REPLACE TEMP VIEW ranked AS {ranked}")
    internal = {"_rank", ROW, WRITTEN}
    columns = [str(row[0]) for row in con.execute("DESCRIBE ranked").fetchall()]
    names = [identifier(name) for name in columns if name not in internal]
    key = names if table.key == EVERYTHING else [identifier(name) for name in table.key]
    names = [name for name in names if name != identifier(ORIGIN)]
    if table.completed:
        latest = "{'rank': _rank, 'row': _row}"
        others = [f"arg_max({name}, {latest}) AS {name}" for name in (*names, "_rank") if name not in key]
        query = f"SELECT {', '.join((*key, *others))} FROM ranked GROUP BY {', '.join(key)}"
        query = f"SELECT {', '.join((*names, '_rank'))} FROM ({query})"
    else:
        latest = f"{WRITTEN} DESC NULLS LAST, _rank DESC, _row DESC"
        query = (
            f"SELECT {', '.join((*names, '_rank'))} FROM ranked "
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {latest}) = 1"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS {query}")


def _replaced(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[int, int]:
    stayed = dict(con.execute("SELECT _rank, count(*) FROM keyed GROUP BY 1").fetchall())
    read = {rank: count(con, f"SELECT count(*) FROM {relation(file)}") for rank, file in enumerate(files)}
    return {rank: rows - stayed.get(rank, 0) for rank, rows in read.items()}
