"""From a question to the bytes of an answer: asked, audited, counted. Every route about customers goes through here."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from serving.api.security import Caller, check
from serving.api.state import State
from serving.scoring import metrics
from serving.scoring.deployment import ModelInfo
from serving.scoring.part import JSON_OPTIONS, AnswerPart, Column, Question
from serving.scoring.service import Reply, ScoredCustomer, check_values

#: Up to this number of customers, a request reads kept answers while others wait, and shares their computation.
_FEW = 8


class ModelAnswer(BaseModel):
    """A model version that answers."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(examples=["encore-churn/1"])
    grade: str | None = Field(description="How good the model is, A to D", examples=["A"])
    caveat: str | None = Field(
        description="What a reader has to know beside the grade, such as why it is better than it will turn out to be",
        examples=["no time split: optimistic"],
    )
    definition: dict[str, str | int | float | None] = Field(
        description="What it predicts; windows and horizons in days",
        examples=[{"kind": "non_contractual", "horizon_days": 28, "gap_days": 0, "activity_window_days": 56}],
    )


#: Of answers and of readiness.
NEWEST_EVENT: Any = Field(
    description="The moment of the newest event in the data that features were made of (UTC); answers are about "
    "customers as they were then. Null where another version of Encore made them"
)


class Moments(BaseModel):
    """When an answer is from."""

    as_of: datetime = Field(description="The moment the answer is for (UTC)")
    feature_timestamp: datetime | None = Field(
        description="The moment the features were computed for (UTC); null where there are none"
    )
    newest_event_timestamp: datetime | None = NEWEST_EVENT
    computed: Literal["now", "materialised"] = Field(
        description="Computed for this request, or read from the score table; nothing has happened since then"
    )


Models = Annotated[
    dict[str, ModelAnswer], Field(description="The champion of each model, by name; none for a model without one")
]


async def ask(request: Request, caller: Caller, question: Question) -> Reply:
    """Answer a question.

    Raises
    ------
    ForbiddenError
        If the key may not ask for a part of it.
    StoreError
        If nothing can be said, or the audit log cannot be written.
    """
    state = caller.state
    check(caller.key, sorted({state.service.parts[name].role for name in question.parts}))
    labels = state.reloader.deployment.labels
    reply = await compute(state, question)
    named = [customer for customer in question.customers if customer]
    state.note(request, named, {*labels, *reply.models})
    count_shown(state, reply, question)
    return reply


async def compute(state: State, question: Question) -> Reply:
    """Answer a question for somebody who may ask it, who writes that into the audit log.

    Raises
    ------
    StoreError
        If nothing can be said.
    """
    deployment = state.reloader.deployment
    as_of = state.reloader.as_of(deployment)
    if len(question.customers) > _FEW:
        return await state.bulk.ask(deployment, question, as_of)
    recalled = state.service.recall(deployment, question, as_of)
    return recalled or await state.batcher(deployment, question).ask(deployment, question, as_of)


def count_shown(state: State, reply: Reply, question: Question) -> None:
    """Count an answer that is given, and let the answer log keep it."""
    for one in reply.customers:
        metrics.SCORES.labels("stale" if "stale" in one.statuses else one.computed).inc()
    state.service.shown(reply, question)


async def ask_one(request: Request, caller: Caller, question: Question) -> Response:
    """Answer a question about one customer, whose every part must have values.

    Raises
    ------
    UnknownCustomerError
        If there are no data for the customer.
    StoreError
        If a store is unavailable, and not all that was asked for was computed before.
    NoModelError
        If a part has no model.
    """
    reply = await ask(request, caller, question)
    (one,) = reply.customers
    check_values(one)
    return json_response({**entry(one, reply), "models": models_of(reply)})


def entry(one: ScoredCustomer, reply: Reply) -> dict[str, Any]:
    """Return what is answered about a customer, its parts as they were encoded."""
    head = {"customer_id": one.customer_id} if one.customer_id else {}
    moments = {
        "as_of": one.as_of,
        "feature_timestamp": one.feature_timestamp,
        "newest_event_timestamp": reply.deployment.ground.online.last_event,
        "computed": one.computed,
    }
    return {**head, **moments, **{name: orjson.Fragment(part.json) for name, part in one.parts.items()}}


def models_of(reply: Reply) -> dict[str, dict[str, Any]]:
    """Return the versions that answer."""
    return {name: _model(info) for name, info in reply.deployment.models.items()}


def json_response(content: object) -> Response:
    """Encode an answer."""
    return Response(orjson.dumps(content, option=JSON_OPTIONS), media_type="application/json")


def cells_of(columns: Iterable[Column]) -> dict[str, Any]:
    """Return the fields of a row of the score table, for a model of pydantic."""
    return {
        column.name: (float | None if column.type == "number" else str | None, Field(description=column.description))
        for column in columns
    }


def answer_schema(
    name: str, doc: str, parts: Sequence[AnswerPart[Any]], *, required: bool, **more: tuple[Any, Any]
) -> type[BaseModel]:
    """Return the schema of an answer about a customer.

    Parameters
    ----------
    required
        Whether every part is always there; otherwise those that were asked for.
    more
        Further fields.
    """
    fields: dict[str, Any] = {
        part.name: (part.schema, ...) if required else (part.schema | None, None) for part in parts
    }
    fields = more | fields
    model: type[BaseModel] = create_model(name, __base__=Moments, __doc__=doc, **fields)
    return model


def _model(info: ModelInfo) -> dict[str, Any]:
    definition: Mapping[str, Any] = info.definition
    return {
        "version": info.version.label,
        "grade": info.version.grade,
        "caveat": info.version.caveat,
        "definition": definition,
    }
