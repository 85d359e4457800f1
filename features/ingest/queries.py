"""Queries to files: each file comes through Encore's own reader, so that its columns are texts, as everywhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp

from core.errors import DataError
from core.sql import first_line, identifier
from features.ingest.settings import InputSettings

#: Options of DuckDB's own readers that change nothing where all columns are texts.
_WITHOUT_MEANING = {"all_varchar", "header", "auto_detect", "union_by_name"}


def names_of(item: InputSettings) -> tuple[str, ...]:
    """Return the sources and files that a query names, in the order in which they first occur."""
    tree = _parsed(item)
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    names = [table.name for table in tree.find_all(exp.Table) if table.name.lower() not in defined]
    return tuple(dict.fromkeys(names))


def query_of(item: InputSettings) -> str:
    """Return a query in which every file is a table of the same name."""
    return _parsed(item).sql("duckdb")


def _parsed(item: InputSettings) -> exp.Expression:
    """Parse a query; `read_csv('orders.csv')` becomes the table `orders.csv`."""
    try:
        trees = sqlglot.parse(str(item.query), read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise DataError(f"{item.origin}: `query` is no DuckDB query: {first_line(error)}.", "Correct it.") from error
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        raise DataError(f"{item.origin}: expected one SELECT in `query`.", "Correct it.")
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Func):
            table.set("this", exp.to_identifier(_file_of(item, table.this), quoted=True))
    return tree


def _file_of(item: InputSettings, reader: exp.Func) -> str:
    """Return the file that a function such as read_csv reads."""
    file = reader.this if isinstance(reader.this, exp.Expression) else next(iter(reader.expressions), None)
    if not (isinstance(file, exp.Literal) and file.is_string):
        raise DataError(
            f"{item.origin}: expected files and sources in `query`, found {reader.sql('duckdb')}.",
            "Name one file as a text, or declare [data.sources.<name>] with its `path`, which may be a pattern.",
        )
    options = [option.this.name for option in reader.expressions if isinstance(option, exp.EQ)]
    if unknown := [name for name in options if name.lower() not in _WITHOUT_MEANING]:
        raise DataError(
            f"{item.origin}: Encore reads {file.name} itself, as texts, and does not know the option "
            f"{unknown[0]!r} of {reader.sql('duckdb')}.",
            "Declare [data.sources.<name>] with `path`, and there `encoding`, `delimiter`, `quote`, `header_line` or "
            "`sheet`; name that in the query.",
        )
    return str(file.name)


@dataclass(frozen=True)
class Join:
    """How often a join repeats the rows of a source.

    Attributes
    ----------
    factor
        The mean number of times that a row of `source`, which is in the result at all, is in it.
    rows, before
        Of the result, and different rows of the source in it.
    """

    source: str
    factor: float
    rows: int
    before: int


def multiplied(
    con: duckdb.DuckDBPyConnection, item: InputSettings, columns: Mapping[str, tuple[str, ...]]
) -> Join | None:
    """Return the join of a query that repeats rows most; None where each row of a source occurs once.

    One row of a joined result has one row of some source, of which each row occurs once: the order line, if lines and
    orders are joined. For order lines that is the source of their amount and quantity; where these are of none, or for
    other tables, the source whose rows are repeated least.

    Parameters
    ----------
    con
        With a table for each source, by its name, whose rows have a `rowid`.
    columns
        Of each source.
    """
    found = [join for select in _joined(item) if (join := _measured(con, select, _owners(item, columns)))]
    return max(found, key=lambda join: join.factor, default=None)


def check_join(con: duckdb.DuckDBPyConnection, item: InputSettings, columns: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a join that multiplies rows more than the input allows.

    Raises
    ------
    DataError
        With the factor, and what to do.
    """
    join = multiplied(con, item, columns)
    if join is not None and join.factor > item.max_join_factor:
        raise DataError(
            f"{item.origin}: the join makes {join.rows:,} rows of {join.before:,} rows of {join.source}, "
            f"{join.factor:.2f} times as many: what it is joined with has several rows for the same key.",
            "Join on columns that name one row, or group the other source by them first; if the rows are meant to be "
            f"repeated, say so with `max_join_factor = {join.factor + 0.005:.2f}` in this input.",
        )


def _joined(item: InputSettings) -> Iterator[exp.Select]:
    for select in _parsed(item).find_all(exp.Select):
        if select.args.get("joins"):
            yield select


def _owners(item: InputSettings, columns: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the sources that hold the money and the number of pieces of an order line."""
    if item.table != "transactions":
        return set()
    texts = [item.columns.get(name, name) for name in ("amount", "quantity")]
    used = set()
    for text in texts:
        try:
            used |= {column.name.lower() for column in sqlglot.parse_one(text, read="duckdb").find_all(exp.Column)}
        except sqlglot.errors.SqlglotError:
            used.add(text.lower())
        used.add(text.lower())
    holders = {name: sum(column.lower() in used for column in own) for name, own in columns.items()}
    return {name for name, count in holders.items() if count and count == max(holders.values())}


def _measured(con: duckdb.DuckDBPyConnection, select: exp.Select, owners: set[str]) -> Join | None:
    joined = [select.args["from_"].this, *(join.this for join in select.args["joins"])]
    defined = {cte.alias.lower() for cte in select.root().find_all(exp.CTE)}
    tables = [table for table in joined if isinstance(table, exp.Table) and table.name.lower() not in defined]
    if not tables:
        return None
    counts = ", ".join(
        f"count({identifier(table.alias_or_name)}.rowid), count(DISTINCT {identifier(table.alias_or_name)}.rowid)"
        for table in tables
    )
    root = select.root()
    withs = root.args.get("with_")
    sources = " ".join(part.sql("duckdb") for part in (select.args["from_"], *select.args["joins"]))
    values = con.execute(f"{withs.sql('duckdb') if withs else ''} SELECT {counts} {sources}").fetchall()[0]
    joins = [
        Join(table.name, repeated / different, repeated, different)
        for table, repeated, different in zip(tables, values[::2], values[1::2], strict=True)
        if different
    ]
    # a part of the query with a name may hold the order lines, and how often its rows occur is not known
    others = joins if len(tables) == len(joined) else []
    own = [join for join in joins if join.source in owners] or others
    least = min(own, key=lambda join: join.factor, default=None)
    return least if least is not None and least.factor > 1 else None
