"""Every error as an RFC 9457 problem document: the one place where domain errors become status codes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from features.errors import EncoreError
from serving.ready import NotReadyError
from serving.scorer import NoOffersError, UnknownCustomerError


class InvalidParameter(BaseModel):
    """One thing that is wrong with a request."""

    parameter: str = Field(examples=["limit"])
    location: str = Field(description="path, query, header or body", examples=["query"])
    message: str = Field(examples=["Input should be less than or equal to 100"])
    found: str | None = Field(None, examples=["1000"])


class Problem(BaseModel):
    """A problem document, RFC 9457."""

    type: str = Field(description="What kind of problem, for programs", examples=["urn:encore:unknown-customer"])
    title: str = Field(examples=["Unknown customer"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["No customer '0' is known."])
    errors: list[InvalidParameter] | None = None


_MEDIA = "application/problem+json"
_RETRY_AFTER = {"Retry-After": "5"}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the errors of a route."""
    # a `model` would be documented as application/json, which is not what is sent
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {_MEDIA: {"schema": schema}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document, and describe it in OpenAPI."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = schema.pop("$defs", {})
        document["components"]["schemas"] |= {"Problem": schema, **parts}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_exception_handler(UnknownCustomerError, _unknown_customer)
    app.add_exception_handler(NoOffersError, _no_offers)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(NotReadyError, _not_ready)
    app.add_exception_handler(EncoreError, _unavailable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    errors: list[InvalidParameter] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(type=f"urn:encore:{kind}", title=title, status=status, detail=detail, errors=errors)
    return JSONResponse(problem.model_dump(exclude_none=True), status, headers, media_type=_MEDIA)


def _unknown_customer(_: Request, error: Exception) -> JSONResponse:
    return _problem(404, "unknown-customer", "Unknown customer", str(error))


def _no_offers(_: Request, error: Exception) -> JSONResponse:
    return _problem(409, "no-offers", "No offers", str(error))


def _invalid(_: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        InvalidParameter(
            parameter=_parameter(item),
            location=str(item["loc"][0]),
            message=item["msg"],
            found=None if item["type"] == "missing" else repr(item.get("input"))[:200],
        )
        for item in found
    ]
    named = ", ".join(dict.fromkeys(item.parameter for item in errors))
    return _problem(422, "invalid-parameter", "Invalid parameter", f"Not acceptable: {named}.", errors)


def _parameter(item: Mapping[str, Any]) -> str:
    if item["type"] == "json_invalid":  # whose place is a byte of the body
        return "body"
    return ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])


def _not_ready(_: Request, error: Exception) -> JSONResponse:
    return _problem(503, "not-ready", "Not ready", f"Not ready: {error}", headers=_RETRY_AFTER)


def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return _problem(503, "unavailable", "Unavailable", str(error), headers=_RETRY_AFTER)


def _http(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    headers = error.headers if isinstance(error, HTTPException) else None
    return _problem(status, phrase.lower().replace(" ", "-"), phrase, phrase, headers=headers)


def _unexpected(_: Request, __: Exception) -> JSONResponse:
    return _problem(500, "internal-error", "Internal error", "The server failed; its log says why.")
