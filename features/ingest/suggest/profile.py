"""What a column of an export holds, seen in its first rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb

from core.sql import identifier
from features.ingest.macros import define_macros

#: Formats of dates that exports are met with. Those that differ in the order of day and month are neighbours.
FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "%Y%m%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
)
#: Decimal signs.
_SIGNS: tuple[Literal[".", ","], ...] = (",", ".")
#: Represents ISO 8601 among formats, which needs none.
ISO = ""
#: A column is of a kind where this share of its values is.
_MOST = 0.8
#: Formats that read fewer of the values are taken for chance.
_FEW = 0.005


@dataclass(frozen=True)
class Profile:
    """A column of a sample.

    Attributes
    ----------
    filled
        Share of rows with a value.
    distinct
        Different values.
    points, commas
        Shares of the values that are numbers with a decimal point, and with a decimal comma.
    whole
        Share of the values that are whole numbers.
    negative
        Share of the values below 0.
    formats
        Formats that read the values as moments, the most frequent first, `ISO` for ISO 8601; none where they are none.
    ambiguous
        Another format that reads as many of them, with day and month the other way round.
    currencies
        Codes and signs of currencies in the values.
    """

    name: str
    rows: int
    filled: float
    distinct: int
    points: float
    commas: float
    whole: float
    negative: float
    formats: tuple[str, ...]
    ambiguous: str | None
    currencies: tuple[str, ...]
    examples: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        """Whether most values are numbers."""
        return max(self.points, self.commas) >= _MOST

    @property
    def is_moment(self) -> bool:
        """Whether most values are moments."""
        return bool(self.formats)

    @property
    def decimal(self) -> Literal[".", ","]:
        """The decimal sign that more values fit."""
        return "," if self.commas > self.points else "."

    @property
    def evidence(self) -> str:
        """What the column holds, in a few words."""
        blank = f", {1 - self.filled:.1%} blank" if self.filled < 1 else ""
        return f"{self.distinct:,} values in {self.rows:,} rows{blank}, such as {', '.join(self.examples[:2])}"


def profile_columns(con: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> dict[str, Profile]:
    """Profile the columns of a table."""
    rows = int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
    return {name: _profile(con, table, name, rows) for name in columns}


def _profile(con: duckdb.DuckDBPyConnection, table: str, name: str, rows: int) -> Profile:
    text = f"nullif(trim({identifier(name)}::VARCHAR), '')"
    con.execute(f"CREATE OR REPLACE TEMP TABLE one AS SELECT {text} AS x FROM {table} WHERE {text} IS NOT NULL")
    filled, distinct = con.execute("SELECT count(*), count(DISTINCT x) FROM one").fetchall()[0]
    shares = {}
    for sign in _SIGNS:
        define_macros(con, sign)
        shares[sign] = _share(con, "number(x) IS NOT NULL")
    if shares[","] > shares["."]:
        define_macros(con, ",")
    formats, ambiguous = _formats(con)
    return Profile(
        name,
        rows,
        filled / rows if rows else 0.0,
        int(distinct),
        shares["."],
        shares[","],
        _share(con, "number(x) = round(number(x))"),
        _share(con, "number(x) < 0"),
        formats,
        ambiguous,
        _most(con, "currency(x)", "number(x) IS NOT NULL"),
        tuple(text[:40] for text in _most(con, "x", "true")[:3]),
    )


def _most(con: duckdb.DuckDBPyConnection, expression: str, condition: str) -> tuple[str, ...]:
    """Return the values of an expression, the most frequent first."""
    query = f"SELECT {expression} AS value FROM one WHERE {condition} AND value IS NOT NULL GROUP BY 1"
    return tuple(str(row[0]) for row in con.execute(f"{query} ORDER BY count(*) DESC, value LIMIT 20").fetchall())


def _share(con: duckdb.DuckDBPyConnection, condition: str) -> float:
    return float(con.execute(f"SELECT coalesce(avg(coalesce({condition}, false)::INT), 0) FROM one").fetchall()[0][0])


def _formats(con: duckdb.DuckDBPyConnection) -> tuple[tuple[str, ...], str | None]:
    """Choose ISO 8601 if it reads nearly all, else formats one by one, each reading most of what the others did not."""
    if _share(con, "TRY_CAST(x AS TIMESTAMPTZ) IS NOT NULL") > 1 - _FEW:
        return (ISO,), None
    reads = {way: f"try_strptime(x, '{way}') IS NOT NULL" for way in FORMATS}
    chosen: list[str] = []
    left, ambiguous = "true", None
    while True:
        rest = {way: condition for way, condition in reads.items() if way not in chosen}
        shares = {way: _share(con, f"{left} AND {condition}") for way, condition in rest.items()}
        best = max(shares, key=lambda way: shares[way])
        if shares[best] < _FEW:
            break
        other = best.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
        if best[:2] in {"%d", "%m"} and shares.get(other) == shares[best]:
            ambiguous = other
        chosen.append(best)
        left = f"{left} AND NOT ({reads[best]})"
    read = 1 - _share(con, left)
    return (tuple(chosen), ambiguous) if read >= _MOST else ((), None)
