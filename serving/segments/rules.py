"""What a rule is: a small tree of conditions on columns of customers. TOML files and the API write the same tree."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, Union

from pydantic import (
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from features.contract.events.kind import Strict

#: Conditions and groups of one rule together.
MOST_NODES = 200
#: Values of one condition.
MOST_VALUES = 1_000
#: Groups inside each other.
DEEPEST = 20

Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=200)]
Value = Number | Text
#: Days from now, at most a hundred years.
RuleDays = Annotated[float, Field(gt=0, le=36_525, allow_inf_nan=False)]

#: The operators of a condition as they are written, and their fields.
OPERATORS: Mapping[str, str] = {
    "equals": "equals",
    "in": "one_of",
    "at_least": "at_least",
    "below": "below",
    "between": "between",
    "missing": "missing",
    "within_days": "within_days",
    "next_days": "next_days",
    "older_than_days": "older_than_days",
}


@dataclass(frozen=True)
class _Length:
    """Refuses an empty or a long list as one error, before its items are looked at.

    Constraints of pydantic report an empty list beside the errors of its items.
    """

    most: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"minItems": 1, "maxItems": self.most}

    def _check(self, values: object) -> object:
        if isinstance(values, list | tuple) and not 1 <= len(values) <= self.most:
            raise ValueError(f"expected 1 to {self.most:,} items, found {len(values):,}")
        return values


_Values = Annotated[tuple[Value, ...], _Length(MOST_VALUES)]
#: Kinds of nodes, as the places of errors name them beside the keys that somebody wrote.
NODE_TAGS = frozenset({"(all)", "(any)", "(not)", "(condition)"})


class _Node(Strict):
    model_config = ConfigDict(serialize_by_alias=True)


class Condition(_Node):
    """A condition on one column, with exactly one operator. Does not hold where the value is missing."""

    column: Text = Field(examples=["risk"])
    equals: Value | None = Field(None, description="The value is this one")
    one_of: _Values | None = Field(None, alias="in", description="The value is one of these")
    at_least: Number | None = Field(None, description="The number is this or more", examples=[0.5])
    below: Number | None = Field(None, description="The number is less than this")
    between: tuple[Number, Number] | None = Field(None, description="The number is in [low, high)")
    missing: bool | None = Field(None, description="True: there is no value; false: there is one")
    within_days: RuleDays | None = Field(None, description="The moment is in [now - days, now)")
    next_days: RuleDays | None = Field(None, description="The moment is in [now, now + days)")
    older_than_days: RuleDays | None = Field(None, description="The moment is before now - days")

    @model_validator(mode="after")
    def _has_one_operator(self) -> "Condition":
        found = [name for name, field in OPERATORS.items() if getattr(self, field) is not None]
        if len(found) != 1:
            named = " and ".join(found) or "none"
            raise ValueError(f"expected one operator of {', '.join(OPERATORS)} for {self.column}, found {named}")
        if self.between is not None and self.between[0] >= self.between[1]:
            low, high = self.between
            raise ValueError(f"expected between = [low, high] with low below high, found [{low:g}, {high:g}]")
        return self

    @property
    def operator(self) -> str:
        """The operator, as it is written."""
        return next(name for name, field in OPERATORS.items() if getattr(self, field) is not None)

    @property
    def operand(self) -> Any:  # noqa: ANN401 - as the operator's field has it
        """The value of the operator."""
        return getattr(self, OPERATORS[self.operator])


class AllOf(_Node):
    """Holds where every part holds."""

    all: Annotated[tuple["Rule", ...], FailFast(), _Length(MOST_NODES)]


class AnyOf(_Node):
    """Holds where at least one part holds."""

    any: Annotated[tuple["Rule", ...], FailFast(), _Length(MOST_NODES)]


class NotOf(_Node):
    """Holds where its part does not, also where a value is missing."""

    negated: "Rule" = Field(alias="not")


def _kind(value: object) -> str:
    """Name the kind of a node by the key that only this kind has."""
    if isinstance(value, _Node):
        kinds: dict[type[_Node], str] = {AllOf: "(all)", AnyOf: "(any)", NotOf: "(not)"}
        return kinds.get(type(value), "(condition)")
    if isinstance(value, Mapping):
        return next((f"({key})" for key in ("all", "any", "not") if key in value), "(condition)")
    return "(condition)"


Rule: TypeAlias = Annotated[
    Union[  # noqa: UP007 - the classes of the names in quotes come before
        Annotated[AllOf, Tag("(all)")],
        Annotated[AnyOf, Tag("(any)")],
        Annotated[NotOf, Tag("(not)")],
        Annotated[Condition, Tag("(condition)")],
    ],
    Discriminator(_kind),
]

for _model in (AllOf, AnyOf, NotOf):
    _model.model_rebuild()


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """Return the parts of a group; none of a condition."""
    if isinstance(rule, AllOf):
        return rule.all
    if isinstance(rule, AnyOf):
        return rule.any
    return (rule.negated,) if isinstance(rule, NotOf) else ()


def placed_parts(rule: Rule, place: str = "") -> Iterator[tuple[str, Rule]]:
    """Yield the parts of a group with their places, such as `all.1.any.0`, where the group itself is at a place."""
    key = "all" if isinstance(rule, AllOf) else "any" if isinstance(rule, AnyOf) else "not"
    inner = f"{place}.{key}" if place else key
    for number, part in enumerate(parts_of(rule)):
        yield (inner if key == "not" else f"{inner}.{number}"), part


def placed_conditions(rule: Rule, place: str = "") -> Iterator[tuple[str, Condition]]:
    """Yield the conditions of a rule with their places, in the order in which they are written."""
    if isinstance(rule, Condition):
        yield place, rule
    for inner, part in placed_parts(rule, place):
        yield from placed_conditions(part, inner)


def part_at(rule: Rule, place: str) -> Rule:
    """Return the part of a rule at a place; the rule itself at the empty one.

    Raises
    ------
    KeyError
        If there is no such part.
    """
    if not place:
        return rule
    for inner, part in placed_parts(rule):
        if place == inner:
            return part
        if place.startswith(f"{inner}."):
            return part_at(part, place.removeprefix(f"{inner}."))
    raise KeyError(place)


def conditions(rule: Rule) -> Iterator[Condition]:
    """Yield the conditions of a rule, in the order in which they are written."""
    if isinstance(rule, Condition):
        yield rule
    for part in parts_of(rule):
        yield from conditions(part)


def columns_of(rule: Rule) -> list[str]:
    """Return the columns that a rule reads, each once, in the order in which they are written."""
    return list(dict.fromkeys(condition.column for condition in conditions(rule)))


def check_size(rule: Rule) -> Rule:
    """Refuse a rule that nobody can read, and that would take long to check.

    Raises
    ------
    ValueError
        If it has more than `MOST_NODES` conditions and groups, or more than `DEEPEST` groups inside each other.
    """
    nodes, depth = _size(rule)
    if nodes > MOST_NODES:
        raise ValueError(f"expected at most {MOST_NODES} conditions and groups, found {nodes:,}")
    if depth > DEEPEST:
        raise ValueError(f"expected at most {DEEPEST} groups inside each other, found {depth:,}")
    return rule


def _size(rule: Rule) -> tuple[int, int]:
    """Return the number of nodes, and of groups inside each other."""
    sizes = [_size(part) for part in parts_of(rule)]
    if not sizes:
        return 1, 0
    return 1 + sum(nodes for nodes, _ in sizes), 1 + max(depth for _, depth in sizes)


def written(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON or TOML has it."""
    return rule.model_dump(mode="json", by_alias=True, exclude_none=True)
