"""What routes are given: the scorer, the moment, the reader's language."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from pydantic import BaseModel, Field

from serving.experiment import Impressions
from serving.ready import Ready
from serving.scorer import Scorer
from serving.wording import Language, preferred
from training.next_product.offers import Kind


def _ready(request: Request) -> Ready:
    ready: Ready = request.app.state.ready
    return ready


CurrentReady = Annotated[Ready, Depends(_ready)]


def _scorer(ready: CurrentReady) -> Scorer:
    return ready.scorer


def _as_of(ready: CurrentReady, scorer: Annotated[Scorer, Depends(_scorer)]) -> datetime:
    return ready.as_of(scorer)


def _impressions(request: Request) -> Impressions:
    impressions: Impressions = request.app.state.impressions
    return impressions


def _language(
    language: Annotated[Language | None, Query(description="Wins over the Accept-Language header")] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Language:
    return language or preferred(accept_language)


class OfferQuery(BaseModel):
    """Which offers are asked for."""

    kind: Kind = Field("next", description="`next` is the best mix of all kinds")
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    basket: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list,
        max_length=100,
        description="Products in the basket now: what goes with them is offered, they are not",
    )


CurrentScorer = Annotated[Scorer, Depends(_scorer)]
AsOf = Annotated[datetime, Depends(_as_of)]
ReaderLanguage = Annotated[Language, Depends(_language)]
ShownOffers = Annotated[Impressions, Depends(_impressions)]
CustomerId = Annotated[str, Path(min_length=1, max_length=200, examples=["1"])]
