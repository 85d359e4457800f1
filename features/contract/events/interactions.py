"""Contacts with a customer, and what customers do that is neither an order nor a contract."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from features.contract.events.kind import Event, EventKind, Money, Row, Word
from features.contract.ids import Id, visible

#: What people write: longer than a word, and with line breaks.
Text = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(visible)]


class _InteractionFields(Event):
    """The fields that every interaction has."""

    campaign_id: Word | None = None
    product_id: Id | None = None
    order_id: Id | None = None
    value: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)] | None = None
    text: Text | None = Field(
        None, description="What was said, for people to read; it stays in the event log, and no feature is made of it"
    )


class Interaction(_InteractionFields):
    """A contact with the customer, or something they did that is no purchase."""


class Return(_InteractionFields):
    """Goods taken back."""

    product_id: Id
    value: Money = Field(description="What was given back, in the data's currency")


class Rating(_InteractionFields):
    """An answer to "would you recommend us?"."""

    value: Annotated[float, Field(ge=0, le=10)] = Field(description="0 to 10", examples=[9])


class Consent(_InteractionFields):
    """Consent to marketing, given or withdrawn; the last one counts."""

    value: Literal[0, 1] = Field(description="1 given, 0 withdrawn: no marketing offers from now on", examples=[0])


class Note(_InteractionFields):
    """Something that an employee writes down about the customer."""

    text: Text = Field(description="For people to read; it stays in the event log, and no feature is made of it")


def _rows(event: _InteractionFields, happened: datetime, received: datetime) -> list[Row]:
    """Return one interaction; what was written about it stays in the log."""
    fields = event.model_dump(exclude={"event_id", "event_timestamp", "text"})
    return [{**fields, "event_timestamp": happened, "created_timestamp": received}]


def _interaction(name: str, description: str, payload: type[Event] = Interaction, **fields: Any) -> EventKind:  # noqa: ANN401
    """Declare a kind whose events are one row of `interactions` each."""
    example = {"event_id": f"{name}-000123", "customer_id": "100", **fields}
    return EventKind(name, description, payload, "interactions", _rows, example)


VISIT = _interaction("visit", "a visit; `value` is its worth in a unit of your own", channel="web", value=12)
BASKET = _interaction("basket", "a product put into the basket, not bought yet", channel="web", product_id="1029743")
CONTACT = _interaction("contact", "a contact in a campaign", channel="email", campaign_id="spring")
CLICK = _interaction("click", "a click on something you sent", channel="email", campaign_id="spring")
OPENING = _interaction("opening", "a message of a campaign, opened", channel="email", campaign_id="spring")
RESPONSE = _interaction("response", "an answer to a contact", channel="phone", campaign_id="spring")
REDEMPTION = _interaction("redemption", "a coupon or an offer of a campaign, redeemed", campaign_id="spring")
COMPLAINT = _interaction("complaint", "a complaint", channel="phone")
SERVICE_REQUEST = _interaction("service_request", "a question to the service", channel="phone")
RATING = _interaction("nps", "an answer to “would you recommend us?”; `value` is 0 to 10", Rating, value=9)
RETURN = _interaction(
    "return",
    "goods taken back; `value` is the amount given back, `order_id` the order of the sale",
    Return,
    product_id="1029743",
    value=2.99,
)
REFERRAL = _interaction("referral", "a new customer whom the customer has brought", channel="web")
CONSENT = _interaction(
    "consent", "consent to marketing; `value` is 1 if it was given, 0 if it was withdrawn", Consent, value=0
)
NOTE = _interaction("note", "a note of an employee", Note, text="Prefers to be called in the evening")
