"""Events of customers, from the systems in which they happen."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.concurrency import run_in_threadpool

from features.contract.events import event_type
from features.contract.events.kind import Event
from features.live.log import Outcome
from serving.api.problems import documented
from serving.api.security import Caller, Source
from serving.scoring import metrics

MAX_EVENTS = 500


class EventRequest(BaseModel):
    """Events, in the order in which they happened."""

    model_config = ConfigDict(extra="forbid")

    events: Sequence[Event]


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
    event_list: Any = list[event_type()]  # type: ignore[misc]
    of_any_kind: Any = Annotated[event_list, Field(min_length=1, max_length=MAX_EVENTS)]
    name, doc = EventRequest.__name__, EventRequest.__doc__
    request = create_model(name, __base__=EventRequest, __doc__=doc, events=(of_any_kind, ...))

    @routes.post("/events", operation_id="postEvents")
    async def events(body: request, caller: Source) -> EventsAnswer:
        """Take in up to 500 events, all or none. Takes the role `events`.

        An event is applied once, however often it is sent: who got no answer sends it again. So is an order, however
        many events report it.
        """
        return await _take(body, caller)

    return routes


async def _take(body: EventRequest, caller: Caller) -> EventsAnswer:
    taken = await run_in_threadpool(caller.state.reloader.intake.take, body.events)
    for event, outcome in zip(body.events, taken.outcomes, strict=True):
        metrics.EVENTS.labels(event.kind, outcome).inc()
    outcomes = [
        EventOutcome(event_id=event.event_id, outcome=outcome)
        for event, outcome in zip(body.events, taken.outcomes, strict=True)
    ]
    return EventsAnswer(events=outcomes, applied=taken.applied)
