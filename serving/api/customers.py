"""One customer: risk, explanation, offers, types; and everything about them removed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.answers import Explanation, Offers, Risk, TypeOffers
from serving.api.asking import ask_one, one_json
from serving.api.dependencies import CustomerId, OfferQuery, ReaderLanguage
from serving.api.problems import documented
from serving.api.security import Admin, Caller, CurrentCaller, Reader
from serving.privacy.erasure import Receipt, erase
from serving.scoring.scorer import one
from serving.scoring.service import Question

router = APIRouter(
    prefix="/v1/customers", tags=["customers"], responses=documented(401, 403, 404, 409, 413, 422, 429, 503)
)
_JSON = "application/json"


@router.get("/{customer_id:path}/risk", operation_id="getRisk", response_model=Risk)
async def risk(request: Request, customer_id: CustomerId, caller: CurrentCaller) -> Response:
    """Return the probability that the customer churns. Takes the role `score`."""
    question = Question((customer_id,), frozenset({"risk"}), "en")
    return await _answer(request, caller, question)


@router.get("/{customer_id:path}/explanation", operation_id="getExplanation", response_model=Explanation)
async def explanation(
    request: Request,
    customer_id: CustomerId,
    caller: CurrentCaller,
    language: ReaderLanguage,
) -> Response:
    """Return the risk, why it is what it is, and what would change it, in plain sentences.

    Takes the roles `score` and `explain`.
    """
    question = Question((customer_id,), frozenset({"risk", "reasons", "what_if"}), language)
    return await _answer(request, caller, question)


@router.get("/{customer_id:path}/offers", operation_id="getOffers", response_model=Offers)
async def offers(
    request: Request,
    customer_id: CustomerId,
    caller: CurrentCaller,
    language: ReaderLanguage,
    query: Annotated[OfferQuery, Query()],
) -> Response:
    """Return what to offer the customer, best first, each with its reason. Takes the role `score`."""
    question = Question((customer_id,), frozenset({"offers"}), language, query.wanted)
    return await _answer(request, caller, question)


@router.get("/{customer_id:path}/types", operation_id="getTypes")
async def types(
    request: Request,
    customer_id: CustomerId,
    caller: Reader,
    language: ReaderLanguage,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> TypeOffers:
    """Return product types that the customer never bought, best first, with reasons. Takes the role `score`."""
    scorer = caller.scorer
    as_of = caller.state.ready.as_of(scorer)
    found = await run_in_threadpool(scorer.types, [customer_id], as_of, limit, language)
    caller.state.note(request, [customer_id], scorer.models.labels)
    return one(found, customer_id)


@router.delete("/{customer_id:path}", operation_id="deleteCustomer")
async def delete(request: Request, customer_id: CustomerId, caller: Admin) -> Receipt:
    """Remove everything that is stored about the customer, and say what was removed where. Takes the role `admin`.

    Once more removes nothing more, and answers the same.
    """
    # the erasure itself is written down, without the customer
    state = caller.state
    receipt = await run_in_threadpool(erase, state.settings, state.ready, state.audit, customer_id, state.clock())
    state.note(request, [])
    return receipt


async def _answer(request: Request, caller: Caller, question: Question) -> Response:
    scorer = caller.scorer
    return Response(one_json(scorer, await ask_one(request, caller, scorer, question)), media_type=_JSON)
