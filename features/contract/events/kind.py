"""What an event kind is: its name, its fields, and the contract rows that an event of it becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from features.contract.ids import Id, visible
from features.contract.tables import CONTRACT, TableName

Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(visible)]
#: A row of a contract table, by column; a column that is not there is null.
Row = dict[str, Any]
#: Years that every store can hold, whatever the time zone.
_YEARS = 1900, 9998
#: From this number on, unknown fields of an object are one error.
_MOST_UNKNOWN = 5


def storable(moment: datetime) -> datetime:
    """Return a moment in UTC; refuse a year that not every store can hold."""
    first, last = _YEARS
    if not first <= moment.year <= last:
        raise ValueError(f"expected a year from {first} to {last}")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(storable)]


class Strict(BaseModel):
    """A part of a request: unknown fields are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_unknown(cls, value: object) -> object:
        """Refuse many unknown fields as one error: one for each would make an answer longer than the request."""
        if isinstance(value, dict) and len(value) > len(cls.model_fields) + _MOST_UNKNOWN:
            unknown = [name for name in value if name not in cls.model_fields]
            named = ", ".join(repr(str(name)[:40]) for name in unknown[:_MOST_UNKNOWN])
            raise ValueError(f"expected fields of {cls.__name__}, found {len(unknown):,} others, such as {named}")
        return value


class Event(Strict):
    """The fields that every event has; the fields of a kind are declared in a subclass."""

    event_id: Id = Field(
        description="Names the event for ever: sent again with the same content, it is not applied again",
        examples=["till-4-000123"],
    )
    customer_id: Id = Field(examples=["100"])
    event_timestamp: Moment | None = Field(
        None, description="When it happened, with a time zone; null is the moment it is received"
    )
    channel: Word | None = Field(None, examples=["web"])
    kind: str


_Payload = TypeVar("_Payload", bound=Event)
_Rows = Callable[[_Payload, datetime, datetime], list[Row]]


@dataclass(frozen=True, eq=False)
class EventKind:
    """A kind of event, declared once.

    Attributes
    ----------
    name
        The value of the field `kind`.
    description
        A few words on the event, for the documentation.
    payload
        The fields; kinds with the same fields share one. Its name is that of the schema in the OpenAPI document.
    table
        The contract table of its rows, one that takes rows of events.
    rows
        Returns the contract rows of an event, from the event, when it happened, and when it was received.
    example
        A valid event, apart from `kind`.
    """

    name: str
    description: str
    payload: type[Event]
    table: TableName
    rows: _Rows[Any]
    example: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not CONTRACT[self.table].same_event:
            raise ValueError(f"event kind {self.name}: the table {self.table} takes no rows of events")
