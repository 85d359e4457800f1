"""What can happen to a customer, as a source reports it: validated against the contract, by kind."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from features.contract.tables import TableName

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
#: Years that every store can hold, whatever the time zone.
_YEARS = 1900, 9998


def _storable(moment: datetime) -> datetime:
    first, last = _YEARS
    if not first <= moment.year <= last:
        raise ValueError(f"expected a year from {first} to {last}")
    return moment.astimezone(UTC)


_Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
_Word = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Event(_Strict):
    """What every event has."""

    event_id: Id = Field(
        description="Names the event for ever: sent again with the same content, it is not applied again",
        examples=["till-4-000123"],
    )
    customer_id: Id = Field(examples=["100"])
    event_timestamp: _Moment | None = Field(
        None, description="When it happened, with a time zone; null is the moment it is received"
    )
    channel: _Word | None = Field(None, examples=["web"])

    def rows(self, happened: datetime, received: datetime) -> tuple[TableName, list[dict[str, Any]]]:
        """Return the rows of a contract table that the event stands for."""
        raise NotImplementedError


class Line(_Strict):
    """One order line."""

    product_id: Id = Field(examples=["1029743"])
    quantity: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] = Field(examples=[1])
    amount: _Money = Field(description="Paid for the line, in the data's currency", examples=[2.99])
    discount: _Money | None = Field(None, description="What the line would have cost more without offers")
    coupon_discount: _Money | None = None


class Purchase(_Event):
    """An order, with all its lines."""

    kind: Literal["purchase"]
    order_id: Id = Field(
        description="As in the exports: an order that is in both counts once", examples=["4-20180101-0007"]
    )
    lines: Annotated[list[Line], Field(min_length=1, max_length=500)]
    store_id: _Word | None = None

    def rows(self, happened: datetime, received: datetime) -> tuple[TableName, list[dict[str, Any]]]:
        """Return one order line for each."""
        order = {
            "customer_id": self.customer_id,
            "order_id": self.order_id,
            "event_timestamp": happened,
            "store_id": self.store_id,
            "channel": self.channel,
            "created_timestamp": received,
        }
        return "transactions", [{**order, **line.model_dump()} for line in self.lines]


class _Interaction(_Event):
    """What every event has that is no order and no contract."""

    kind: str
    campaign_id: _Word | None = None
    product_id: Id | None = None
    order_id: Id | None = None
    value: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)] | None = None

    def rows(self, happened: datetime, received: datetime) -> tuple[TableName, list[dict[str, Any]]]:
        """Return one interaction."""
        told = self.model_dump(exclude={"event_id", "event_timestamp"})
        return "interactions", [{**told, "event_timestamp": happened, "created_timestamp": received}]


class Interaction(_Interaction):
    """A contact with the customer, or something they did that is no purchase."""

    kind: Literal["visit", "contact", "click", "redemption", "complaint", "service_request"]


class Return(_Interaction):
    """Goods taken back."""

    kind: Literal["return"]
    product_id: Id
    value: _Money = Field(description="What was given back, in the data's currency")


class Rating(_Interaction):
    """An answer to "would you recommend us?"."""

    kind: Literal["nps"]
    value: Annotated[float, Field(ge=0, le=10)] = Field(description="0 to 10", examples=[9])


class Consent(_Interaction):
    """Consent to marketing, given or withdrawn; the last one counts."""

    kind: Literal["consent"]
    value: Literal[0, 1] = Field(description="1 given, 0 withdrawn: no marketing offers from now on", examples=[0])


class Contract(_Event):
    """A contract period that begins."""

    kind: Literal["subscription"]
    start_timestamp: _Moment
    end_timestamp: _Moment
    plan: _Word | None = None
    price: _Money | None = None

    @model_validator(mode="after")
    def _ends_later(self) -> "Contract":
        if self.end_timestamp <= self.start_timestamp:
            raise ValueError("expected end_timestamp after start_timestamp")
        return self

    def rows(
        self,
        happened: datetime,  # noqa: ARG002 - a period happens when it starts
        received: datetime,
    ) -> tuple[TableName, list[dict[str, Any]]]:
        """Return one contract period."""
        told = self.model_dump(exclude={"event_id", "event_timestamp", "kind", "channel"})
        return "subscriptions", [{**told, "created_timestamp": received}]


Event = Annotated[
    Purchase | Interaction | Return | Rating | Consent | Contract,
    Field(discriminator="kind"),
]
READER: TypeAdapter[Event] = TypeAdapter(Event)
