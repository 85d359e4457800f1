"""Many customers in one call."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from serving.answers import ChurnDefinition, Score
from serving.api.dependencies import AsOf, CurrentScorer, ReaderLanguage, ShownOffers
from serving.api.problems import documented
from serving.batch import Part, score_many
from training.next_product.offers import Kind

router = APIRouter(prefix="/v1", tags=["scores"], responses=documented(422, 503))

MAX_CUSTOMERS = 1000


class ScoreRequest(BaseModel):
    """Which customers to score, and what to tell of each."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=MAX_CUSTOMERS),
    ] = Field(examples=[["1", "2", "3"]])
    include: list[Part] = Field(default_factory=list, examples=[["reasons", "offers"]])
    offer_kind: Kind = "next"
    offer_limit: Annotated[int, Field(ge=1, le=100)] = 5


class Scores(BaseModel):
    """Scores in the order asked for, and the ids that are not known."""

    as_of: datetime
    churn_model: str = Field(examples=["encore-churn/1"])
    churn_model_grade: str | None = Field(examples=["A"])
    next_product_model: str | None = Field(
        description="Null where the data have no order lines", examples=["encore-next-product/1"]
    )
    churn_definition: ChurnDefinition
    scores: list[Score]
    unknown: list[str] = Field(description="Ids of which nothing is known that a risk could be told from")


@router.post("/scores", operation_id="postScores")
def scores(
    request: ScoreRequest, scorer: CurrentScorer, as_of: AsOf, language: ReaderLanguage, impressions: ShownOffers
) -> Scores:
    """Score up to 1,000 customers; one that stands in the request twice is answered once."""
    wanted = list(dict.fromkeys(request.customer_ids))
    found = score_many(scorer, wanted, as_of, request.include, language, request.offer_kind, request.offer_limit)
    for score in found:
        products = [offer.product_id for offer in score.offers or ()]
        impressions.write(score.customer_id, as_of, score.experiment, score.offers_model, products)
    known = {score.customer_id for score in found}
    return Scores(
        as_of=as_of,
        churn_model=scorer.models.churn_version.label,
        churn_model_grade=scorer.models.churn_version.grade,
        next_product_model=scorer.models.next_product_version.label if scorer.models.next_product_version else None,
        churn_definition=scorer.definition,
        scores=found,
        unknown=[customer for customer in wanted if customer not in known],
    )
