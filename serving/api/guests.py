"""A guest, who is not a known customer: offers by the products in the basket, and by attributes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from serving.api.answering import Models, answer_schema, ask_one
from serving.api.dependencies import OfferQuery, ReaderLanguage
from serving.api.problems import documented
from serving.api.security import CurrentCaller
from serving.parts import PARTS
from serving.parts.offers import OfferOptions, OffersPart
from serving.scoring.part import Question


class GuestQuery(OfferQuery):
    """Which offers are asked for, and what is known about the guest."""

    attribute: list[Annotated[str, Field(max_length=200, pattern=r"^[^:]+:.+$")]] = Field(
        default_factory=list,
        max_length=20,
        description="A configured attribute and its value",
        examples=[["region:North"]],
    )

    @property
    def options(self) -> OfferOptions:
        """The options of the part."""
        attributes = tuple(dict(item.split(":", 1) for item in self.attribute).items())
        return OfferOptions(self.kind, self.limit, tuple(self.basket), attributes)


def router() -> APIRouter:
    """Return the routes, with the schemas of the parts that are registered now."""
    routes = APIRouter(prefix="/v1", tags=["guests"], responses=documented(401, 403, 409, 413, 422, 429, 503))
    parts = [part for part in PARTS if part.name == OffersPart.name]
    schema = answer_schema("GuestOffers", "Offers for a guest.", parts, required=True, models=(Models, ...))
    routes.add_api_route("/offers", _offers, methods=["GET"], operation_id="getGuestOffers", response_model=schema)
    return routes


async def _offers(
    request: Request, caller: CurrentCaller, language: ReaderLanguage, query: Annotated[GuestQuery, Query()]
) -> Response:
    """Return what to offer a customer who is new, best first, with reasons. Takes the role `score`."""
    options = {OffersPart.name: query.options}
    return await ask_one(request, caller, Question(("",), (OffersPart.name,), language, options))
