"""Somebody who is not known: offers by what lies in the basket, and by attributes."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from serving.answers import GuestOffers
from serving.api.dependencies import OfferQuery, ReaderLanguage
from serving.api.problems import documented
from serving.api.security import Reader

router = APIRouter(
    prefix="/v1",
    tags=["guests"],
    responses=documented(401, 403, 409, 413, 422, 429, 503),
)


class GuestQuery(OfferQuery):
    """Which offers are asked for, and what is known of who asks."""

    attribute: list[Annotated[str, Field(max_length=200, pattern=r"^[^:]+:.+$")]] = Field(
        default_factory=list,
        max_length=20,
        description="A configured attribute and its value",
        examples=[["region:North"]],
    )


@router.get("/offers", operation_id="getGuestOffers")
async def offers(caller: Reader, language: ReaderLanguage, query: Annotated[GuestQuery, Query()]) -> GuestOffers:
    """Return what to offer a customer who is new, best first, with reasons. Takes the role `score`."""
    attributes = dict(item.split(":", 1) for item in query.attribute)
    scorer = caller.scorer
    as_of = caller.state.ready.as_of(scorer)
    return await run_in_threadpool(scorer.guest_offers, as_of, query.wanted, language, attributes)
