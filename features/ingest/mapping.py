"""From a source's columns to the contract's: the user's expressions, checked before a row is read, as one query."""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import duckdb
import sqlglot
from sqlglot import exp

from core.errors import DataError
from core.sql import first_line, identifier, quoted
from features.contract.ids import DAMAGED
from features.contract.tables import EVERYTHING, Column, Table, runs_on_from
from features.ingest.currencies import is_currency
from features.ingest.merge import ORIGIN
from features.ingest.quarantine import DIGITS_LOST
from features.ingest.settings import WHERE, InputSettings

#: Source columns that a wrong mapping most often meant are listed up to this many.
_SHOWN = 12
#: Columns of a mapped row beside the contract's: the rule it breaks, whether it takes goods or a contract back, and the
#: currency, from the text of the amount or from a column of its own.
RULE, RETURNED, CURRENCY = "_rule", "_returned", "_currency"
#: Moments of events may lie no later than this after the clock: clocks and zones differ.
AHEAD = timedelta(days=1)
#: Money of a row, of which the first that a table has shows the currency.
MONEY = ("amount", "price", "unit_price")
#: The end of a contract.
END = "end_timestamp"
#: How MySQL writes a moment that there is none of.
_ZERO = "0000-00-00"
#: Moments that cannot lie in the future.
_HAPPENED = {"event_timestamp", "created_timestamp"}
_ARITHMETIC = (
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.IntDiv,
    exp.Mod,
    exp.Neg,
    exp.Abs,
    exp.Round,
    exp.Floor,
    exp.Ceil,
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)


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
    source = _Source(con, table, item, dict(columns), others - columns.keys())
    raw = _raw(source, table, item, columns)
    conditions = {name: source.condition(name, expression) for name, expression in item.skip.items()}
    if item.where is not None:
        conditions[WHERE] = f"NOT coalesce({source.condition('where', item.where)}, false)"
    taken_back = {"returns": item.returns, "cancels": item.cancels}
    given_back = [source.condition(name, condition) for name, condition in taken_back.items() if condition is not None]
    returned = " OR ".join(given_back) or "false"
    inner = [f"TRY({expression}) AS {identifier('r_' + name)}" for name, expression in raw.items()]
    inner += [f"TRY({expression}) AS c_{place}" for place, expression in enumerate(conditions.values())]
    inner.append(f"TRY({returned}) AS {RETURNED}")
    # of a key of all columns, the source's count: lines that differ there only are two
    whole = [f"{_number_of_row(columns)} AS {ORIGIN}"] if table.key == EVERYTHING else []
    money = source.currency(raw)
    inner += [*whole, *([f"TRY({money}) AS {CURRENCY}"] if money else [])]
    types = {column.name: column.type for column in table.mapped}
    cast = [f"{source.cast(name, types.get(name, 'VARCHAR'))} AS {identifier(name)}" for name in raw]
    given = [column for column in table.mapped if column.name in source.given]
    known = [identifier(name) for name in raw if name in source.given or name not in types]
    known += [
        f"{_rule(table, given, list(conditions), quoted((now + AHEAD).isoformat()))} AS {RULE}",
        f"coalesce({RETURNED}, false) AS {RETURNED}",
        *([ORIGIN] if whole else []),
        *([CURRENCY] if money else []),
    ]
    source_rows = f"SELECT *, {', '.join(cast)} FROM (SELECT {', '.join(inner)} FROM {{relation}})"
    written = table.created if table.created in source.given else "NULL::TIMESTAMPTZ"
    return Mapping(
        f"SELECT {', '.join(known)} FROM ({source_rows})",
        (*(_kept(name, table, types, source.given, now) for name in raw), *([ORIGIN] if whole else [])),
        str(written),
        has_currency=money is not None,
    )


def _number_of_row(columns: MappingType[str, str]) -> str:
    """Return the expression of a number for the values of a row, which columns without a value do not change."""
    parts = []
    for name in columns:
        value = f"nullif(trim({identifier(name)}::VARCHAR), '')"
        parts.append(f"CASE WHEN {value} IS NULL THEN 0::UBIGINT ELSE hash({quoted(name)}, {value}) END")
    return reduce(lambda left, right: f"xor({left}, {right})", parts)


