"""Suggestions: inputs, their mappings, and the questions that are left."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from features.contract.tables import TableName
from features.ingest.settings import SourceSettings
from features.ingest.suggest.exports import Export


@dataclass(frozen=True)
class SuggestedColumn:
    """A contract column: the expression it is mapped to and the evidence for it; without one it is a question."""

    column: str
    expression: str | None
    evidence: str


@dataclass
class SuggestedInput:
    """A suggested input: how its export is read, its mapping, and questions about it.

    Attributes
    ----------
    options
        Values by key of the input, with the evidence.
    skip
        Rules by which rows are skipped: name, condition, evidence.
    """

    table: TableName
    export: Export
    columns: list[SuggestedColumn]
    options: dict[str, tuple[object, str]] = field(default_factory=dict)
    skip: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def expression(self, column: str) -> str | None:
        """Return what a contract column is mapped to."""
        return next((mapped.expression for mapped in self.columns if mapped.column == column), None)

    def change(self, column: str, expression: str, evidence: str | None = None) -> None:
        """Replace what a contract column is mapped to; its evidence stays where none is given."""
        self.columns = [
            replace(mapped, expression=expression, evidence=evidence or mapped.evidence)
            if mapped.column == column
            else mapped
            for mapped in self.columns
        ]


@dataclass
class Suggestions:
    """A suggested configuration.

    Attributes
    ----------
    keys
        Columns that name a row of a table, with the evidence.
    excluded
        Attributes that should not be inputs of a model.
    outcomes
        Attributes that say what became of a customer: known later than the moment that is predicted at.
    attributes
        Attributes that could be inputs.
    unused
        Exports that fit no table, with the closest one.
    unread
        Files, sheets and members of archives that cannot be read, or are hidden.
    trial
        What reading all of it would come to; lines for people.
    """

    root: Path
    inputs: list[SuggestedInput]
    keys: dict[TableName, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    excluded: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    trial: list[str] = field(default_factory=list)

    @property
    def sources(self) -> dict[str, SourceSettings]:
        """What the queries of the inputs name."""
        return {name: source for one in self.inputs for name, source in one.export.sources.items()}

    @property
    def kind(self) -> str | None:
        """The definition of churn that the tables allow, where it is not that of order lines."""
        tables = {one.table for one in self.inputs}
        if "transactions" in tables:
            return None
        return "contractual" if "subscriptions" in tables else "labelled" if "labels" in tables else None

    @property
    def questions(self) -> int:
        """How many things are left to decide."""
        open_columns = sum(mapped.expression is None for one in self.inputs for mapped in one.columns)
        return open_columns + sum(len(one.questions) for one in self.inputs)
