"""One customer: risk, explanation, offers."""

from typing import Annotated

from fastapi import APIRouter, Query

from serving.answers import Explanation, Offers, Risk
from serving.api.dependencies import AsOf, CurrentScorer, CustomerId, ReaderLanguage
from serving.api.problems import documented
from serving.scorer import one
from training.next_product.offers import Kind

router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=documented(404, 422, 503))


@router.get("/{customer_id:path}/risk", operation_id="getRisk")
def risk(customer_id: CustomerId, scorer: CurrentScorer, as_of: AsOf) -> Risk:
    """Return the probability that the customer churns."""
    return one(scorer.risks([customer_id], as_of), customer_id)


@router.get("/{customer_id:path}/explanation", operation_id="getExplanation")
def explanation(customer_id: CustomerId, scorer: CurrentScorer, as_of: AsOf, language: ReaderLanguage) -> Explanation:
    """Return the risk and why it is what it is, in plain sentences."""
    return one(scorer.explanations([customer_id], as_of, language), customer_id)


@router.get("/{customer_id:path}/offers", operation_id="getOffers")
def offers(
    customer_id: CustomerId,
    scorer: CurrentScorer,
    as_of: AsOf,
    language: ReaderLanguage,
    kind: Annotated[Kind, Query(description="`next` is the best mix of all kinds")] = "next",
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Offers:
    """Return what to offer the customer, best first, each with its reason."""
    return one(scorer.offers([customer_id], as_of, kind, limit, language), customer_id)
