"""One call: who is leaving, why, and what to offer, for one customer or a thousand."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.answers import ChurnDefinition, Score
from serving.api.asking import ask, scores_json
from serving.api.dependencies import LANGUAGE
from serving.api.problems import documented
from serving.api.security import CurrentCaller
from serving.explain.wording import Language, preferred
from serving.offers.offering import Query
from serving.scoring.service import Absence, Include, Question
from training.next_product.offers import Kind

router = APIRouter(prefix="/v1", tags=["scores"], responses=documented(400, 401, 403, 413, 422, 429, 503))

MAX_CUSTOMERS = 1000


class ScoreRequest(BaseModel):
    """Which customers to score, and what to tell of each."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=MAX_CUSTOMERS),
    ] = Field(examples=[["1", "2", "3"]])
    include: Annotated[list[Include], Field(min_length=1)] = Field(
        default=["risk"],
        description="`risk`, `offers` and `profile` take the role score, `reasons` and `what_if` the role explain",
        examples=[["risk", "reasons", "offers"]],
    )
    offer_kind: Kind = "next"
    offer_limit: Annotated[int, Field(ge=1, le=100)] = 5
    live: bool = Field(False, description="Compute now, rather than read what was computed since the last event")


class Scores(BaseModel):
    """Scores in the order asked for, and of whom there are none."""

    churn_model: str | None = Field(description="Null where there is none", examples=["encore-churn/1"])
    churn_model_grade: str | None = Field(examples=["A"])
    next_product_model: str | None = Field(
        description="Null where there is none, as for data without order lines", examples=["encore-next-product/1"]
    )
    churn_definition: ChurnDefinition
    unknown: list[str] = Field(description="Ids of which nothing is known")
    unavailable: list[str] = Field(description="Ids of which nothing can be said while a store is away")
    absent: dict[Include, Absence] = Field(
        description="Parts that are null for everybody, and why", examples=[{"offers": "no_model"}]
    )
    scores: list[Score]


@router.post("/scores", operation_id="postScores", response_model=Scores)
async def scores(
    request: Request,
    body: ScoreRequest,
    caller: CurrentCaller,
    language: Annotated[Language | None, LANGUAGE] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer for up to 1,000 customers; one that stands in the request twice is answered once."""
    question = Question(
        tuple(dict.fromkeys(body.customer_ids)),
        frozenset(body.include),
        language or preferred(accept_language),
        Query(body.offer_kind, body.offer_limit),
        body.live,
    )
    scorer = caller.scorer
    reply = await ask(request, caller, scorer, question)
    return Response(scores_json(scorer, question, reply), media_type="application/json")
