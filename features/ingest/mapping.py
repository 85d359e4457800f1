"""From a source's columns to the contract's: the user's expressions, checked before a row is read, as one query."""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import duckdb

from core.errors import DataError
from core.sql import identifier, quoted
from features.contract.ids import DAMAGED
from features.contract.tables import EVERYTHING, Column, Table, runs_on_from
from features.ingest.expressions import SourceColumns
from features.ingest.macros import is_missing
from features.ingest.merge import ORIGIN
from features.ingest.quarantine import DIGITS_LOST
from features.ingest.settings import WHERE, InputSettings

#: Columns of a mapped row beside the contract's: the rule it breaks, whether it takes goods or a contract back, and the
#: currency, from the text of the amount or from a column of its own.
RULE, RETURNED, CURRENCY = "_rule", "_returned", "_currency"
#: Moments of events may lie no later than this after the clock: clocks and zones differ.
AHEAD = timedelta(days=1)
#: The end of a contract.
END = "end_timestamp"
#: How MySQL writes a moment that there is none of.
_ZERO = "0000-00-00"
#: Moments that cannot lie in the future.
_HAPPENED = {"event_timestamp", "created_timestamp"}


@dataclass(frozen=True)
class Mapping:
    """One input's way to its table, for sources that have the columns it was checked with.

    Attributes
    ----------
    select
        A query of the columns that the source has something for, `_rule` and `_returned`, over `{relation}`.
    columns
        What is kept of its result: an expression for each contract column that can be mapped, and each attribute.
    written
        When a row says it was written; null where it does not.
    has_currency
        Whether rows have `_currency`.
    """

    select: str
    columns: tuple[str, ...]
    written: str
    has_currency: bool = False

    def over(self, relation: str) -> str:
        """Return the query over what a scan reads."""
        return self.select.replace("{relation}", relation)


def make_mapping(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    item: InputSettings,
    columns: MappingType[str, str],
    others: frozenset[str],
    now: datetime,
) -> Mapping:
    """Check an input's mapping against the columns of a unit, on an empty table, and return it as a query.

    Parameters
    ----------
    con
        With the functions of mappings defined for this input.
    columns
        Of the unit: names and DuckDB types.
    others
        Columns that other units of the input have. A unit that lacks one has nothing to say in it.
    now
        What happened later is in the future.

    Raises
    ------
    DataError
        For a required column that nothing is mapped to, an unknown column, or an expression that does not work.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _nothing ({', '.join(f'{identifier(n)} {t}' for n, t in columns.items())})"
    )
    source = SourceColumns(con, table, item, dict(columns), others - columns.keys())
    raw = _raw(source, table, item, columns)
    conditions = _conditions(source, item)
    carried = _carried(source, table, raw, columns)
    read = {
        **{f"r_{name}": f"TRY({expression})" for name, expression in raw.items()},
        **{f"c_{place}": f"TRY({expression})" for place, expression in enumerate(conditions.values())},
        RETURNED: f"TRY({_taken_back(source, item)})",
        **carried,
    }
    types = {column.name: column.type for column in table.mapped}
    cast = {name: source.cast(name, types.get(name, "VARCHAR")) for name in raw}
    given = [column for column in table.mapped if column.name in source.given]
    known = {
        **{name: identifier(name) for name in raw if name in source.given or name not in types},
        RULE: _rule(table, given, list(conditions), quoted((now + AHEAD).isoformat())),
        RETURNED: f"coalesce({RETURNED}, false)",
        **{name: name for name in carried},
    }
    rows = f"SELECT *, {_named(cast)} FROM (SELECT {_named(read)} FROM {{relation}})"
    return Mapping(
        f"SELECT {_named(known)} FROM ({rows})",
        (*(_kept(name, table, types, source.given, now) for name in raw), *([ORIGIN] if ORIGIN in carried else [])),
        str(table.created if table.created in source.given else "NULL::TIMESTAMPTZ"),
        has_currency=CURRENCY in carried,
    )


def _named(expressions: MappingType[str, str]) -> str:
    return ", ".join(f"{expression} AS {identifier(name)}" for name, expression in expressions.items())


def _conditions(source: SourceColumns, item: InputSettings) -> dict[str, str]:
    """Return the conditions under which rows are left out, by the names that they are counted under."""
    conditions = {name: source.condition(name, expression) for name, expression in item.skip.items()}
    if item.where is not None:
        conditions[WHERE] = f"NOT coalesce({source.condition('where', item.where)}, false)"
    return conditions


def _taken_back(source: SourceColumns, item: InputSettings) -> str:
    """Return the condition under which a row takes goods or a contract back."""
    given = {"returns": item.returns, "cancels": item.cancels}
    conditions = [source.condition(name, condition) for name, condition in given.items() if condition is not None]
    return " OR ".join(conditions) or "false"


def _carried(
    source: SourceColumns, table: Table, raw: MappingType[str, str], columns: MappingType[str, str]
) -> dict[str, str]:
    """Return expressions of what rows have beside the contract's columns."""
    carried = {}
    if table.key == EVERYTHING:
        # of a key of all columns, the source's count: lines that differ there only are two
        carried[ORIGIN] = _number_of_row(columns)
    money = source.currency(raw)
    if money:
        carried[CURRENCY] = f"TRY({money})"
    return carried


