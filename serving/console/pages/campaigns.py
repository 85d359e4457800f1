"""Campaigns and results: the list, and one campaign from its plan to what it changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from core.errors import StateError
from core.settings import StoreSettings
from serving.campaigns.export import csv_of, file_name
from serving.campaigns.kept import Kept, Target, UnknownCampaignError
from serving.campaigns.last_reports import LastReport
from serving.campaigns.progress import ArmProgress
from serving.campaigns.report import DAYS, Asked, ImportedCampaign
from serving.console.naming import segment_titles
from serving.console.planned import gain_text, keeps, reasons_text, rows_of
from serving.console.rendering import render
from serving.console.results import Names, ResultWriter
from serving.console.visitors import Marketer, Viewer, Visitor
from serving.decisions.definitions import Decisions
from serving.explain.fields import channel_of
from serving.explain.language import title_in
from training.effects.measured import load_effects

#: Signs of the badges of states.
_KINDS = {"planned": "plain", "started": "good", "ended": "plain", "stopped": "watch", "imported": "plain"}
#: Where the session keeps what the last export did, until it is shown.
_EXPORTED = "exported"
router = APIRouter(prefix="/campaigns")


@dataclass(frozen=True)
class Line:
    """A campaign of the list."""

    name: str
    title: str
    status: str
    kind: str
    starts: datetime
    ends: datetime | None
    whom: str
    contacted: int
    held_out: int
    cost: float | None
    result: str


@router.get("")
def campaigns(visitor: Viewer) -> Response:
    """List all campaigns, those of others too, and what has worked for whom."""
    there = visitor.state.campaigns
    costs: dict[str, float] = {}
    for one in there.progress():
        costs[one.campaign] = costs.get(one.campaign, 0.0) + one.cost
    reports, writer = there.reports.all(), ResultWriter(_names(visitor))
    kept = sorted(there.store.all(), key=lambda one: one.campaign.starts, reverse=True)
    lines = [_line(visitor, writer, one, costs.get(one.campaign.name, 0.0), reports) for one in kept]
    lines += [_line_imported(visitor, writer, one, reports) for one in _imported(visitor)]
    measured = writer.measured(load_effects(visitor.state.settings[StoreSettings]))
    return render(visitor, "campaigns", lines=lines, measured=measured)


@router.get("/{name}/exports/{export}.csv")
def contacts(visitor: Marketer, name: str, export: str) -> Response:
    """Return the contacts of an export as a file, the same whenever it is read."""
    claims = visitor.state.campaigns.claims
    found = claims.export(name, export)
    rows = claims.contacts(found.id)
    visitor.note(*(one.customer_id for one in rows))
    named = {"Content-Disposition": f'attachment; filename="{file_name(found)}"'}
    return Response(csv_of(found, rows), media_type="text/csv; charset=utf-8", headers=named)


@router.get("/{name:path}")
def campaign(visitor: Viewer, name: str) -> Response:
    """Show a campaign: its plan, how far it is, what came back and what it changed."""
    try:
        kept = visitor.state.campaigns.store.one(name)
    except UnknownCampaignError:
        others = [one for one in _imported(visitor) if one.name == name]
        if not others:
            raise
        return render(visitor, "campaign", imported=others[0], kept=None, **_measured(visitor, name, others[0].first))
    return render(visitor, "campaign", imported=None, kept=kept, **_running(visitor, kept))


@router.post("/{name}/start")
def start(visitor: Marketer, name: str) -> Response:
    """Freeze who is in a campaign with which action."""
    visitor.note()
    visitor.state.campaigns.start(name, visitor.state.source)
    return _back(name)


@router.post("/{name}/stop")
def stop(visitor: Marketer, name: str) -> Response:
    """Stop a campaign: nothing more is exported."""
    visitor.note()
    visitor.state.campaigns.stop(name, visitor.state.source.as_of)
    return _back(name)


@router.post("/{name}/export")
def export(
    visitor: Marketer, name: str, channel: Annotated[str, Form(max_length=100)], to: Annotated[Target, Form()] = "csv"
) -> Response:
    """Claim the contacts of a channel that may be made now; the page then says who was not, and why."""
    there, now = visitor.state.campaigns, visitor.state.source.as_of
    visitor.note()
    done = there.export(name, channel, to, now)
    # kept in the session until it is shown: an export that is asked for again claims others
    visitor.request.session[_EXPORTED] = {
        "campaign": name,
        "channel": channel,
        "to": to,
        "contacts": 0 if done.export is None else done.export.contacts,
        "id": "" if done.export is None else done.export.id,
        "left": done.left,
        "withheld": dict(done.withheld),
    }
    if done.export is not None and to == "webhook":
        _noted(visitor, done.export.id)
        there.deliver(done.export, now, again=False)
    return _back(name, "#contacts")


@router.post("/{name}/exports/{export}/send")
def send(visitor: Marketer, name: str, export: str) -> Response:
    """Send the batches of an export that have not arrived."""
    there = visitor.state.campaigns
    found = there.claims.export(name, export)
    _noted(visitor, found.id)
    there.deliver(found, visitor.state.source.as_of, again=True)
    return _back(name, "#contacts")


@router.post("/look")
def look(visitor: Marketer, name: Annotated[str, Form(max_length=1000)]) -> Response:
    """Measure what a campaign changed. Before the end this counts as a look, and makes the range of results wider."""
    there, now = visitor.state.campaigns, visitor.state.source.as_of
    visitor.note()
    ours = {kept.campaign.name for kept in there.store.all()}
    (there.report if name in ours else there.report_imported)(name, Asked(), now)
    return _back(name, "#results")


def _back(name: str, place: str = "") -> Response:
    return RedirectResponse(f"/console/campaigns/{quote(name)}{place}", status_code=303)


def _noted(visitor: Visitor, export: str) -> None:
    visitor.note(*(one.customer_id for one in visitor.state.campaigns.claims.contacts(export)))


def _imported(visitor: Visitor) -> list[ImportedCampaign]:
    """Return campaigns that somebody else ran; none where nothing was ingested yet."""
    try:
        return visitor.state.campaigns.imported()
    except StateError:
        return []


def _decisions(visitor: Visitor) -> Decisions | None:
    try:
        return visitor.state.campaigns.planning.decisions()
    except StateError:
        return None


def _names(visitor: Visitor) -> Names:
    return Names(visitor.words, _decisions(visitor), segment_titles(visitor))


def _line(visitor: Visitor, writer: ResultWriter, kept: Kept, cost: float, reports: dict[str, LastReport]) -> Line:
    status = kept.status(visitor.state.source.as_of)
    return Line(
        name=kept.campaign.name,
        title=title_in(kept.campaign.titles, visitor.language, kept.campaign.name),
        status=status,
        kind=_KINDS[status],
        starts=kept.campaign.starts,
        ends=kept.campaign.ends,
        whom=_whom(visitor, kept),
        contacted=kept.plan.contacted,
        held_out=kept.plan.held_out,
        cost=cost,
        result=_result(visitor, writer, reports.get(kept.campaign.name), kept.started),
    )


def _line_imported(
    visitor: Visitor, writer: ResultWriter, one: ImportedCampaign, reports: dict[str, LastReport]
) -> Line:
    return Line(
        name=one.name,
        title=one.name,
        status="imported",
        kind=_KINDS["imported"],
        starts=one.first,
        ends=None,
        whom=visitor.words.say("campaigns.by_others"),
        contacted=one.contacted,
        held_out=one.held_out,
        cost=None,
        result=_result(visitor, writer, reports.get(one.name), one.first),
    )


def _whom(visitor: Visitor, kept: Kept) -> str:
    if kept.campaign.segment is not None:
        return _names(visitor).segments.get(kept.campaign.segment, kept.campaign.segment)
    return visitor.words.say("campaigns.by_rule" if kept.campaign.rule is not None else "campaigns.everyone")


def _result(visitor: Visitor, writer: ResultWriter, last: LastReport | None, began: datetime | None) -> str:
    if began is None:
        return visitor.words.say("campaigns.not_started")
    if last is None:
        return visitor.words.say("campaigns.not_measured", date=visitor.words.date(began + timedelta(days=DAYS)))
    return writer.sentence(last.report)


def _running(visitor: Visitor, kept: Kept) -> dict[str, Any]:
    """Return what the page of a campaign of ours shows."""
    there, words, now = visitor.state.campaigns, visitor.words, visitor.state.source.as_of
    name, decisions, status = kept.campaign.name, _decisions(visitor), kept.status(now)
    arms = there.progress(name)
    shown = {
        "title": title_in(kept.campaign.titles, visitor.language, name),
        "state": status,
        "state_kind": _KINDS[status],
        "whom": _whom(visitor, kept),
        "gain": gain_text(words, kept.plan.gain),
        "keeps": keeps(kept.plan, decisions),
        "rows": rows_of(words, kept.plan, decisions),
        "startable": kept.campaign.starts <= now < kept.campaign.ends,
        "arms": arms,
        "assigned": sum(one.assigned for one in arms if one.channel is not None),
        "handed_over": sum(one.handed_over for one in arms if one.channel is not None),
        "cost": sum(one.cost for one in arms),
        "channels": _channels(visitor, arms),
        "exports": there.claims.exports(name),
        "exported": _exported(visitor, name),
        "has_webhook": there.has_webhook,
    }
    return shown | _measured(visitor, name, kept.started)


def _channels(visitor: Visitor, arms: list[ArmProgress]) -> list[tuple[str, str, int]]:
    """Return the channels with customers who wait: name, what it is called, how many."""
    waiting: dict[str, int] = {}
    for one in arms:
        if one.channel is not None:
            waiting[one.channel] = waiting.get(one.channel, 0) + one.waiting
    return [(name, channel_of(visitor.words, name), count) for name, count in sorted(waiting.items()) if count]


def _exported(visitor: Visitor, name: str) -> dict[str, Any] | None:
    """Return what the last export did, once; None where there was none."""
    found = visitor.request.session.get(_EXPORTED)
    if found is None or found["campaign"] != name:
        return None
    del visitor.request.session[_EXPORTED]
    return {**found, "reasons": reasons_text(visitor.words, found["withheld"])}


def _measured(visitor: Visitor, name: str, began: datetime | None) -> dict[str, Any]:
    """Return the effect as far as it was measured: the last report, and what another look costs."""
    there, now, writer = visitor.state.campaigns, visitor.state.source.as_of, ResultWriter(_names(visitor))
    complete = None if began is None else began + timedelta(days=DAYS)
    last = None if began is None else there.reports.one(name)
    responses = {} if began is None or last is None else last.report.responses
    if began is not None and there.progress(name):
        responses = there.responses(name)
    return {
        "name": name,
        "last": last,
        "writer": writer,
        "names": _names(visitor),
        "looks": there.store.looks(name),
        "complete": complete,
        "is_complete": complete is not None and complete <= now,
        "responses": responses,
    }
