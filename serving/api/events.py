"""Events of customers, from the systems in which they happen."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SkipValidation, ValidationError, create_model
from starlette.concurrency import run_in_threadpool

from features.contract.events import event_reader, event_type
from features.contract.events.kind import Event, Strict
from features.live.log import Outcome
from serving.api.problems import MOST_ERRORS, InvalidBodyError, documented
from serving.api.security import Caller, Source
from serving.scoring import metrics

MAX_EVENTS = 500


class EventRequest(Strict):
    """Events, in the order in which they happened."""

    events: Sequence[Any]


class EventOutcome(BaseModel):
    """What became of an event."""

    event_id: str
    outcome: Outcome = Field(
        description="`accepted`: kept. `duplicate`: the event, or its order under another event_id, was there with the "
        "same content. `conflict`: another content was there under its id or for its order, and stays; an event with "
        "`replaces` states that its order has changed"
    )


class EventsAnswer(BaseModel):
    """What became of events. Whatever was accepted is on disk."""

    events: list[EventOutcome]
    applied: bool = Field(
        description="Features, risk and offers follow these events already; if not, they will once the store is back"
    )


def router() -> APIRouter:
    """Return the route, with the schemas of the event kinds that are registered now."""
    routes = APIRouter(prefix="/v1", tags=["events"], responses=documented(400, 401, 403, 413, 422, 429, 503))
    # they are read in a thread: while FastAPI validates a long body, nobody gets an answer
    event: Any = SkipValidation[event_type()]  # type: ignore[misc]
    of_any_kind: Any = Annotated[list[event], Field(min_length=1, max_length=MAX_EVENTS)]
    name, doc = EventRequest.__name__, EventRequest.__doc__
    event_request = create_model(name, __base__=EventRequest, __doc__=doc, events=(of_any_kind, ...))

    @routes.post("/events", operation_id="postEvents")
    async def events(request: Request, body: event_request, caller: Source) -> EventsAnswer:
        """Take in up to 500 events, all or none. Takes the role `events`.

        An event is applied once, however often it is sent: who got no answer sends it again. So is an order, however
        many events report it.
        """
        return await _take(request, body, caller)

    return routes


async def _take(request: Request, body: EventRequest, caller: Caller) -> EventsAnswer:
    events = await run_in_threadpool(_read, body.events)
    customers = sorted({event.customer_id for event in events})
    # before they are kept: what cannot be written down is not taken in
    caller.state.note(request, customers, events=Counter(event.kind for event in events))
    taken = await run_in_threadpool(caller.state.reloader.intake.take, events)
    outcomes = []
    for event, outcome in zip(events, taken.outcomes, strict=True):
        metrics.EVENTS.labels(event.kind, outcome).inc()
        outcomes.append(EventOutcome(event_id=event.event_id, outcome=outcome))
    return EventsAnswer(events=outcomes, applied=taken.applied)


def _read(given: Sequence[Any]) -> list[Event]:
    """Read events one by one, so that other threads get their turn in between.

    Raises
    ------
    InvalidBodyError
        If any of them is not valid.
    """
    reader, events, count = event_reader(), [], 0
    errors: list[dict[str, Any]] = []
    for place, one in enumerate(given):
        try:
            events.append(reader.validate_python(one))
        except ValidationError as error:
            count += error.error_count()
            if len(errors) < MOST_ERRORS:
                errors += [{**item, "loc": ("body", "events", place, *item["loc"])} for item in error.errors()]
    if errors:
        raise InvalidBodyError(errors, count)
    return events