def _number_of_row(columns: MappingType[str, str]) -> str:
    """Return the expression of a number for the values of a row, which columns without a value do not change."""
    parts = []
    for name in columns:
        value = f"nullif(trim({identifier(name)}::VARCHAR), '')"
        parts.append(f"CASE WHEN {value} IS NULL THEN 0::UBIGINT ELSE hash({quoted(name)}, {value}) END")
    return reduce(lambda left, right: f"xor({left}, {right})", parts)


def _raw(source: SourceColumns, table: Table, item: InputSettings, columns: MappingType[str, str]) -> dict[str, str]:
    """Return the expression of each column's value, as the source writes it."""
    unknown = [name for name in item.columns if name not in {column.name for column in table.mapped}]
    if unknown and not table.extra:
        raise DataError(
            f"{item.origin}: {table.name} has no column {unknown[0]!r}; its columns are "
            f"{', '.join(column.name for column in table.mapped)}.",
            "Correct the name in `columns`.",
        )
    raw = {column.name: source.value(column) for column in table.mapped}
    if table.extra:
        used = {*item.mapping.values(), *item.columns, *raw}
        raw |= {name: f"{identifier(name)}::VARCHAR" for name in columns if name not in used}
        raw |= {name: f"({source.expression(name, item.columns[name])})::VARCHAR" for name in unknown}
    return raw


def _rule(table: Table, given: Sequence[Column], conditions: Sequence[str], limit: str) -> str:
    """Return the expression of the first rule that a row breaks: of the configuration, then of the contract."""
    broken = [(f"c_{place}", name) for place, name in enumerate(conditions)]
    broken += [rule for column in given for rule in _rules(column, limit)]
    ends = table.name == "subscriptions" and any(column.name == END for column in given)
    if ends:
        # a row that cancels says when it was written, or when the contract is over, and is no period
        broken.append((f"{END} <= start_timestamp AND NOT coalesce({RETURNED}, false)", "end not after start"))
    # nearly all rows break no rule, and are not asked which
    sound = [*(f"coalesce(NOT c_{place}, true)" for place in range(len(conditions)))]
    sound += [_sound(column, limit) for column in given]
    if ends:
        sound.append(f"coalesce({END} > start_timestamp, true)")
    rules = [
        f"WHEN {' AND '.join(sound)} THEN NULL",
        *(f"WHEN {condition} THEN {quoted(name)}" for condition, name in broken),
    ]
    return f"CASE {' '.join(rules)} END"


def _kept(name: str, table: Table, types: MappingType[str, str], given: AbstractSet[str], now: datetime) -> str:
    """Return the expression of what is kept of a column; a column without values is not carried along until then."""
    if name == table.created:
        value = f"coalesce({name}, {table.happened})" if name in given else str(table.happened)
    elif name in types and name not in given:
        value = f"NULL::{types[name]}"
    elif name == END and table.name == "subscriptions":
        value = f"CASE WHEN {END} <= {quoted(runs_on_from(now).isoformat())} THEN {END} END"
    else:
        return identifier(name)
    return f"{value} AS {identifier(name)}"


def _rules(column: Column, limit: str) -> list[tuple[str, str]]:
    """Return why a value cannot be used, conditions and their names, of which the first counts."""
    name, raw = identifier(column.name), identifier("r_" + column.name)
    empty = is_missing(f"{raw}::VARCHAR")
    if column.name == END:
        empty += f" OR {raw}::VARCHAR LIKE '{_ZERO}%'"
    rules = [(f"{name} IS NULL AND {raw} IS NOT NULL AND NOT ({empty})", "unreadable")]
    if column.required:
        rules.append((f"{name} IS NULL", "missing"))
    if column.is_id:
        rules.append((f"regexp_full_match({name}, {quoted(DAMAGED)})", DIGITS_LOST))
    if column.type == "DOUBLE":
        rules.append((f"NOT isfinite({name})", "infinite"))
    if column.is_probability:
        rules.append((f"NOT ({name} > 0 AND {name} <= 1)", "implausible"))
    if column.type == "TIMESTAMPTZ":
        # an end in a year such as 9999 says that a contract runs on
        beyond = "" if column.name == END else f" OR {name} > '2200-01-01'"
        rules.append((f"({name} < '1900-01-01'{beyond})", "implausible"))
    if column.name in _HAPPENED:
        rules.append((f"{name} > {limit}", "future"))
    return [(condition, f"{what} {column.name}") for condition, what in rules]


def _sound(column: Column, limit: str) -> str:
    """Return a condition under which a value breaks no rule, and that is quick to see."""
    name = identifier(column.name)
    latest = limit if column.name in _HAPPENED else "'2200-01-01'"
    plain = {"DOUBLE": f"isfinite({name})", "TIMESTAMPTZ": f"{name} BETWEEN '1900-01-01' AND {latest}"}
    known = f"NOT contains({name}, '+')" if column.is_id else plain.get(column.type, f"{name} IS NOT NULL")
    if column.is_probability:
        known = f"({name} > 0 AND {name} <= 1)"
    return known if column.required else f"({known} OR {identifier('r_' + column.name)} IS NULL)"
