"""An order with its lines."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from features.contract.events.kind import Event, EventKind, Money, Row, Strict, Word
from features.contract.ids import Id


class Line(Strict):
    """One order line."""

    product_id: Id = Field(examples=["1029743"])
    quantity: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] = Field(examples=[1])
    amount: Money = Field(description="Paid for the line, in the data's currency", examples=[2.99])
    discount: Money | None = Field(None, description="What the line would have cost more without offers")
    coupon_discount: Money | None = None


class Purchase(Event):
    """An order, with all its lines."""

    order_id: Id = Field(
        description="As in the exports: an order that is in both counts once", examples=["4-20180101-0007"]
    )
    lines: Annotated[list[Line], Field(min_length=1, max_length=500)]
    store_id: Word | None = None


def _rows(event: Purchase, happened: datetime, received: datetime) -> list[Row]:
    """Return one order line for each line."""
    order = {
        "customer_id": event.customer_id,
        "order_id": event.order_id,
        "event_timestamp": happened,
        "store_id": event.store_id,
        "channel": event.channel,
        "created_timestamp": received,
    }
    return [{**order, **line.model_dump()} for line in event.lines]


PURCHASE = EventKind(
    name="purchase",
    description="an order, with all its lines",
    payload=Purchase,
    table="transactions",
    rows=_rows,
    example={
        "event_id": "till-4-000123",
        "customer_id": "100",
        "order_id": "4-20180101-0007",
        "lines": [{"product_id": "1029743", "quantity": 1, "amount": 2.99}],
    },
)
