"""One customer: who it is, why at risk, what to do; and what happened."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from serving.api.dependencies import CustomerId
from serving.console.customer import show_customer
from serving.console.pages import customer_erasure, customer_events
from serving.console.rendering import render
from serving.console.stories import STEP, page_of, story_of
from serving.console.visitors import Viewer

router = APIRouter()
router.include_router(customer_events.router)
router.include_router(customer_erasure.router)

Place = Annotated[int, Query(ge=0, le=100_000)]


@router.get("/customer/{customer_id:path}")
async def customer(visitor: Viewer, customer_id: CustomerId, shown: Place = STEP) -> Response:
    """Show a customer; `shown` is how much of the timeline is there at once."""
    return await show_customer(visitor, customer_id, shown=shown)


@router.get("/timeline/{customer_id:path}")
def timeline(visitor: Viewer, customer_id: CustomerId, skip: Place = 0) -> Response:
    """Show what happened before the part of the timeline that is there."""
    visitor.note(customer_id)
    story = story_of(visitor, customer_id)
    return render(visitor, "customer_timeline", customer_id=customer_id, timeline=page_of(story.entries, skip, STEP))
