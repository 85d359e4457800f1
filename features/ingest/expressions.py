"""What a mapping's expressions mean over the columns of a source, checked before a row is read."""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence

import duckdb
import sqlglot
from sqlglot import exp

from core.errors import DataError
from core.sql import first_line, identifier, quoted
from features.contract.tables import Column, Table
from features.ingest.currencies import is_currency
from features.ingest.settings import InputSettings

#: Source columns that a wrong mapping most often meant are listed up to this many.
_SHOWN = 12
#: Money of a row, of which the first that a table has shows the currency.
MONEY = ("amount", "price", "unit_price", "cost", "unit_cost")
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


class SourceColumns:
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
