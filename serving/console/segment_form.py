"""The form of a segment: groups of conditions as somebody fills them in, and the rule that they make.

A rule fits the form where it is groups of conditions, of which all, or at least one, hold. Deeper rules are written as
JSON.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from starlette.datastructures import FormData

from serving.explain.fields import FLAGS, unit_of
from serving.explain.language import LANGUAGES
from serving.segments.columns import RuleColumns
from serving.segments.rules import AllOf, AnyOf, Condition, NotOf, Rule, parts_of, written

#: What a line may ask of a column, by the kind of the column; the first is chosen for a new line.
CHOICES: Mapping[str, Sequence[str]] = {
    "text": ("in", "not_in", "known", "unknown"),
    "number": ("at_least", "below", "between", "equals", "known", "unknown"),
    "flag": ("yes", "no", "known", "unknown"),
    "moment": ("within_days", "older_than_days", "next_days", "known", "unknown"),
}
#: Choices that say everything: a condition without a value.
_WHOLE: Mapping[str, Mapping[str, Any]] = {
    "known": {"missing": False},
    "unknown": {"missing": True},
    "yes": {"equals": 1},
    "no": {"equals": 0},
}
_BLOCKS = re.compile(r"b(\d+)\.join")
_LINES = re.compile(r"b(\d+)\.(\d+)\.column")
_PERCENT = 100


@dataclass
class Line:
    """A condition as it is filled in.

    Attributes
    ----------
    choice
        Of `CHOICES`.
    values
        As they are typed, shares in percent; two of `between`, any number of texts.
    error
        Names what is wrong with it, a text `segment_builder.error.<error>`; empty where nothing is.
    """

    column: str = ""
    choice: str = ""
    values: tuple[str, ...] = ()
    error: str = ""


@dataclass
class Block:
    """A group of conditions: all, any or none of them hold."""

    join: Literal["all", "any", "none"] = "all"
    lines: list[Line] = field(default_factory=lambda: [Line()])


@dataclass
class Draft:
    """A segment as it is filled in.

    Attributes
    ----------
    was
        The name of the segment that is changed; empty for a new one.
    join
        Whether all groups have to hold, or any of them.
    text
        The rule as JSON, where it does not fit the form; then there are no groups.
    errors
        By field, what is wrong.
    """

    name: str = ""
    was: str = ""
    titles: dict[str, str] = field(default_factory=dict)
    kind: Literal["following", "static"] = "following"
    join: Literal["all", "any"] = "all"
    blocks: list[Block] = field(default_factory=lambda: [Block()])
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> Iterator[Line]:
        """All lines."""
        for block in self.blocks:
            yield from block.lines


def kind_of(column: str, columns: RuleColumns) -> str:
    """Return the kind of a column as `CHOICES` has it."""
    return "flag" if column in FLAGS else columns[column].kind


def read_draft(form: FormData, columns: RuleColumns) -> Draft:
    """Read what was sent; a choice that does not fit its column becomes the first one of the column's kind."""
    titles = {language: str(form.get(f"title_{language}", "")).strip() for language in LANGUAGES}
    draft = Draft(
        name=str(form.get("name", "")).strip(),
        was=str(form.get("was", "")),
        titles=titles,
        kind="static" if form.get("kind") == "static" else "following",
        join="any" if form.get("join") == "any" else "all",
        blocks=[],
        text=str(form.get("rule", "")),
    )
    places = sorted({int(found[1]) for key in form if (found := _BLOCKS.fullmatch(key))})
    for place in places:
        join = form.get(f"b{place}.join")
        numbers = sorted({int(found[2]) for key in form if (found := _LINES.fullmatch(key)) and int(found[1]) == place})
        lines = [_read_line(form, f"b{place}.{number}", columns) for number in numbers]
        draft.blocks.append(Block("any" if join == "any" else "none" if join == "none" else "all", lines))
    return draft


def _read_line(form: FormData, prefix: str, columns: RuleColumns) -> Line:
    column, choice = str(form.get(f"{prefix}.column", "")), str(form.get(f"{prefix}.choice", ""))
    if column not in columns:
        return Line()
    if form.get(f"{prefix}.before") != column:  # another column has other values
        return Line(column, CHOICES[kind_of(column, columns)][0])
    if choice not in CHOICES[kind_of(column, columns)]:
        return Line(column, CHOICES[kind_of(column, columns)][0])
    return Line(column, choice, tuple(str(value) for value in form.getlist(f"{prefix}.value")))


