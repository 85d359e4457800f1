"""Suggestions: inputs, their mappings, and the questions that are left."""

from dataclasses import dataclass, field
from pathlib import Path

from features.contract.tables import TableName
from features.ingest.suggest.sources import Source


@dataclass(frozen=True)
class SuggestedColumn:
    """A contract column: the expression it is mapped to and the evidence for it; without one it is a question."""

    column: str
    expression: str | None
    evidence: str


@dataclass
class SuggestedInput:
    """A suggested input: how its source is read, its mapping, and questions about it."""

    table: TableName
    source: Source
    columns: list[SuggestedColumn]
    options: dict[str, tuple[object, str]] = field(default_factory=dict)
    skip: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


@dataclass
class Suggestions:
    """A suggested configuration.

    Attributes
    ----------
    keys
        Columns that name a row of a table, with the evidence.
    excluded
        Attributes that should not be inputs of a model.
    attributes
        Attributes that could be.
    unused
        Sources that fit no table, with what they hold.
    """

    root: Path
    inputs: list[SuggestedInput]
    keys: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    excluded: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def contractual(self) -> bool:
        """Whether there are contracts and no order lines."""
        tables = {one.table for one in self.inputs}
        return "subscriptions" in tables and "transactions" not in tables

    @property
    def questions(self) -> int:
        """How many things are left to decide."""
        open_columns = sum(mapped.expression is None for one in self.inputs for mapped in one.columns)
        return open_columns + sum(len(one.questions) for one in self.inputs)
