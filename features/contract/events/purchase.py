"""An order with its lines."""

from collections import Counter
from datetime import datetime
from typing import Annotated

from pydantic import FailFast, Field, ValidationInfo, field_validator

from features.contract.events.kind import Event, EventKind, Money, Row, Strict, Word
from features.contract.ids import Id


class Line(Strict):
    """One order line."""

    product_id: Id = Field(examples=["1029743"])
    quantity: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] = Field(examples=[1])
    amount: Money = Field(description="Paid for the line, in the data's currency", examples=[2.99])
    discount: Money | None = Field(None, description="What the line would have cost more without offers")
    coupon_discount: Money | None = None
    cost: Money | None = Field(
        None, description="What the goods of the line cost you, in the currency of `amount`", examples=[1.8]
    )
    line_id: Id | None = Field(None, description="Names the line within its order, once", examples=["1"])


class Purchase(Event):
    """An order, with all its lines."""

    order_id: Id = Field(
        description="Names the order of the customer, as in the exports: it counts once, in however many events and "
        "exports it is",
        examples=["4-20180101-0007"],
    )
    replaces: bool | None = Field(
        None,
        description="True: the order was reported before, and has these lines from now on; without lines it is "
        "cancelled",
    )
    lines: Annotated[list[Line], FailFast(), Field(max_length=500)] = Field(
        description="All lines, up to 500; at least one, unless the event cancels an order"
    )
    store_id: Word | None = None

    @field_validator("replaces")
    @classmethod
    def _stated_or_not(cls, value: bool | None) -> bool | None:
        # false says what nothing says, so that both are one content of the event
        return value or None

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[Line], info: ValidationInfo) -> list[Line]:
        if not lines and not info.data.get("replaces"):
            raise ValueError("expected at least one line, or `replaces` for an order that is cancelled; found none")
        names = Counter(line.line_id for line in lines if line.line_id is not None)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"expected each line_id once in an order, found {twice[0]} twice")
        return lines


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
