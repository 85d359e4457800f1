"""One customer: risk, explanation, value, offers, types; and everything about them removed."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from serving.api.answering import Models, answer_schema, ask_one
from serving.api.dependencies import CustomerId, OfferQuery, ReaderLanguage
from serving.api.problems import documented
from serving.api.security import Admin, CurrentCaller
from serving.parts import PARTS
from serving.parts.offers import OffersPart
from serving.parts.types import TypeOptions, TypesPart
from serving.privacy.receipts import Receipt
from serving.scoring.part import Question

_EXPLANATION = ("risk", "reasons", "action", "what_if")
_VALUE = ("value", "segments")


def router() -> APIRouter:
    """Return the routes, with the schemas of the parts that are registered now."""
    routes = APIRouter(
        prefix="/v1/customers", tags=["customers"], responses=documented(401, 403, 404, 409, 413, 422, 429, 503)
    )
    answers: list[tuple[str, str, tuple[str, ...], Any]] = [
        ("risk", "getRisk", ("risk",), _risk),
        ("explanation", "getExplanation", _EXPLANATION, _explanation),
        ("value", "getValue", _VALUE, _value),
        ("offers", "getOffers", ("offers",), _offers),
        ("types", "getTypes", ("types",), _types),
    ]
    for path, operation, names, handler in answers:
        routes.add_api_route(
            f"/{{customer_id:path}}/{path}",
            handler,
            methods=["GET"],
            operation_id=operation,
            response_model=_schema(path.capitalize(), names),
        )
    accepted: dict[int | str, dict[str, Any]] = {
        HTTPStatus.ACCEPTED.value: {"model": Receipt, "description": "Files are still to be rewritten"}
    }
    routes.add_api_route(
        "/{customer_id:path}", _delete, methods=["DELETE"], operation_id="deleteCustomer", responses=accepted
    )
    return routes


def _schema(name: str, names: tuple[str, ...]) -> type[BaseModel]:
    parts = [part for part in PARTS if part.name in names]
    customer = (str, Field(examples=["1"]))
    return answer_schema(
        name, f"{name} of a customer.", parts, required=True, customer_id=customer, models=(Models, ...)
    )


async def _risk(request: Request, customer_id: CustomerId, caller: CurrentCaller, language: ReaderLanguage) -> Response:
    """Return the probability that the customer churns, and what it means. Takes the role `score`."""
    return await ask_one(request, caller, Question((customer_id,), ("risk",), language))


async def _explanation(
    request: Request,
    customer_id: CustomerId,
    caller: CurrentCaller,
    language: ReaderLanguage,
) -> Response:
    """Return the risk, why it is what it is, what to do, and what would change it, in plain sentences.

    Takes the roles `score` and `explain`.
    """
    return await ask_one(request, caller, Question((customer_id,), _EXPLANATION, language))


async def _value(
    request: Request, customer_id: CustomerId, caller: CurrentCaller, language: ReaderLanguage
) -> Response:
    """Return what the customer will spend and is worth, when the next order is expected, and where the customer stands.

    Takes the role `score`.
    """
    return await ask_one(request, caller, Question((customer_id,), _VALUE, language))


async def _offers(
    request: Request,
    customer_id: CustomerId,
    caller: CurrentCaller,
    language: ReaderLanguage,
    query: Annotated[OfferQuery, Query()],
) -> Response:
    """Return what to offer the customer, best first, each with its reason. Takes the role `score`."""
    options = {OffersPart.name: query.options}
    return await ask_one(request, caller, Question((customer_id,), (OffersPart.name,), language, options))


async def _types(
    request: Request,
    customer_id: CustomerId,
    caller: CurrentCaller,
    language: ReaderLanguage,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Response:
    """Return product types that the customer never bought, best first, with reasons. Takes the role `score`."""
    options = {TypesPart.name: TypeOptions(limit)}
    return await ask_one(request, caller, Question((customer_id,), (TypesPart.name,), language, options))


async def _delete(request: Request, response: Response, customer_id: CustomerId, caller: Admin) -> Receipt:
    """Remove everything that is stored about the customer, and say what was removed where. Takes the role `admin`.

    No answer is made of anything about the customer afterwards. Files that hold other customers too are rewritten in
    the background; `GET /v1/erasures/{erasure_id}` says when that is done. Once more removes nothing more, and answers
    the same.
    """
    # the erasure itself is written down, without the customer
    caller.state.note(request, [])
    receipt = await run_in_threadpool(caller.state.erasures.begin, customer_id)
    response.headers["Location"] = f"/v1/erasures/{receipt.erasure_id}"
    if receipt.status == "running":
        response.status_code = HTTPStatus.ACCEPTED
    return receipt


def erasures() -> APIRouter:
    """Return the route of receipts."""
    routes = APIRouter(prefix="/v1/erasures", tags=["customers"], responses=documented(401, 403, 404, 422, 429, 503))

    @routes.get("/{erasure_id}", operation_id="getErasure")
    async def receipt(erasure_id: str, caller: Admin) -> Receipt:
        """Return what an erasure has removed, and whether it is done. Takes the role `admin`."""
        return await run_in_threadpool(caller.state.erasures.receipt, erasure_id)

    return routes
