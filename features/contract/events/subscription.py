"""A contract period."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from features.contract.events.kind import Event, EventKind, Moment, Money, Row, Word, storable
from features.contract.ids import Id
from features.contract.tables import runs_on_from


def _end(moment: datetime) -> datetime:
    """Let 9999-12-31 say that a contract runs on, in every time zone."""
    return _LAST if moment.year > _LAST.year else moment


#: Years after this one do not exist in every time zone.
_LAST = datetime(9998, 12, 31, tzinfo=UTC)
_End = Annotated[AwareDatetime, AfterValidator(_end), AfterValidator(storable)]


class Contract(Event):
    """A contract period: that it begins, or what has changed in it since."""

    start_timestamp: Moment
    end_timestamp: _End | None = Field(
        None, description="Null, or more than 20 years after the event: the contract runs on"
    )
    contract_id: Id | None = Field(None, description="Distinguishes contracts of a customer that start together")
    plan: Word | None = None
    price: Money | None = None
    cancelled_timestamp: Moment | None = Field(None, description="When notice was given")

    @model_validator(mode="after")
    def _ends_later(self) -> "Contract":
        if self.end_timestamp is not None and self.end_timestamp <= self.start_timestamp:
            raise ValueError("expected end_timestamp after start_timestamp, or null for a contract that runs on")
        return self


def _rows(event: Contract, _: datetime, received: datetime) -> list[Row]:
    """Return one contract period; it happens when it starts."""
    fields = event.model_dump(exclude={"event_id", "event_timestamp", "kind", "channel"})
    end = event.end_timestamp
    if end is not None and end > runs_on_from(received):
        fields["end_timestamp"] = None
    return [{**fields, "created_timestamp": received}]


SUBSCRIPTION = EventKind(
    name="subscription",
    description="a contract period, or a change of its end or price; a renewal is a period of its own",
    payload=Contract,
    table="subscriptions",
    rows=_rows,
    example={
        "event_id": "contract-000123",
        "customer_id": "100",
        "start_timestamp": "2018-01-01T00:00:00Z",
        "end_timestamp": "2019-01-01T00:00:00Z",
        "plan": "basic",
        "price": 9.99,
    },
)
