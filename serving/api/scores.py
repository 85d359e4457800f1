"""One call for one customer or a thousand; and the score table, page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    GetJsonSchemaHandler,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from starlette.concurrency import run_in_threadpool

from features.contract.events.kind import Strict
from features.contract.ids import AskedId
from serving.api.answering import Models, answer_schema, ask, cells_of, entry, json_response, models_of
from serving.api.cursors import read_place, write_cursor
from serving.api.dependencies import LANGUAGE
from serving.api.problems import documented
from serving.api.security import CurrentCaller, Reader
from serving.explain.language import Language, preferred
from serving.parts import PARTS
from serving.parts.offers import OfferOptions, OffersPart
from serving.parts.types import TypeOptions, TypesPart
from serving.parts.value import ValuePart
from serving.scoring.listing import Listing
from serving.scoring.part import Column, Question
from serving.scoring.score_table import Listed
from serving.scoring.service import ScoredCustomer
from training.next_product.offers.rules import Kind

MAX_CUSTOMERS = 1000
#: Names of parts in a request, which may repeat each other.
_MOST_PARTS = 100
#: Rows of a page.
_PAGE, _LONGEST_PAGE = 100, 1000


def _known(name: str) -> str:
    names = [part.name for part in PARTS]
    if name not in names:
        raise ValueError(f"expected one of {', '.join(names)}")
    return name


class _PartNames:
    """Lists the names of the registered parts in OpenAPI."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"enum": [part.name for part in PARTS]}


PartName = Annotated[str, AfterValidator(_known), _PartNames()]


class ScoreRequest(Strict):
    """Which customers to score, and what to answer about each."""

    customer_ids: Annotated[list[AskedId], Field(min_length=1, max_length=MAX_CUSTOMERS)] = Field(
        examples=[["1", "2", "3"]]
    )
    include: Annotated[list[PartName], FailFast(), Field(min_length=1, max_length=_MOST_PARTS)] = Field(
        default=["risk"],
        description="Parts of the answer. `reasons`, `action` and `what_if` take the role explain, the others the role "
        "score",
        examples=[["risk", "reasons", "offers"]],
    )
    offer_kind: Kind = "next"
    offer_limit: Annotated[int, Field(ge=1, le=100)] = 5
    type_limit: Annotated[int, Field(ge=1, le=100)] = 5
    live: bool = Field(False, description="Compute now, rather than read what was computed since the last event")
    order: Literal["asked", "value_at_risk"] = Field(
        "asked",
        description="Of the answers: as in `customer_ids`, or the highest value at risk first, which needs the part "
        "`value`; customers without one come last",
    )

    @model_validator(mode="after")
    def _ordered_by_what_is_there(self) -> "ScoreRequest":
        if self.order == "value_at_risk" and ValuePart.name not in self.include:
            raise ValueError('expected "value" in `include` with the order "value_at_risk"')
        return self


class Scores(BaseModel):
    """Answers in the order of the request, one for each customer."""

    models: Models
    scores: list[Any]


class ScoreList(BaseModel):
    """A page of the score table."""

    scores: list[Any]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class _Row(BaseModel):
    """A customer's row."""

    customer_id: str = Field(examples=["1"])
    as_of: datetime = Field(description="The moment the scores are for (UTC)")
    status: Literal["ok", "stale"] = Field(
        description="`stale`: something has happened to the customer since; ask for the customer to compute it again"
    )


def router() -> APIRouter:
    """Return the routes, with the schemas of the parts that are registered now."""
    routes = APIRouter(prefix="/v1", tags=["scores"], responses=documented(400, 401, 403, 413, 422, 429, 503))
    score: Any = answer_schema(
        "Score",
        "One customer of an answer; the parts that were asked for.",
        PARTS,
        required=False,
        customer_id=(str, Field(examples=["1"])),
    )
    many = create_model("Scores", __base__=Scores, __doc__=Scores.__doc__, scores=(list[score], ...))
    routes.add_api_route("/scores", _post_scores, methods=["POST"], operation_id="postScores", response_model=many)
    columns = [column for part in PARTS for column in part.columns]
    row: Any = create_model("ScoreRow", __base__=_Row, __doc__=_Row.__doc__, **cells_of(columns))
    page = create_model("ScoreList", __base__=ScoreList, __doc__=ScoreList.__doc__, scores=(list[row], ...))

    async def get_scores(request: Request, caller: Reader, filters: BaseModel) -> Response:
        """List customers from the score table, page by page. Takes the role `score`.

        Its rows are the last scores that were computed, by `encore scores materialize` or for a request. A page starts
        behind the last row of the page before, so that rows which are added or removed meanwhile move no other row.
        """
        return await _list(request, caller, filters, columns)

    get_scores.__annotations__["filters"] = Annotated[_filters(columns), Query()]
    routes.add_api_route("/scores", get_scores, methods=["GET"], operation_id="listScores", response_model=page)
    return routes


