"""What a column of an export holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from core.sql import count, identifier
from features.ingest.dates import is_day_first
from features.ingest.macros import define_macros
from features.ingest.suggest.words import words_of

#: Dates as exports write them, and times of the day. Formats in which a day could be a month are tried both ways.
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d")
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
#: Days with names of months.
_NAMED = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b-%d-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
#: Formats of moments; of those that read the same values the first counts.
FORMATS = (
    *(day + time for day in _DAYS for time in _TIMES),
    *(day + time for day in _NAMED for time in (*_TIMES, ", %I:%M %p")),
    "%Y年%m月%d日",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y%m%d %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
)
#: Represents ISO 8601 among formats, which needs none.
ISO = ""
#: Represents seconds, or milliseconds, since 1970.
EPOCH = "epoch"
#: Decimal signs.
_SIGNS: tuple[Literal[".", ","], ...] = (",", ".")
#: A column is of a kind where this share of its values is.
_MOST = 0.8
#: Formats that read fewer of the values are taken for chance.
_FEW = 0.005
#: Rows whose values are taken apart; all rows are counted.
_SAMPLE = 10_000


@dataclass(frozen=True)
class Profile:
    """A column.

    Attributes
    ----------
    rows, filled, distinct
        Of all rows: how many there are, the share with a value, and different values.
    points, commas
        Shares of the values that are numbers with a decimal point, and with a decimal comma.
    whole, negative
        Shares of the values that are whole numbers, and below 0.
    rate
        Share of the values that end in a sign for percent.
    formats
        Formats that read the values as moments, the most frequent first, `ISO` for ISO 8601; none where they are none.
    ambiguous
        Another format that reads as many of them, with day and month the other way round.
    is_time
        Whether the values are times of a day.
    currencies
        Codes and signs of currencies in the values.
    most
        The most frequent values, twenty of them at most; `examples` are the first of these, cut.
    """

    name: str
    rows: int
    filled: float
    distinct: int
    points: float
    commas: float
    whole: float
    negative: float
    rate: float
    formats: tuple[str, ...]
    ambiguous: str | None
    is_time: bool
    currencies: tuple[str, ...]
    examples: tuple[str, ...]
    most: tuple[str, ...] = ()

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
    def is_unique(self) -> bool:
        """Whether nearly every row has a value of its own."""
        return self.filled > 0.98 and self.distinct >= 0.98 * self.rows

    @property
    def evidence(self) -> str:
        """What the column holds, in a few words."""
        blank = f", {1 - self.filled:.1%} blank" if self.filled < 1 else ""
        return f"{self.distinct:,} values in {self.rows:,} rows{blank}, such as {', '.join(self.examples[:2])}"


def profile_columns(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> dict[str, Profile]:
    """Profile columns of a table of texts."""
    rows = count(con, f"SELECT count(*) FROM {table}")
    if not columns:
        return {}
    define_macros(con, ".")
    found = [
        con.execute(f"SELECT count({x}), count(DISTINCT {x}) FROM {table}").fetchall()[0]
        for x in (f"known({identifier(name)})" for name in columns)
    ]
    step = max(1, rows // _SAMPLE)
    con.execute(f"CREATE OR REPLACE TEMP TABLE _sample AS SELECT * FROM {table} WHERE rowid % {step} = 0")
    return {
        name: _profile(con, name, rows, int(filled), int(distinct))
        for name, (filled, distinct) in zip(columns, found, strict=True)
    }


def _profile(con: duckdb.DuckDBPyConnection, name: str, rows: int, filled: int, distinct: int) -> Profile:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _one AS SELECT known({identifier(name)}) AS x FROM _sample "
        f"WHERE known({identifier(name)}) IS NOT NULL"
    )
    shares = {}
    for sign in _SIGNS:
        define_macros(con, sign)
        shares[sign] = _share(con, "number(x) IS NOT NULL")
    if shares[","] > shares["."]:
        define_macros(con, ",")
    formats, ambiguous = _formats(con, name)
    most = _most(con, "x", "true")
    return Profile(
        name=name,
        rows=rows,
        filled=filled / rows if rows else 0.0,
        distinct=distinct,
        points=shares["."],
        commas=shares[","],
        whole=_share(con, "number(x) = round(number(x))"),
        negative=_share(con, "number(x) < 0"),
        rate=_share(con, "ends_with(x, '%')"),
        formats=formats,
        ambiguous=ambiguous,
        is_time=_share(con, r"regexp_full_match(x, '\d{1,2}:\d\d(:\d\d)?( ?[AaPp][Mm])?')") > _MOST,
        currencies=_most(con, "currency(x)", "number(x) IS NOT NULL"),
        examples=tuple(text[:40] for text in most[:3]),
        most=most,
    )


def _most(con: duckdb.DuckDBPyConnection, expression: str, condition: str) -> tuple[str, ...]:
    """Return the values of an expression, the most frequent first."""
    query = f"SELECT {expression} AS value FROM _one WHERE {condition} AND value IS NOT NULL GROUP BY 1"
    return tuple(str(row[0]) for row in con.execute(f"{query} ORDER BY count(*) DESC, value LIMIT 20").fetchall())


def _share(con: duckdb.DuckDBPyConnection, condition: str) -> float:
    return float(con.execute(f"SELECT coalesce(avg(coalesce({condition}, false)::INT), 0) FROM _one").fetchall()[0][0])


def _formats(con: duckdb.DuckDBPyConnection, name: str) -> tuple[tuple[str, ...], str | None]:
    """Choose ISO 8601 if it reads nearly all, else formats one by one, each reading most of what the others did not."""
    if (counted := _counted(con, name)) is not None:
        return counted, None
    if _share(con, "length(x) BETWEEN 6 AND 40 AND length(regexp_replace(x, '[^0-9]', '', 'g')) >= 3") < _MOST:
        return (), None
    if _share(con, r"contains(x, '-') AND instant(x) IS NOT NULL") > 1 - _FEW:
        return (ISO,), None
    if (
        _share(con, r"regexp_full_match(x, '\d+([.,]\d+)?')") > _MOST
        and _share(con, r"regexp_full_match(x, '(19|20)\d{6,12}')") < _MOST
    ):
        return (), None
    ways = [way for way, share in _each(con, "true", FORMATS).items() if share >= _FEW]
    chosen: list[str] = []
    left, ambiguous = "true", None
    while ways:
        shares = _each(con, left, [way for way in ways if way not in chosen])
        best = max(shares, key=lambda way: shares[way], default=None)
        if best is None or shares[best] < _FEW:
            break
        other = best.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
        if is_day_first(best) is not None and shares.get(other) == shares[best]:
            ambiguous = other
        chosen.append(best)
        left = f"{left} AND coalesce(try_strptime(x, '{best}') < '1900-01-01', true)"
    read = 1 - _share(con, left)
    return (tuple(chosen), ambiguous) if chosen and read >= _MOST else ((), None)


def _counted(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, ...] | None:
    """Return the format of moments that are counted from a beginning; none where numbers are no moments."""
    if _share(con, r"regexp_full_match(x, '1[0-9]{9}|1[0-9]{12}|1[0-9]{15}')") > 1 - _FEW:
        return (EPOCH,)
    if _share(con, r"regexp_full_match(x, '[2-7]\d{4}([.,]\d+)?')") > 1 - _FEW:
        # days as a spreadsheet counts them, if the column is called so; else a number
        dated = {"date", "time", "datum", "day", "timestamp", "日期", "时间", "fecha", "data"} & set(words_of(name))
        return (ISO,) if dated else ()
    return None


def _each(con: duckdb.DuckDBPyConnection, condition: str, ways: Sequence[str]) -> dict[str, float]:
    """Return the share of values that satisfy a condition and that each format reads."""
    if not ways:
        return {}
    # a year of two digits is no year 24
    shares = ", ".join(
        f"avg(coalesce(try_strptime(x, '{way}') BETWEEN '1900-01-01' AND '2200-01-01' AND {condition}, false)::INT)"
        for way in ways
    )
    found = con.execute(f"SELECT {shares} FROM _one").fetchall()[0]
    return {way: float(share or 0) for way, share in zip(ways, found, strict=True)}
