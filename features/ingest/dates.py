"""Dates that can be read in two ways: all dates of a file decide which number is the day, never one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from core.errors import DataError
from core.sql import identifier, quoted
from features.contract.tables import CONTRACT
from features.ingest.settings import InputSettings

#: Fewer dates than this are too few to see that a spreadsheet has turned some.
_ENOUGH = 20
#: Dates as spreadsheets and databases write them.
_ISO = r"\d{4}-\d\d-\d\d([ T].*)?"


@dataclass(frozen=True)
class Turned:
    """A column in which a spreadsheet has read some dates the wrong way round: its texts are those it could not read.

    Attributes
    ----------
    dates, texts
        Rows whose value is ISO 8601, all with a day of at most 12, and rows with the other one, all above 12.
    examples
        One value of each kind.
    """

    dates: int
    texts: int
    examples: tuple[str, str]

    def __str__(self) -> str:
        iso, text = self.examples
        return (
            f"{self.dates:,} are dates such as {iso}, all with a day of at most 12, and {self.texts:,} are texts such "
            f"as {text}, all with a day above 12: a spreadsheet has read the first with day and month exchanged"
        )


def is_day_first(way: str) -> bool | None:
    """Return whether a format has the day before the month; None where nobody could take one for the other."""
    day, month = way.find("%d"), way.find("%m")
    return None if day < 0 or month < 0 or way.startswith("%Y") else day < month


def decide_dates(con: duckdb.DuckDBPyConnection, name: str, item: InputSettings, relation: str) -> tuple[str, ...]:
    """Return the formats that read the dates of a file.

    Of formats with the day before the month and others with the month before the day those stay that read all dates of
    the file; a date such as 03/04/2024 is then read as its neighbours are.

    Parameters
    ----------
    name
        Of the file.
    item
        With formats of both kinds.
    relation
        Its rows, with the columns of `columns` in `item`.

    Raises
    ------
    DataError
        If each order reads dates that the other cannot, if all dates fit both, or if a spreadsheet has turned some.
    """
    for column in _moments(con, item, relation):
        if turned := find_turned(con, column, relation, item.dates):
            raise DataError(
                f"{name}: of the values of {column}, {turned}.",
                f"Map it with turned({identifier(column)}, [formats of the texts]), which turns those dates back; or "
                f"with moment({identifier(column)}, [all formats]) if they are right.",
            )
    ways = {first: tuple(way for way in item.dates if is_day_first(way) is first) for first in (True, False)}
    if not (ways[True] and ways[False]):
        return item.dates
    needed = {True: False, False: False}
    for column in _moments(con, item, relation):
        only = {first: _only(con, column, relation, ways[first], ways[not first]) for first in (True, False)}
        examples = [f"{value}" for value in only.values() if value is not None]
        if len(examples) == 2:
            raise DataError(
                f"{name}: {column} has dates with the day first and dates with the month first, such as "
                f"{' and '.join(examples)}.",
                "Split the file by its source, or map the column with an expression that tells them apart.",
            )
        for first, value in only.items():
            needed[first] |= value is not None
    if needed[True] == needed[False]:
        raise DataError(
            f"{name}: every date fits both {ways[True][0]} and {ways[False][0]}; which number is the day?",
            "Keep one of them in `dates` of this input.",
        )
    kept = needed[True]
    return tuple(way for way in item.dates if is_day_first(way) is not (not kept))


def needs_decision(item: InputSettings) -> bool:
    """Return whether an input's formats leave open which of two numbers is the day."""
    orders = {is_day_first(way) for way in item.dates}
    return {True, False} <= orders or (None in orders and len(orders) > 1)


def find_turned(con: duckdb.DuckDBPyConnection, column: str, relation: str, ways: Sequence[str]) -> Turned | None:
    """Return what speaks for a spreadsheet that has read some of the dates of a column with day and month exchanged."""
    numbered = [way for way in ways if is_day_first(way) is not None]
    if not numbered:
        return None
    x = f"trim({identifier(column)}::VARCHAR)"
    iso = f"regexp_full_match({x}, {quoted(_ISO)})"
    parsed = f"coalesce({', '.join(f'try_strptime({x}, {quoted(way)})' for way in numbered)})"
    found = con.execute(
        f"SELECT count(*) FILTER (is_iso), max(substr(x, 9, 2)) FILTER (is_iso), count(*) FILTER (NOT is_iso), "
        "min(day(moment)) FILTER (NOT is_iso), min(x) FILTER (is_iso), min(x) FILTER (NOT is_iso) "
        f"FROM (SELECT {x} AS x, {iso} AS is_iso, {parsed} AS moment FROM {relation}) "
        "WHERE is_iso OR moment IS NOT NULL"
    ).fetchall()[0]
    dates, latest, texts, earliest, one, other = found
    if dates < _ENOUGH or texts < _ENOUGH or int(latest) > 12 or earliest <= 12:
        return None
    return Turned(int(dates), int(texts), (str(one), str(other)))


def _moments(con: duckdb.DuckDBPyConnection, item: InputSettings, relation: str) -> list[str]:
    """Return the columns of a file that are mapped to moments as they are."""
    names = [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    lower = {name.lower(): name for name in names}
    moments = [c.name for c in CONTRACT[item.table].columns if c.type in {"TIMESTAMPTZ", "DATE"}]
    mapped = [item.columns.get(name, lower.get(name)) for name in moments]
    return [name for name in mapped if name in names]


def _only(
    con: duckdb.DuckDBPyConnection, column: str, relation: str, ways: Sequence[str], others: Sequence[str]
) -> str | None:
    """Return a value that some formats read and others do not."""
    x = f"trim({identifier(column)}::VARCHAR)"
    reads = f"try_strptime({x}, [{', '.join(map(quoted, ways))}]) IS NOT NULL"
    does_not = f"try_strptime({x}, [{', '.join(map(quoted, others))}]) IS NULL"
    found = con.execute(f"SELECT min({x}) FROM {relation} WHERE {reads} AND {does_not}").fetchall()[0][0]
    return None if found is None else str(found)