def _raw(source: "_Source", table: Table, item: InputSettings, columns: MappingType[str, str]) -> dict[str, str]:
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
        value = f"coalesce({name}, {table.happened})" if name in given else table.happened
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
    empty = f"known({raw}) IS NULL"
    if column.name == END:
        empty += f" OR {raw}::VARCHAR LIKE '{_ZERO}%'"
    rules = [(f"{name} IS NULL AND NOT ({empty})", "unreadable")]
    if column.required:
        rules.append((f"{name} IS NULL", "missing"))
    if column.is_id:
        rules.append((f"regexp_full_match({name}, {quoted(DAMAGED)})", DIGITS_LOST))
    if column.type == "DOUBLE":
        rules.append((f"NOT isfinite({name})", "infinite"))
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
    return known if column.required else f"({known} OR {identifier('r_' + column.name)} IS NULL)"


class _Source:
    """The columns of a unit, and what expressions over them mean.

    Attributes
    ----------
    given
        Contract columns that it has a value for.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        table: Table,
        item: InputSettings,
        columns: dict[str, str],
        missing: frozenset[str],
    ) -> None:
        self._con, self._table, self._item = con, table, item
        self._columns, self._missing = columns, missing
        self._types: dict[str, str] = {}
        self._ids = {column.name for column in table.columns if column.is_id}
        self.given: set[str] = set()

    def value(self, column: Column) -> str:
        """Return the expression of a contract column; NULL where the source has none."""
        columns = {name.lower(): name for name in self._columns}
        expression = self._item.mapping.get(column.name, columns.get(column.name))
        if expression is None or (expression in self._missing and not column.required):
            if column.required:
                raise DataError(
                    f"{self._item.origin}: {self._table.name} needs a column {column.name!r}; found "
                    f"{_listed(list(self._columns))}.",
                    f'Map it: columns = {{ {column.name} = "…" }}, a source column or a DuckDB expression.',
                )
            self._types[column.name] = column.type
            return f"NULL::{column.type}"
        self.given.add(column.name)
        return self.expression(column.name, expression)

    def expression(self, name: str, expression: str) -> str:
        """Check what a column is mapped to, and remember its type."""
        if expression in self._columns:
            self._types[name] = self._columns[expression]
            return identifier(expression)
        meant = self._numbers(expression, f"the mapping of {name!r}")
        self._types[name] = self._type(meant, expression, f"the mapping of {name!r}")
        return meant

    def condition(self, name: str, expression: str) -> str:
        """Check a condition."""
        meant = f"({self._numbers(expression, f'the condition {_place(name)}')})"
        kind = self._type(meant, expression, f"the condition {_place(name)}")
        if kind != "BOOLEAN":
            raise DataError(
                f"{self._item.origin}: expected the condition {_place(name)}, {expression}, to be true or false, found "
                f"{kind}.",
                "Compare the value with something.",
            )
        return meant

    def currency(self, raw: MappingType[str, str]) -> str | None:
        """Return the expression of the currency that a row's money is in; None where nothing can show one.

        That is a column called so, unless the mapping looks at it already; else the sign or code beside the amount.
        """
        names = [name for name in self._columns if is_currency(name)]
        item = self._item
        written = " ".join([*item.columns.values(), *item.skip.values(), item.where or "", item.returns or ""])
        if any(name in written for name in names) or "currency(" in written:
            return None
        if names:
            return f"upper(known({identifier(names[0])}))"
        texts = [name for name in MONEY if name in self.given and self._types.get(name) == "VARCHAR"]
        if not texts:
            return None
        value = raw[texts[0]]
        # most amounts begin and end with a digit or a sign, which is quick to see
        bare = f"{value} BETWEEN '+' AND '9~' AND {value}[-1] BETWEEN '0' AND '9'"
        return f"CASE WHEN {bare} THEN NULL ELSE currency({value}) END"

    def cast(self, name: str, kind: str) -> str:
        """Return the cast of a raw value to the contract's type; null where it is none."""
        raw = identifier("r_" + name)
        is_text = self._types.get(name, "VARCHAR") == "VARCHAR"
        if kind == "VARCHAR":
            return f"canonical({raw})" if name in self._ids else f"known({raw})"
        if kind == "DOUBLE" and is_text:
            return f"number({raw})"
        if kind in {"TIMESTAMPTZ", "DATE"} and is_text:
            formats = ", ".join(quoted(way) for way in self._item.dates)
            moment = f"try_strptime(trim({raw}), [{formats}])" if formats else f"instant({raw})"
            return f"TRY_CAST({moment} AS {kind})"
        return f"TRY_CAST({raw} AS {kind})"

    def _type(self, meant: str, expression: str, what: str) -> str:
        self._check_one_row(meant, expression, what)
        try:
            return str(self._con.execute(f"DESCRIBE SELECT {meant} FROM _nothing").fetchall()[0][1])
        except duckdb.Error as error:
            raise DataError(
                f"{self._item.origin}: {what}, {expression}, does not work: {first_line(error)}. The source has the "
                f"columns {_listed(list(self._columns))}.",
                "Correct it: a source column or a DuckDB expression; texts become numbers with number(…).",
            ) from error

    def _check_one_row(self, meant: str, expression: str, what: str) -> None:
        """Refuse what looks at other rows; DuckDB does so only while rows are read."""
        tree = sqlglot.parse_one(meant, read="duckdb")
        if tree.find(exp.Window, exp.AggFunc, exp.Subquery, exp.Select) is not None:
            raise DataError(
                f"{self._item.origin}: {what}, {expression}, looks at other rows than its own.",
                'Compute it in a query, such as query = "SELECT *, max(status) OVER (PARTITION BY order_no) AS '
                "order_status FROM 'orders.csv'\" instead of `path`, and name `order_status` in its place.",
            )

    def _numbers(self, expression: str, what: str) -> str:
        """Read texts as numbers where an expression calculates with them or compares them with numbers."""
        try:
            trees = sqlglot.parse(expression, read="duckdb")
        except sqlglot.errors.SqlglotError as error:
            raise DataError(
                f"{self._item.origin}: {what}, {expression}, is no DuckDB expression: {first_line(error)}.",
                "Correct it.",
            ) from error
        tree = trees[0] if len(trees) == 1 else None
        if tree is None or not isinstance(tree, exp.Condition):
            raise DataError(
                f"{self._item.origin}: expected one expression in {what}, found {expression}.", "Correct it."
            )
        texts = {name.lower() for name, kind in self._columns.items() if kind == "VARCHAR"}
        wrapped = [
            column for column in tree.find_all(exp.Column) if column.name.lower() in texts and _calculated(column)
        ]
        for column in wrapped:
            column.replace(exp.Anonymous(this="number", expressions=[column.copy()]))
        return tree.sql("duckdb") if wrapped else expression


def _place(condition: str) -> str:
    """Return the key of a condition in the configuration of an input."""
    return f"`{condition}`" if condition in {"where", "returns"} else f"`skip.{condition}`"


def _calculated(column: exp.Column) -> bool:
    """Return whether a column is used where only a number can be."""
    child: exp.Expression = column
    while isinstance(child.parent, exp.Paren):
        child = child.parent
    parent = child.parent
    if isinstance(parent, _ARITHMETIC):
        return True
    if not isinstance(parent, _COMPARISONS):
        return False
    others = [node for node in parent.iter_expressions() if node is not child]
    return bool(others) and all(_is_number(node) for node in others)


def _is_number(node: exp.Expression) -> bool:
    if isinstance(node, exp.Neg | exp.Paren):
        return _is_number(node.this)
    return (isinstance(node, exp.Literal) and not node.is_string) or isinstance(node, _ARITHMETIC)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