async def _post_scores(
    request: Request,
    body: ScoreRequest,
    caller: CurrentCaller,
    language: Annotated[Language | None, LANGUAGE] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer for up to 1,000 customers; one that is in the request twice is answered once.

    With the order `value_at_risk`, customers who are likely to leave and would spend much come first.
    """
    question = Question(
        tuple(dict.fromkeys(body.customer_ids)),
        tuple(part.name for part in PARTS if part.name in body.include),
        language or preferred(accept_language),
        {
            OffersPart.name: OfferOptions(body.offer_kind, body.offer_limit),
            TypesPart.name: TypeOptions(body.type_limit),
        },
        body.live,
    )
    reply = await ask(request, caller, question)
    customers = reply.customers if body.order == "asked" else sorted(reply.customers, key=_value_at_risk)
    return json_response({"models": models_of(reply), "scores": [entry(one, reply) for one in customers]})


def _value_at_risk(one: ScoredCustomer) -> tuple[bool, float]:
    """Return what puts the highest value at risk first, and customers without one last."""
    at_risk = one.parts[ValuePart.name].field("at_risk")
    return at_risk is None, -(at_risk or 0.0)


def _filters(columns: Sequence[Column]) -> type[BaseModel]:
    """Return the parameters of the list: one or two a column."""
    fields: dict[str, Any] = {}
    for column in columns:
        if column.type == "text":
            fields[column.name] = (str | None, Field(None, max_length=200, description=column.description))
        else:
            for end, word in (("min", "At least"), ("max", "At most")):
                text = f"{word}: {column.description[0].lower()}{column.description[1:]}"
                fields[f"{end}_{column.name}"] = (float | None, Field(None, description=text))
    sortable = ["customer_id", *(column.name for column in columns if column.type == "number")]
    orders = [order for name in sortable for order in (name, f"-{name}")]
    fields["sort"] = (
        Literal[tuple(orders)],
        Field("-risk" if "-risk" in orders else "customer_id", description="`-` is descending; nulls come last"),
    )
    fields["limit"] = (int, Field(_PAGE, ge=1, le=_LONGEST_PAGE))
    fields["cursor"] = (str | None, Field(None, max_length=1000, description="`next_cursor` of the page before"))
    return create_model("ScoreFilters", __config__=ConfigDict(extra="forbid"), **fields)


async def _list(request: Request, caller: Reader, filters: BaseModel, columns: Sequence[Column]) -> Response:
    chosen = filters.model_dump(exclude_none=True)
    sort, limit = str(chosen["sort"]), int(chosen["limit"])
    name = sort.removeprefix("-")
    listing = Listing(
        {column.name: chosen[column.name] for column in columns if column.name in chosen},
        {column.name: chosen[f"min_{column.name}"] for column in columns if f"min_{column.name}" in chosen},
        {column.name: chosen[f"max_{column.name}"] for column in columns if f"max_{column.name}" in chosen},
        name,
        sort.startswith("-"),
        read_place(chosen["cursor"], sort) if "cursor" in chosen else None,
    )
    rows = await run_in_threadpool(caller.state.service.table.list, listing, limit + 1)
    shown, more = rows[:limit], len(rows) > limit
    caller.state.note(request, [row.customer_id for row in shown])
    listed = [_row(row) for row in shown]
    caller.state.service.listed(listed)
    return json_response({"scores": listed, "next_cursor": _cursor(sort, shown[-1], name) if more else None})


def _row(row: Listed) -> dict[str, Any]:
    status = "ok" if row.current else "stale"
    return {"customer_id": row.customer_id, "as_of": row.as_of, "status": status, **row.cells}


def _cursor(sort: str, last: Listed, name: str) -> str:
    value = None if name == "customer_id" else last.cells[name]
    return write_cursor(sort, value, last.customer_id)
