"""Where rows of the contract tables come from."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Encoding, Part, Section, Zone
from core.sql import quoted
from features.contract.tables import CONTRACT, TableName

#: One word, so that it is never taken for one of ingestion's own rules, which are phrases.
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

#: A name that a query can write without quotes.
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

#: The rule that rows are counted under which do not satisfy `where`.
WHERE = "where"
#: The column of customers that `known_since` fills.
KNOWN_SINCE = "known_since_timestamp"


def _is_none(value: object) -> bool:
    return value is None


def _is_one(value: object) -> bool:
    return value == 1


class FileSettings(Part):
    """How a file is written, where the file itself does not show it."""

    encoding: Encoding | None = Field(None, description="Of a text file; None is UTF-8, or what a byte order mark says")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        None, description="Of a text file; None is found from its first lines"
    )
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    header_line: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="Of a text file or a sheet: the line of the names"
    )
    sheet: str | tuple[str, ...] | None = Field(
        None,
        description="Of a workbook: a name, a glob pattern or a list; None is the first visible sheet and all like it",
    )


class SourceSettings(FileSettings):
    """Files that queries name."""

    path: str = Field(description="A file below `root`; a glob pattern is allowed")


class MappingSettings(Part):
    """Where rows of one contract table come from, and how they are mapped to it.

    `columns` maps a contract column to a source column or to any DuckDB expression over the source's
    columns. A contract column that is not listed is taken from the source column of the same name.
    """

    table: TableName
    path: str | None = Field(
        None,
        description="Text, JSON or Parquet file or workbook below `root`, or a zip of them; a glob pattern is allowed",
    )
    database: str | None = Field(
        None, description="SQLAlchemy address that `query` is sent to; ${NAME} is taken from the environment"
    )
    query: str | None = Field(
        None,
        description="Instead of `path`: a query to `database`, or without one to the names of `sources` and to files",
    )
    incremental_column: str | None = Field(
        None, description="Column of `query` by which only rows at or after the last one seen are read again"
    )
    columns: dict[str, str] = Field(default_factory=dict)
    where: str | None = Field(None, description="DuckDB condition over the source's columns; other rows are skipped")
    skip: dict[RuleName, str] = Field(
        default_factory=dict, description="Rows to skip, conditions by the name they are counted under"
    )
    returns: str | None = Field(
        None, description="transactions only: condition for rows that take goods back; they become interactions"
    )
    # what was read before these options were there was not mapped in another way: they count where they are set
    max_join_factor: Annotated[float, Field(ge=1)] = Field(
        1.0,
        exclude_if=_is_one,
        description="How often a row of a source may occur in the result of a `query` to files that joins them",
    )
    cancels: str | None = Field(
        None,
        exclude_if=_is_none,
        description="subscriptions only: condition for rows that are no period, but end one that is there",
    )
    known_since: str | None = Field(
        None,
        exclude_if=_is_none,
        description="customers only: since when the attributes are known as they are, a date such as 2025-03-01, a "
        "source column or an expression; without it they count as always known",
    )
    timezone: Zone | None = Field(
        None, description="Zone of this input's timestamps that carry none; None is that of `data`"
    )
    dates: tuple[str, ...] = Field((), description="strptime formats of moments, tried in order; empty is ISO 8601")
    decimal: Literal[".", ","] = "."


class InputSettings(FileSettings, MappingSettings):
    """An input: rows of files or of a query, and their mapping.

    The mapping's fields come first in what is hashed of it, as they always have.
    """

    renamed: ClassVar[Mapping[str, str]] = {"newer": "incremental_column"}

    @model_validator(mode="after")
    def _consistent(self) -> "InputSettings":
        if (self.path is None) == (self.query is None):
            raise ValueError("expected exactly one of `path` and `query`")
        if self.database is not None and self.query is None:
            raise ValueError("expected `query` with `database`")
        if self.incremental_column is not None and self.database is None:
            raise ValueError("expected `incremental_column` with `database` only")
        if self.returns is not None and self.table != "transactions":
            raise ValueError("expected `returns` with transactions only")
        if self.cancels is not None and self.table != "subscriptions":
            raise ValueError("expected `cancels` with subscriptions only")
        if self.known_since is not None and self.table != "customers":
            raise ValueError("expected `known_since` with customers only")
        if self.known_since is not None and KNOWN_SINCE in self.columns:
            raise ValueError(f"expected `known_since` or columns.{KNOWN_SINCE}, found both")
        return self

    @property
    def mapping(self) -> dict[str, str]:
        """The expression of each contract column, with that of `known_since`."""
        if self.known_since is None:
            return self.columns
        try:
            date.fromisoformat(self.known_since[:10])
        except ValueError:
            return {**self.columns, KNOWN_SINCE: self.known_since}
        return {**self.columns, KNOWN_SINCE: f"TIMESTAMPTZ {quoted(self.known_since)}"}

    @property
    def rules(self) -> frozenset[str]:
        """The rules of the configuration that a row can be skipped by."""
        return frozenset({*self.skip, WHERE})

    @property
    def origin(self) -> str:
        """What to call it in messages."""
        return self.path or "query " + " ".join(str(self.query).split())[:60]


class DataSettings(Section):
    """The source of the contract tables."""

    section: ClassVar[str] = "data"
    renamed: ClassVar[Mapping[str, str]] = {"max_unusable": "max_rejected_share"}

    source: Literal["completejourney", "files"] | None = Field(
        None, description="Files and databases of your own, or the data of the demo"
    )
    root: Path = Field(Path(), description="Folder that the paths of `inputs` are relative to")
    timezone: Zone = Field("UTC", description="Zone of timestamps that carry none")
    max_rejected_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Share of an input's rows that may be rejected before ingestion stops"
    )
    keys: dict[TableName, tuple[str, ...]] = Field(
        default_factory=dict,
        description='Columns that name a row of a table; of equal ones the last written stays. ["*"] is all columns',
    )
    sources: dict[SourceName, SourceSettings] = Field(
        default_factory=dict, description="Files by the names that queries call them"
    )
    inputs: tuple[InputSettings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "DataSettings":
        if self.source == "files" and not self.inputs:
            raise ValueError('expected [[data.inputs]] with source = "files"; `encore init --from …` writes them')
        if self.source != "files" and self.inputs:
            raise ValueError('expected source = "files" with [[data.inputs]]')
        for item in self.inputs:
            if item.incremental_column is not None and not self.keys.get(item.table, CONTRACT[item.table].key):
                raise ValueError(f"expected a key of {item.table} in `keys` where an input has `incremental_column`")
        return self
