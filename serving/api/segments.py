"""Segments: defined, listed, shown with what distinguishes their members, and the members themselves."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, create_model
from starlette.concurrency import run_in_threadpool

from serving.api.answering import cells_of, json_response
from serving.api.cursors import read_cursor, write_cursor, wrong_cursor
from serving.api.problems import documented
from serving.api.security import Caller, Marketer, Reader
from serving.parts import PARTS
from serving.segments.check import RuleFinding
from serving.segments.columns import RuleColumn, RuleError
from serving.segments.compare import Trait
from serving.segments.definitions import Name, SegmentDefinition, SegmentLabel
from serving.segments.evaluating import ContradictoryRuleError
from serving.segments.listing import csv_file, member_rows
from serving.segments.rules import written
from serving.segments.service import Segment, TakenNameError
from serving.segments.store import SegmentSize

#: Rows of a page.
_PAGE, _LONGEST_PAGE = 100, 1000
_T = TypeVar("_T")

SegmentName = Annotated[Name, Path()]


class SegmentAnswer(SegmentLabel):
    """A segment and its size."""

    rule: dict[str, Any] = Field(
        description="As it was defined", examples=[{"all": [{"column": "risk", "at_least": 0.5}]}]
    )
    origin: Literal["file", "api"] = Field(description="Where it is defined; one of the file cannot be changed here")
    size: int = Field(description="Members", examples=[107])
    customers: int = Field(description="All customers at that moment", examples=[2469])
    as_of: datetime = Field(description="The moment that the members are for (UTC)")
    evaluated_at: datetime = Field(description="When the members were looked for (UTC)")
    findings: list[RuleFinding] = Field(description="What is wrong with the rule")
    problem: str | None = Field(description="Why the rule cannot be evaluated; null where it can")


class SegmentDetails(SegmentAnswer):
    """A segment with its trend, its overlaps and what distinguishes its members."""

    trend: list[SegmentSize] = Field(description="One size a day, since the segment has this rule")
    overlaps: dict[str, float] = Field(
        description="By name of another segment, the share of the members who are in it too",
        examples=[{"valuable": 0.4}],
    )
    traits: list[Trait] = Field(description="What distinguishes members from other customers most, at most five")


class SegmentList(BaseModel):
    """All segments, by name."""

    segments: list[SegmentAnswer]


class ColumnList(BaseModel):
    """The columns that rules may read, by name."""

    columns: list[RuleColumn]


class MemberList(BaseModel):
    """A page of the members of a segment, in the order of their ids."""

    as_of: datetime = Field(description="The moment that the members are for (UTC)")
    customers: list[Any]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class _Member(BaseModel):
    """A member with the row of the score table."""

    customer_id: str = Field(examples=["1"])
    as_of: datetime | None = Field(description="The moment the scores are for (UTC)")
    status: Literal["ok", "stale", "not_scored"] = Field(
        description="Of the scores. `stale`: something has happened to the customer since; `not_scored`: there are none"
    )


def router() -> APIRouter:
    """Return the routes, with the columns of the parts that are registered now."""
    routes = APIRouter(prefix="/v1", tags=["segments"], responses=documented(401, 403, 422, 429, 503))
    columns = [column for part in PARTS for column in part.columns]
    member: Any = create_model("Member", __base__=_Member, __doc__=_Member.__doc__, **cells_of(columns))
    members = create_model("MemberList", __base__=MemberList, __doc__=MemberList.__doc__, customers=(list[member], ...))
    add = routes.add_api_route
    add("/segments", _list, methods=["GET"], operation_id="listSegments")
    add("/segment-columns", _columns, methods=["GET"], operation_id="listSegmentColumns")
    created: dict[int | str, dict[str, Any]] = {
        HTTPStatus.OK.value: {"model": SegmentDetails, "description": "With `dry_run`; nothing was saved"},
        **documented(400, 413),
    }
    add("/segments", _define, methods=["POST"], operation_id="defineSegment", status_code=201, responses=created)
    one = "/segments/{name}"
    add(one, _show, methods=["GET"], operation_id="getSegment", responses=documented(404))
    add(one, _delete, methods=["DELETE"], operation_id="deleteSegment", status_code=204, responses=documented(404))
    csv: dict[int | str, dict[str, Any]] = {
        HTTPStatus.OK.value: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **documented(404),
    }
    add(
        f"{one}/customers",
        _customers,
        methods=["GET"],
        operation_id="listSegmentCustomers",
        response_model=members,
        responses=csv,
    )
    return routes


async def _list(caller: Reader) -> SegmentList:
    """Return all segments with their sizes. Takes the role `score`.

    Segments that were evaluated more than `serving.segment_age_minutes` ago are evaluated first.
    """
    found = await _work(lambda: caller.state.segments.every(caller.state.source))
    return SegmentList(segments=[SegmentAnswer(**_answer(one)) for one in found.values()])


async def _columns(caller: Reader) -> ColumnList:
    """Return the columns that rules may read. Takes the role `score`."""
    found = await _work(lambda: caller.state.segments.columns(caller.state.source))
    return ColumnList(columns=list(found.values()))


async def _define(
    response: Response,
    request: Request,
    definition: SegmentDefinition,
    caller: Marketer,
    dry_run: Annotated[bool, Query(description="Check the rule and count its members; save nothing")] = False,
) -> SegmentDetails:
    """Define a segment, in the place of one of this name that was defined here before. Takes the role `explain`.

    A rule that can hold for nobody, such as one number at least 5 and below 3, is refused.
    """
    segments, source = caller.state.segments, caller.state.source
    # who defines segments is written down; no customer is named
    caller.state.note(request, [])
    define = segments.preview if dry_run else segments.define
    segment = await _work(lambda: define(definition, source))
    if dry_run:
        response.status_code = HTTPStatus.OK
    else:
        response.headers["Location"] = f"/v1/segments/{definition.name}"
    return await _work(lambda: _details(caller, segment))


async def _show(name: SegmentName, caller: Reader) -> SegmentDetails:
    """Return a segment with trend, overlaps and what distinguishes its members. Takes the role `score`."""
    segment = await _work(lambda: caller.state.segments.one(name, caller.state.source))
    return await _work(lambda: _details(caller, segment))


async def _delete(request: Request, name: SegmentName, caller: Marketer) -> Response:
    """Remove a segment that was defined through the API, and its trend. Takes the role `explain`."""
    caller.state.note(request, [])
    await _work(lambda: caller.state.segments.delete(name), "path")
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _customers(
    request: Request,
    name: SegmentName,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = _PAGE,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")] = None,
    form: Annotated[
        Literal["json", "csv"] | None,
        Query(alias="format", description="Wins over the Accept header. `csv`: all members, as a file"),
    ] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """List the members with their scores, page by page. Takes the role `score`.

    A page starts behind the last member of the page before, so that customers who come or go move no other row.
    """
    segments = caller.state.segments
    segment = await _work(lambda: segments.one(name, caller.state.source))
    if form == "csv" or (form is None and "text/csv" in (accept or "")):
        return _as_csv(request, caller, name)
    after = "" if cursor is None else _read_cursor(cursor, name)
    found = await run_in_threadpool(segments.store.members, name, limit + 1, after)
    shown = found[:limit]
    rows = await run_in_threadpool(member_rows, segments, shown)
    caller.state.note(request, shown)
    caller.state.service.listed(row for row in rows if row["as_of"] is not None)
    following = write_cursor(name, shown[-1]) if len(found) > limit else None
    return json_response({"as_of": segment.evaluation.as_of, "customers": rows, "next_cursor": following})


def _read_cursor(text: str, name: str) -> str:
    """Return the last member of the page before.

    Raises
    ------
    RequestValidationError
        If it is none of ours, or belongs to another segment.
    """
    match read_cursor(text):
        case [segment, str() as customer] if segment == name:
            return customer
    raise wrong_cursor(text, f"expected a cursor of the segment {name}")


def _as_csv(request: Request, caller: Caller, name: str) -> Response:
    def note(rows: Sequence[dict[str, Any]]) -> None:
        caller.state.note(request, [row["customer_id"] for row in rows])
        caller.state.service.listed(row for row in rows if row["as_of"] is not None)

    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(
        csv_file(caller.state.segments, name, note), media_type="text/csv; charset=utf-8", headers=named
    )


async def _work(work: Callable[[], _T], name_in: Literal["body", "path"] = "body") -> _T:
    """Do what reads stores, in a thread.

    Parameters
    ----------
    name_in
        Where the request names the segment.

    Raises
    ------
    RequestValidationError
        If nobody can mean the rule, or the segment cannot be changed here.
    """
    try:
        return await run_in_threadpool(work)
    except (RuleError, ContradictoryRuleError) as error:
        raise _invalid("body", "rule", error) from error
    except TakenNameError as error:
        raise _invalid(name_in, "name", error) from error


def _invalid(location: str, parameter: str, error: Exception) -> RequestValidationError:
    # the text names what was found
    return RequestValidationError([{"type": "missing", "loc": (location, parameter), "msg": str(error)}])


def _details(caller: Caller, segment: Segment) -> SegmentDetails:
    found = segment.evaluation
    return SegmentDetails(
        **_answer(segment),
        trend=caller.state.segments.trend(segment),
        overlaps=found.overlaps,
        traits=list(found.traits),
    )


def _answer(segment: Segment) -> dict[str, Any]:
    definition, found = segment.definition, segment.evaluation
    return {
        "name": definition.name,
        "kind": definition.kind,
        "rule": written(definition.rule),
        "titles": definition.titles,
        "origin": segment.origin,
        "size": found.size,
        "customers": found.customers,
        "as_of": found.as_of,
        "evaluated_at": found.evaluated,
        "findings": list(found.findings),
        "problem": found.problem,
    }
