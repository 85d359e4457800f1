"""One customer: risk, explanation, offers, types."""

from typing import Annotated

from fastapi import APIRouter, Query

from serving.answers import Explanation, Offers, Risk, TypeOffers
from serving.api.dependencies import (
    AsOf,
    CurrentScorer,
    CustomerId,
    OfferQuery,
    ReaderLanguage,
    ShownOffers,
)
from serving.api.problems import documented
from serving.scorer import one

router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=documented(404, 409, 422, 503))


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
    impressions: ShownOffers,
    query: Annotated[OfferQuery, Query()],
) -> Offers:
    """Return what to offer the customer, best first, each with its reason."""
    found = one(scorer.offers([customer_id], as_of, query.kind, query.limit, language, query.basket), customer_id)
    impressions.write(customer_id, as_of, found.experiment, found.model, [o.product_id for o in found.offers])
    return found


@router.get("/{customer_id:path}/types", operation_id="getTypes")
def types(
    customer_id: CustomerId,
    scorer: CurrentScorer,
    as_of: AsOf,
    language: ReaderLanguage,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> TypeOffers:
    """Return product types that the customer never bought, best first, each with its reason."""
    return one(scorer.types([customer_id], as_of, limit, language), customer_id)