def draft_of(rule: Rule, columns: RuleColumns) -> Draft:
    """Fill the form in with a rule, or give it as JSON where it does not fit."""
    whole = isinstance(rule, AnyOf) and all(isinstance(part, Condition) for part in rule.any)
    parts = (rule,) if whole or isinstance(rule, Condition | NotOf) else parts_of(rule)
    join: Literal["all", "any"] = "any" if isinstance(rule, AnyOf) and not whole else "all"
    draft = Draft(join=join, blocks=[])
    for part in parts:
        block = _block_of(part, join, columns)
        if block is None:
            return Draft(blocks=[], text=orjson.dumps(written(rule), option=orjson.OPT_INDENT_2).decode())
        last = draft.blocks[-1] if draft.blocks else None
        if last is not None and last.join == block.join == join:
            last.lines += block.lines
        else:
            draft.blocks.append(block)
    return draft


def _block_of(part: Rule, join: Literal["all", "any"], columns: RuleColumns) -> Block | None:
    line = _line_of(part, columns)
    if line is not None:
        return Block(join, [line])
    inner = part.negated if isinstance(part, NotOf) else part
    if isinstance(part, NotOf) and isinstance(inner, AllOf | NotOf):
        return None
    lines = [_line_of(one, columns) for one in (parts_of(inner) if not isinstance(inner, Condition) else (inner,))]
    found = [one for one in lines if one is not None]
    if len(found) < len(lines):
        return None
    return Block("none" if isinstance(part, NotOf) else "any" if isinstance(part, AnyOf) else "all", found)


def _line_of(part: Rule, columns: RuleColumns) -> Line | None:
    """Return a condition as a line; None for what no line can say."""
    negated = isinstance(part, NotOf)
    condition = part.negated if isinstance(part, NotOf) else part
    if not isinstance(condition, Condition) or condition.column not in columns:
        return None
    column, operator, kind = condition.column, condition.operator, kind_of(condition.column, columns)
    for choice in CHOICES[kind]:
        if not negated and _WHOLE.get(choice) == {operator: condition.operand}:
            return Line(column, choice)
    if kind == "text" and operator in {"in", "equals"}:
        values = condition.operand if operator == "in" else (condition.operand,)
        return Line(column, "not_in" if negated else "in", tuple(str(value) for value in values))
    if negated or operator not in CHOICES[kind] or operator == "in":
        return None
    numbers = condition.operand if operator == "between" else (condition.operand,)
    return Line(column, operator, tuple(_typed(column, number, kind) for number in numbers))


def _typed(column: str, number: float, kind: str) -> str:
    """Return a number as it is typed, a share in percent."""
    shown = number * _PERCENT if kind == "number" and unit_of(column) == "percent" else number
    return repr(round(shown, 9)).removesuffix(".0")


def raw_rule(draft: Draft, columns: RuleColumns) -> dict[str, Any] | None:
    """Return the rule that complete lines make, as JSON has it; None without any. Lines get their errors."""
    groups = []
    for block in draft.blocks:
        parts = [part for line in block.lines if (part := _condition(line, columns)) is not None]
        if parts and block.join == draft.join:
            groups += parts
        elif parts:
            joined = parts[0] if len(parts) == 1 else {("all" if block.join == "all" else "any"): parts}
            groups.append({"not": joined} if block.join == "none" else joined)
    if not groups:
        return None
    return groups[0] if len(groups) == 1 else {draft.join: groups}


def _condition(line: Line, columns: RuleColumns) -> dict[str, Any] | None:
    """Return the condition of a line; None, and an error, where something is missing."""
    if not line.column:
        line.error = "column"
        return None
    if line.choice in _WHOLE:
        return {"column": line.column, **_WHOLE[line.choice]}
    if line.choice in {"in", "not_in"}:
        line.error = "" if line.values else "texts"
        condition = {"column": line.column, "in": list(line.values)}
        return None if line.error else {"not": condition} if line.choice == "not_in" else condition
    numbers = [_number(value) for value in line.values if value.strip()]
    line.error = _wrong(line, numbers)
    if line.error:
        return None
    is_share = kind_of(line.column, columns) == "number" and unit_of(line.column) == "percent"
    scaled = [round(number / _PERCENT, 12) if is_share else number for number in numbers]
    return {"column": line.column, line.choice: scaled if line.choice == "between" else scaled[0]}


def _wrong(line: Line, numbers: Sequence[float]) -> str:
    """Name what is wrong with the numbers of a line; empty where nothing is."""
    wanted = 2 if line.choice == "between" else 1
    if len(numbers) < wanted or any(math.isnan(number) for number in numbers):
        return "number"
    if line.choice == "between" and numbers[0] >= numbers[1]:
        return "order"
    if line.choice.endswith("_days") and not 0 < numbers[0] <= 36_525:
        return "days"
    return ""


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan
