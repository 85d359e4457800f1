"""Parameters that several routes have: the state, the language, the customer."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query
from pydantic import BaseModel, Field

from features.contract.ids import AskedId
from serving.api.state import State, state_of
from serving.explain.language import Language, preferred
from serving.parts.offers import OfferOptions
from training.next_product.offers.rules import Kind

CurrentState = Annotated[State, Depends(state_of)]


LANGUAGE = Query(description="Wins over the Accept-Language header")


async def _language(
    language: Annotated[Language | None, LANGUAGE] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Language:
    return language or preferred(accept_language)


class OfferQuery(BaseModel):
    """Which offers are asked for."""

    kind: Kind = Field("next", description="`next` is the best mix of all kinds")
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    basket: list[AskedId] = Field(
        default_factory=list,
        max_length=100,
        description="Products in the basket now: what goes with them is offered, they are not",
    )

    @property
    def options(self) -> OfferOptions:
        """The options of the part."""
        return OfferOptions(self.kind, self.limit, tuple(self.basket))


ReaderLanguage = Annotated[Language, Depends(_language)]
CustomerId = Annotated[AskedId, Path(examples=["1"])]
