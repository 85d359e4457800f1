"""The columns that rules may read, and what each operator accepts of a column of each kind."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import DataError
from serving.segments.rules import Condition, Rule, conditions
from serving.segments.values import Numbers, Texts, ValueSet

Kind = Literal["number", "text", "moment"]
#: Names that an error lists at most.
_MOST_NAMED = 12


@dataclass(frozen=True)
class RuleColumn:
    """A column that rules may read. One value per customer, or none.

    Attributes
    ----------
    kind
        `number`, `text`, or `moment`: days from now, negative before it.
    source
        `scores`: of the score table; `profile`: a feature.
    """

    name: str
    kind: Kind
    source: Literal["scores", "profile"]
    description: str = ""


RuleColumns = Mapping[str, RuleColumn]


class RuleError(DataError):
    """A rule does not fit the columns that there are."""


#: What operators of numbers, of moments in days from now, and of texts accept. Intervals are half-open.
_ACCEPTED: Mapping[Kind, Mapping[str, Callable[[Any], ValueSet]]] = {
    "number": {
        "equals": lambda value: Numbers.points((value,)),
        "in": Numbers.points,
        "at_least": lambda low: Numbers.span(low, math.inf),
        "below": lambda high: Numbers.span(-math.inf, high),
        "between": lambda ends: Numbers.span(*ends),
        "missing": lambda missing: Numbers.absent() if missing else Numbers.absent().complement(),
    },
    "moment": {
        "within_days": lambda days: Numbers.span(-days, 0),
        "next_days": lambda days: Numbers.span(0, days),
        "older_than_days": lambda days: Numbers.span(-math.inf, -days),
        "missing": lambda missing: Numbers.absent() if missing else Numbers.absent().complement(),
    },
    "text": {
        "equals": lambda value: Texts(frozenset((value,))),
        "in": lambda values: Texts(frozenset(values)),
        "missing": lambda missing: Texts.absent() if missing else Texts.absent().complement(),
    },
}
#: The type of the values of `equals` and `in`.
_TYPES: Mapping[Kind, type] = {"number": float, "text": str}


def everything(kind: Kind) -> ValueSet:
    """Return all values that a column of a kind may have, and the missing one."""
    return Texts.everything() if kind == "text" else Numbers.everything()


def accepted(condition: Condition, columns: RuleColumns) -> ValueSet:
    """Return the values of its column that a condition accepts.

    Raises
    ------
    RuleError
        If there is no such column, or its values are of another kind than the condition's.
    """
    column = columns.get(condition.column)
    if column is None:
        raise _unknown(condition.column, columns)
    operators = _ACCEPTED[column.kind]
    if condition.operator not in operators:
        raise RuleError(
            f"Expected an operator for {column.name}, which is a {column.kind}: {', '.join(operators)}; found "
            f"{condition.operator}.",
            "Correct the condition.",
        )
    given = condition.operand if condition.operator == "in" else (condition.operand,)
    wanted = _TYPES.get(column.kind)
    for value in given if condition.operator in {"equals", "in"} else ():
        if wanted is not None and not isinstance(value, wanted):
            raise RuleError(
                f"Expected a {column.kind} for {condition.operator} of {column.name}, found {value!r}.",
                "Correct the condition.",
            )
    return operators[condition.operator](condition.operand)


def check_columns(rule: Rule, columns: RuleColumns) -> None:
    """Refuse a rule whose conditions do not fit the columns that there are.

    Raises
    ------
    RuleError
        If one does not.
    """
    for condition in conditions(rule):
        accepted(condition, columns)


def _unknown(name: str, columns: RuleColumns) -> RuleError:
    similar = difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
    if similar:
        return RuleError(f"There is no column {name!r}.", f"Did you mean {' or '.join(similar)}?")
    some = ", ".join(list(columns)[:_MOST_NAMED])
    return RuleError(
        f"There is no column {name!r}; there are {len(columns)}, such as {some}.",
        "`encore segments columns` lists all of them.",
    )
