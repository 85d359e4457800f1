"""Somebody who is not known: offers by what lies in the basket, and by attributes."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from serving.answers import GuestOffers
from serving.api.dependencies import AsOf, CurrentScorer, OfferQuery, ReaderLanguage
from serving.api.problems import documented

router = APIRouter(prefix="/v1", tags=["guests"], responses=documented(409, 422, 503))


class GuestQuery(OfferQuery):
    """Which offers are asked for, and what is known of who asks."""

    attribute: list[Annotated[str, Field(max_length=200, pattern=r"^[^:]+:.+$")]] = Field(
        default_factory=list,
        max_length=20,
        description="A configured attribute and its value",
        examples=[["region:North"]],
    )


@router.get("/offers", operation_id="getGuestOffers")
def offers(
    scorer: CurrentScorer, as_of: AsOf, language: ReaderLanguage, query: Annotated[GuestQuery, Query()]
) -> GuestOffers:
    """Return what to offer a customer who is new, best first, each with its reason."""
    attributes = dict(item.split(":", 1) for item in query.attribute)
    return scorer.guest_offers(as_of, query.kind, query.limit, language, query.basket, attributes)
