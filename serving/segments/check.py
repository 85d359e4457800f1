"""What is wrong with a rule before anybody asks for its members: parts that hold for nobody, or for everybody.

The check is exact: it looks for values of the columns that make the rule true, one way through its `any` at a time, as
solvers of satisfiability do. It gives up after a number of steps; then nothing is said about the rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from serving.segments.columns import RuleColumns, accepted, check_columns, everything
from serving.segments.rules import AllOf, Condition, NotOf, Rule, parts_of, placed_parts, written
from serving.segments.values import ValueSet, both

#: Steps after which the check of a rule gives up, less than a second.
_MOST_STEPS = 20_000
#: Findings that are shown at most.
_MOST_SHOWN = 10


@dataclass(frozen=True)
class RuleFinding:
    """What is wrong with a rule.

    Attributes
    ----------
    kind
        `never`: the rule holds for nobody, whatever the data; `always`: it holds for everybody; `part_never` and
        `part_always`: a part of it does; `empty`: nobody is in the segment now; `unknown_value`: no customer has the
        text that a condition asks for.
    place
        The part, such as `all.1.any.0`; empty for the whole rule.
    """

    kind: Literal["never", "always", "part_never", "part_always", "empty", "unknown_value"]
    text: str
    place: str = ""


class _GivenUpError(Exception):
    """The check takes too many steps."""


class Search:
    """Looks for values of columns that make rules true or false, in a limited number of steps for all of them."""

    def __init__(self, columns: RuleColumns) -> None:
        self._columns = columns
        self._steps = 0

    def can_be(self, rule: Rule, *, holds: bool) -> bool:
        """Return whether some values make a rule true, or false; True where no steps are left to say."""
        try:
            return self._finds(((rule, holds),), {})
        except _GivenUpError:
            return True

    def _finds(self, wanted: Sequence[tuple[Rule, bool]], known: Mapping[str, ValueSet]) -> bool:
        """Return whether some values make each of the rules what is wanted of it.

        Parameters
        ----------
        known
            By column, the values that are left after what was looked at before.

        Raises
        ------
        _GivenUpError
            If it takes too many steps.
        """
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _GivenUpError
        if not wanted:
            return True
        (rule, holds), rest = wanted[0], wanted[1:]
        if isinstance(rule, Condition):
            return self._narrow(rule, known, holds=holds, rest=rest)
        if isinstance(rule, NotOf):
            return self._finds(((rule.negated, not holds), *rest), known)
        # conditions first: they are quickly seen to contradict what is known
        parts = sorted(parts_of(rule), key=lambda part: not isinstance(part, Condition))
        if isinstance(rule, AllOf) == holds:
            return self._finds((*((part, holds) for part in parts), *rest), known)
        return any(self._finds(((part, holds), *rest), known) for part in parts)

    def _narrow(
        self, condition: Condition, known: Mapping[str, ValueSet], *, holds: bool, rest: Sequence[tuple[Rule, bool]]
    ) -> bool:
        values = accepted(condition, self._columns)
        before = known.get(condition.column, everything(self._columns[condition.column].kind))
        left = both(before, values if holds else values.complement())
        return not left.is_empty and self._finds(rest, {**known, condition.column: left})


def check_rule(rule: Rule, columns: RuleColumns) -> list[RuleFinding]:
    """Return what is wrong with a rule whatever the data: of the whole, or else of its parts.

    Raises
    ------
    RuleError
        If a condition does not fit the columns.
    """
    check_columns(rule, columns)
    search = Search(columns)
    if not search.can_be(rule, holds=True):
        return [RuleFinding("never", f"The rule can hold for nobody: {_reason(rule, columns)}.")]
    if not search.can_be(rule, holds=False):
        return [RuleFinding("always", "The rule holds for every customer, whatever the values.")]
    return list(_of_parts(rule, columns, search, ""))[:_MOST_SHOWN]


def _of_parts(rule: Rule, columns: RuleColumns, search: Search, place: str) -> Iterator[RuleFinding]:
    """Yield findings about the parts of a group that is itself neither always nor never true."""
    for inner, part in placed_parts(rule, place):
        if not search.can_be(part, holds=True):
            yield RuleFinding("part_never", f"This part can hold for nobody: {_reason(part, columns)}.", inner)
        elif not search.can_be(part, holds=False):
            yield RuleFinding("part_always", "This part holds for every customer, so that it says nothing.", inner)
        else:
            yield from _of_parts(part, columns, search, inner)


def _reason(rule: Rule, columns: RuleColumns) -> str:
    """Say why a rule can hold for nobody: two conditions that contradict each other, where there are such."""
    for one, other in combinations([part for part in _together(rule) if isinstance(part, Condition)], 2):
        if one.column == other.column and both(accepted(one, columns), accepted(other, columns)).is_empty:
            return f"{in_words(one)} and {in_words(other)} contradict each other"
    return "its parts contradict each other"


def _together(rule: Rule) -> Iterator[Rule]:
    """Yield what has to hold at once."""
    if isinstance(rule, AllOf):
        for part in rule.all:
            yield from _together(part)
    else:
        yield rule


def in_words(condition: Condition) -> str:
    """Return a condition as its file has it, such as `risk at_least 0.5`."""
    value = written(condition)[condition.operator]
    return (
        f"{condition.column} {condition.operator} {value:g}"
        if isinstance(value, float)
        else (f"{condition.column} {condition.operator} {value}")
    )
