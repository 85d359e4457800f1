"""Every error as an RFC 9457 problem document: the one place where domain errors become status codes."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from core.errors import EncoreError, StoreError, without_folders
from serving.api.security import ForbiddenError, TooManyRequestsError, UnauthenticatedError
from serving.campaigns.kept import CampaignStateError, UnknownCampaignError
from serving.decisions.records import UndecidedError
from serving.privacy.receipts import UnknownErasureError
from serving.scoring.deployment import NoModelError
from serving.scoring.intake import FutureEventError
from serving.scoring.reloader import NotReadyError
from serving.scoring.service import UnknownCustomerError
from serving.segments.rules import NODE_TAGS
from serving.segments.service import UnknownSegmentError


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
    request_id: str | None = Field(None, description="As in the header X-Request-ID and in the log")
    errors: list[InvalidParameter] | None = Field(None, description="The first 20 things that are wrong")
    more_errors: int | None = Field(None, description="How many others were found")


class InvalidBodyError(RequestValidationError):
    """A body with more errors than are listed.

    Parameters
    ----------
    errors
        Some of them, as FastAPI has them.
    count
        How many there are.
    """

    def __init__(self, errors: Sequence[Any], count: int) -> None:
        super().__init__(errors)
        self.count = count


#: Every error type, without its prefix, and the status it comes with; docs/api.md says what to do about each. An error
#: of which no more than the status is known is of the first type with it.
TYPES: dict[str, int] = {
    "bad-request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "unknown-customer": 404,
    "method-not-allowed": 405,
    "request-timeout": 408,
    "conflict": 409,
    "no-model": 409,
    "content-too-large": 413,
    "invalid-parameter": 422,
    "future-event": 422,
    "too-many-requests": 429,
    "headers-too-large": 431,
    "internal-error": 500,
    "not-ready": 503,
    "unavailable": 503,
}
_log = structlog.get_logger(__name__)
MEDIA = "application/problem+json"
#: What is listed of a request with more errors.
MOST_ERRORS = 20
_RETRY_AFTER = {"Retry-After": "5"}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the errors of a route."""
    # a `model` would be documented as application/json, which is not what is sent
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA: {"schema": schema}},
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
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


def problem_of(kind: str, detail: str, **more: object) -> dict[str, Any]:
    """Return a problem document of a kind of `TYPES`; `more` are further fields of it."""
    title, detail = kind.replace("-", " ").capitalize(), without_folders(detail)
    problem = Problem(type=f"urn:encore:{kind}", title=title, status=TYPES[kind], detail=detail, **more)
    return problem.model_dump(exclude_none=True)


def _problem(
    request: Request,
    kind: str,
    detail: str,
    errors: list[InvalidParameter] | None = None,
    more_errors: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    request_id = getattr(request.state, "request_id", None)
    content = problem_of(kind, detail, request_id=request_id, errors=errors, more_errors=more_errors)
    return JSONResponse(content, TYPES[kind], headers, media_type=MEDIA)


def _unknown_customer(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "unknown-customer", str(error))


def _not_found(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "not-found", str(error))


def _no_model(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "no-model", str(error))


def _conflict(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "conflict", str(error))


def _unauthenticated(request: Request, _: Exception) -> JSONResponse:
    detail = "Expected the header `Authorization: Bearer …` with an API key that is in use."
    return _problem(request, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def _forbidden(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "forbidden", str(error))


def _too_many_requests(request: Request, error: Exception) -> JSONResponse:
    seconds = error.seconds if isinstance(error, TooManyRequestsError) else 1
    return _problem(request, "too-many-requests", str(error), headers={"Retry-After": str(seconds)})


def _future_event(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "future-event", str(error))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    details = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        InvalidParameter(
            parameter=_parameter(item),
            location=str(item["loc"][0]),
            message=item["msg"],
            found=None if item["type"] == "missing" else _found(item.get("input")),
        )
        for item in details[:MOST_ERRORS]
    ]
    named = ", ".join(dict.fromkeys(item.parameter for item in errors))
    more = (error.count if isinstance(error, InvalidBodyError) else len(details)) - len(errors)
    end = f", and {more:,} more" if more else ""
    return _problem(request, "invalid-parameter", f"Not acceptable: {named}{end}.", errors, more or None)


def _found(value: object) -> str:
    """Show a value shortly; to write out a long one may take longer than to refuse it."""
    if isinstance(value, dict | list) and len(value) > MOST_ERRORS:
        return f"{len(value):,} {'fields' if isinstance(value, dict) else 'values'}"
    return repr(value[:200] if isinstance(value, str) else value)[:200]


def _parameter(item: Mapping[str, Any]) -> str:
    if item["type"] == "json_invalid":  # whose place is a byte of the body
        return "body"
    # the kind of a part of a rule is no key that somebody wrote
    return ".".join(str(part) for part in item["loc"][1:] if part not in NODE_TAGS) or str(item["loc"][0])


def _not_ready(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "not-ready", f"Not ready: {error}", headers=_RETRY_AFTER)


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, "unavailable", str(error), headers=_RETRY_AFTER)


def _no_file(request: Request, error: Exception) -> JSONResponse:
    _log.error("file_unavailable", exc_info=error)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return _unavailable(request, StoreError(f"A file of the service cannot be used: {reason}.", "Check the disk."))


def _http(request: Request, error: Exception) -> JSONResponse:
    failure = error if isinstance(error, HTTPException) else HTTPException(500)
    kind = next((kind for kind, status in TYPES.items() if status == failure.status_code), "internal-error")
    detail = failure.detail or HTTPStatus(failure.status_code).phrase
    return _problem(request, kind, detail, headers=failure.headers)


#: Every error that has an answer of its own; of a subclass, that of its nearest class here.
_HANDLERS: dict[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
    UnknownCustomerError: _unknown_customer,
    UnknownErasureError: _not_found,
    UnknownSegmentError: _not_found,
    UnknownCampaignError: _not_found,
    UndecidedError: _not_found,
    CampaignStateError: _conflict,
    NoModelError: _no_model,
    FutureEventError: _future_event,
    UnauthenticatedError: _unauthenticated,
    ForbiddenError: _forbidden,
    TooManyRequestsError: _too_many_requests,
    RequestValidationError: _invalid,
    NotReadyError: _not_ready,
    EncoreError: _unavailable,
    OSError: _no_file,
    HTTPException: _http,
}

#: Errors that `answered` has an answer of their own for.
HANDLED: tuple[type[Exception], ...] = tuple(_HANDLERS)


def answered(request: Request, error: Exception) -> JSONResponse:
    """Answer any error with a problem document; one that nobody expected is a fault of ours."""
    handler = next((_HANDLERS[kind] for kind in type(error).__mro__ if kind in _HANDLERS), failed)
    return handler(request, error)


def failed(request: Request, error: Exception) -> JSONResponse:
    """Answer where a request ended in a fault of ours."""
    _log.error("failed", exc_info=error, request_id=getattr(request.state, "request_id", None))
    return _problem(request, "internal-error", "The server failed; its log says why.")
