"""Campaigns: planned, listed, started once, exported, stopped and reported."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from core.errors import DataError
from features.contract.events.kind import Strict, Word
from serving.api.problems import documented
from serving.api.security import Marketer, Reader
from serving.campaigns.definition import Campaign
from serving.campaigns.export import csv_of, file_name
from serving.campaigns.kept import Export, Kept, Status, Target, UnknownCampaignError
from serving.campaigns.plan import Plan
from serving.campaigns.report import DAYS, Asked
from serving.segments.definitions import Name
from training.effects.outcomes import Measure

_T = TypeVar("_T")
CampaignName = Annotated[Name, Path()]
_ONE = "/campaigns/{name}"


class CampaignAnswer(BaseModel):
    """A campaign, how far it is, and what it would do or does."""

    campaign: dict[str, Any] = Field(
        description="As it was planned", examples=[{"name": "spring", "goal": "retain", "holdout": 0.1}]
    )
    status: Status
    planned: datetime = Field(description="When it was planned (UTC)")
    started: datetime | None = Field(description="When its assignments were frozen; null before that")
    stopped: datetime | None
    run: str | None = Field(description="The record of the decision behind the assignments")
    plan: Plan = Field(description="Of the start once it has started")


class CampaignDetails(CampaignAnswer):
    """A campaign with its exports and what came back."""

    exports: list[Export]
    responses: dict[str, dict[str, int]] = Field(
        description="By arm and kind of event, how many customers had one or more",
        examples=[{"call": {"contact": 90, "response": 12}, "holdout": {"contact": 0, "response": 0}}],
    )


class CampaignList(BaseModel):
    """All campaigns, by name."""

    campaigns: list[CampaignAnswer]


class ExportRequest(Strict):
    """Whose contacts are handed over, and how."""

    channel: Word = Field(examples=["email"])
    to: Target = Field(
        "csv", description="csv: read the file at the address of the answer; webhook: posted to decisions.webhook"
    )


class ExportAnswer(BaseModel):
    """What an export did."""

    export: Export | None = Field(description="Null where nobody could be contacted now")
    withheld: dict[str, int] = Field(
        description="Customers who may not be contacted now, by reason", examples=[{"cap": 3}]
    )
    left: int = Field(description="Customers of the channel who still wait")


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["campaigns"], responses=documented(401, 403, 409, 422, 429, 503))
    add = routes.add_api_route
    tried: dict[int | str, dict[str, Any]] = {
        HTTPStatus.OK.value: {"model": CampaignAnswer, "description": "With `dry_run`; nothing was kept"},
        **documented(400, 413),
    }
    add("/campaigns", _list, methods=["GET"], operation_id="listCampaigns")
    add("/campaigns", _plan, methods=["POST"], operation_id="planCampaign", status_code=201, responses=tried)
    named = documented(404)
    add(_ONE, _show, methods=["GET"], operation_id="getCampaign", responses=named)
    add(f"{_ONE}/start", _start, methods=["POST"], operation_id="startCampaign", responses=named)
    add(f"{_ONE}/stop", _stop, methods=["POST"], operation_id="stopCampaign", responses=named)
    exporting = {**named, **documented(400, 413)}
    add(f"{_ONE}/export", _export, methods=["POST"], operation_id="exportCampaign", responses=exporting)
    csv: dict[int | str, dict[str, Any]] = {
        HTTPStatus.OK.value: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **named,
    }
    again = f"{_ONE}/exports/{{export_id}}"
    add(
        again,
        _contacts,
        methods=["GET"],
        operation_id="getCampaignExport",
        response_class=Response,
        responses=csv,
    )
    add(f"{again}/send", _send, methods=["POST"], operation_id="sendCampaignExport", responses=named)
    add(f"{_ONE}/report", _report, methods=["GET"], operation_id="getCampaignReport", responses=named)
    return routes


async def _list(caller: Reader) -> CampaignList:
    """Return all campaigns. Takes the role `score`."""
    now = caller.state.source.as_of
    found = await run_in_threadpool(caller.state.campaigns.store.all)
    return CampaignList(campaigns=[CampaignAnswer(**_answer(one, now)) for one in found])


async def _plan(
    request: Request,
    response: Response,
    campaign: Campaign,
    caller: Marketer,
    dry_run: Annotated[bool, Query(description="Say what the campaign would do; keep nothing")] = False,
) -> CampaignAnswer:
    """Plan a campaign, in the place of a plan of this name that has not started. Takes the role `explain`."""
    campaigns, source = caller.state.campaigns, caller.state.source
    # who plans campaigns is written down; no customer is named
    caller.state.note(request, [])
    kept = await _work(lambda: campaigns.plan(campaign, source, save=not dry_run))
    if dry_run:
        response.status_code = HTTPStatus.OK
    else:
        response.headers["Location"] = f"/v1/campaigns/{campaign.name}"
    return CampaignAnswer(**_answer(kept, source.as_of))


async def _show(name: CampaignName, caller: Reader) -> CampaignDetails:
    """Return a campaign with its exports and what came back. Takes the role `score`."""
    campaigns, now = caller.state.campaigns, caller.state.source.as_of

    def read() -> CampaignDetails:
        kept = campaigns.store.one(name)
        responses: Mapping[str, Mapping[str, int]] = {} if kept.started is None else campaigns.responses(name)
        plain = {arm: dict(counts) for arm, counts in responses.items()}
        return CampaignDetails(**_answer(kept, now), exports=campaigns.claims.exports(name), responses=plain)

    return await _work(read)


async def _start(request: Request, name: CampaignName, caller: Marketer) -> CampaignAnswer:
    """Freeze who is in a campaign with which action, and who is held out. Takes the role `explain`."""
    campaigns, source = caller.state.campaigns, caller.state.source
    caller.state.note(request, [])
    kept = await _work(lambda: campaigns.start(name, source))
    return CampaignAnswer(**_answer(kept, source.as_of))


async def _stop(request: Request, name: CampaignName, caller: Marketer) -> CampaignAnswer:
    """Stop a campaign: nothing more is exported. Once more changes nothing. Takes the role `explain`."""
    now = caller.state.source.as_of
    caller.state.note(request, [])
    kept = await _work(lambda: caller.state.campaigns.stop(name, now))
    return CampaignAnswer(**_answer(kept, now))


async def _export(
    request: Request, response: Response, name: CampaignName, asked: ExportRequest, caller: Marketer
) -> ExportAnswer:
    """Claim the contacts of a channel that may be made now, for a file or a webhook. Takes the role `explain`.

    Nobody is claimed twice: the answer has the address at which the same contacts can be read again.
    """
    campaigns, now = caller.state.campaigns, caller.state.source.as_of
    caller.state.note(request, [])
    done = await _work(lambda: campaigns.export(name, asked.channel, asked.to, now))
    export = done.export
    if export is not None:
        response.headers["Location"] = f"/v1/campaigns/{name}/exports/{export.id}"
        if asked.to == "webhook":
            export = await _delivered(request, caller, export, now, again=False)
    return ExportAnswer(export=export, withheld=dict(done.withheld), left=done.left)


async def _send(request: Request, name: CampaignName, export_id: str, caller: Marketer) -> Export:
    """Post the batches of a webhook's export that were not acknowledged. Takes the role `explain`.

    A batch keeps its `Idempotency-Key`; customers who may not be contacted any more are left out.
    """
    campaigns, now = caller.state.campaigns, caller.state.source.as_of
    export = await _work(lambda: campaigns.claims.export(name, export_id))
    return await _delivered(request, caller, export, now, again=True)


async def _delivered(request: Request, caller: Marketer, export: Export, now: datetime, *, again: bool) -> Export:
    campaigns = caller.state.campaigns
    named = await run_in_threadpool(campaigns.claims.contacts, export.id)
    caller.state.note(request, [one.customer_id for one in named])
    return await _work(lambda: campaigns.deliver(export, now, again=again))


async def _contacts(request: Request, name: CampaignName, export_id: str, caller: Marketer) -> Response:
    """Return the contacts of an export as a file, the same whenever it is read. Takes the role `explain`."""
    claims = caller.state.campaigns.claims
    export = await _work(lambda: claims.export(name, export_id))
    contacts = await run_in_threadpool(claims.contacts, export.id)
    caller.state.note(request, [one.customer_id for one in contacts])
    named = {"Content-Disposition": f'attachment; filename="{file_name(export)}"'}
    content = await run_in_threadpool(csv_of, export, contacts)
    return Response(content, media_type="text/csv; charset=utf-8", headers=named)


async def _report(
    request: Request,
    name: CampaignName,
    caller: Marketer,
    days: Annotated[int, Query(ge=1, le=3650, description="Of outcomes, from the assignment on")] = DAYS,
    measure: Annotated[
        Measure | None, Query(description="Verdicts are given on it; null is what the goals of the actions say")
    ] = None,
    imported: Annotated[
        bool, Query(description="Of a campaign that somebody else ran, in the contract table `assignments`")
    ] = False,
) -> dict[str, Any]:
    """Measure what each arm changed, beside the holdout. Takes the role `explain`.

    Every look at a campaign whose outcomes are not all known counts: intervals are wider where somebody looked before.
    """
    campaigns, asked, now = caller.state.campaigns, Asked(days, measure), caller.state.source.as_of
    caller.state.note(request, [])
    report = campaigns.report_imported if imported else campaigns.report
    return (await _work(lambda: report(name, asked, now))).as_json()


async def _work(work: Callable[[], _T]) -> _T:
    """Do what reads stores, in a thread.

    Raises
    ------
    RequestValidationError
        If the campaign names something that there is not, or nobody can mean its rule.
    """
    try:
        return await run_in_threadpool(work)
    except UnknownCampaignError:
        raise
    except DataError as error:
        # the text names what was found
        raise RequestValidationError([{"type": "missing", "loc": ("body", "campaign"), "msg": str(error)}]) from error


def _answer(kept: Kept, now: datetime) -> dict[str, Any]:
    return {
        "campaign": kept.campaign.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": kept.status(now),
        "planned": kept.planned,
        "started": kept.started,
        "stopped": kept.stopped,
        "run": kept.run,
        "plan": kept.plan,
    }
