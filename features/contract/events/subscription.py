"""A contract period."""

from datetime import datetime

from pydantic import model_validator

from features.contract.events.kind import Event, EventKind, Moment, Money, Row, Word


class Contract(Event):
    """A contract period that begins."""

    start_timestamp: Moment
    end_timestamp: Moment
    plan: Word | None = None
    price: Money | None = None

    @model_validator(mode="after")
    def _ends_later(self) -> "Contract":
        if self.end_timestamp <= self.start_timestamp:
            raise ValueError("expected end_timestamp after start_timestamp")
        return self


def _rows(event: Contract, _: datetime, received: datetime) -> list[Row]:
    """Return one contract period; it happens when it starts."""
    fields = event.model_dump(exclude={"event_id", "event_timestamp", "kind", "channel"})
    return [{**fields, "created_timestamp": received}]


SUBSCRIPTION = EventKind(
    name="subscription",
    description="a contract period; a renewal is a period of its own",
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
