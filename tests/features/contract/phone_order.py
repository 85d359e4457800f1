"""An event kind that only the tests have: an order by phone, of one product."""

from datetime import datetime

from features.contract.events.kind import Event, EventKind, Row
from features.contract.ids import Id


class PhoneOrder(Event):
    """An order of one product, by phone."""

    call_id: Id
    article: Id
    price: float


def _rows(event: PhoneOrder, happened: datetime, received: datetime) -> list[Row]:
    line = {"order_id": event.call_id, "product_id": event.article, "quantity": 1.0, "amount": event.price}
    times = {"event_timestamp": happened, "created_timestamp": received}
    return [{"customer_id": event.customer_id, "channel": "phone", **line, **times}]


PHONE_ORDER = EventKind(
    name="phone_order",
    description="an order of one product, by phone",
    payload=PhoneOrder,
    table="transactions",
    rows=_rows,
    example={"event_id": "call-1", "customer_id": "100", "call_id": "c1", "article": "1029743", "price": 2.5},
)
