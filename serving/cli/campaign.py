"""`encore campaign`: who is contacted with what, with a holdout, and what it changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import ConfigError, DataError
from core.settings import StoreSettings
from features.engine.labelled import data_range
from features.settings import TimeSettings
from features.snapshots import resolve_as_of
from serving.campaigns.definition import Campaign
from serving.campaigns.kept import Export, Kept
from serving.campaigns.plan import ActionPlan, Gain, Plan
from serving.campaigns.report import DAYS, Asked, responses_sheet
from serving.campaigns.service import Campaigns, Exported
from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.options import FormatOption, LanguageOption, group
from serving.cli.sheets import print_sheets
from serving.decisions.decide import Decider
from serving.explain.language import DEFAULT
from serving.explain.wording import make_writers
from serving.parts import PARTS
from serving.parts.campaigns import make_campaigns
from serving.scoring.score_table import ScoreTable
from serving.segments.rules import NODE_TAGS
from serving.segments.service import Segments, Source
from serving.settings import TextSettings
from training.effects.outcomes import Measure

app = group("Plan, start, export and report campaigns.")
NameArgument = Annotated[str, typer.Argument(help="Of the campaign.")]
_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]


@app.command("plan")
def plan(  # noqa: PLR0913, PLR0917 - its options
    ctx: typer.Context,
    name: NameArgument,
    starts: Annotated[datetime, typer.Option("--starts", formats=_MOMENTS, help="UTC.")],
    ends: Annotated[datetime, typer.Option("--ends", formats=_MOMENTS, help="UTC; contacts are made before it.")],
    goal: Annotated[str | None, typer.Option("--goal", help="All actions with this goal, such as retain.")] = None,
    action: Annotated[list[str] | None, typer.Option("--action", help="An action; may be repeated.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Only its members. Default: everybody.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only who fits: a rule of segments, as JSON.")] = None,
    budget: Annotated[float | None, typer.Option("--budget", help="Default: that of the policy.")] = None,
    holdout: Annotated[float, typer.Option("--holdout", help="Share of those chosen who are not contacted.")] = 0.1,
    allocation: Annotated[
        Literal["best", "random"], typer.Option("--allocation", help="The best action for each, or drawn by lot.")
    ] = "best",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep nothing.")] = False,
    form: FormatOption = "table",
) -> None:
    """Say what a campaign would do, and keep the plan; nobody is contacted."""
    context: Context = ctx.obj
    asked = {"goal": goal, "segment": segment, "budget": budget, "rule": _rule(rule)}
    campaign = _checked(
        {key: value for key, value in asked.items() if value is not None}
        | {"name": name, "actions": action or [], "holdout": holdout, "allocation": allocation}
        | {"starts": starts.replace(tzinfo=UTC), "ends": ends.replace(tzinfo=UTC)}
    )
    with context.job("campaign plan", alone=False):
        campaigns, source = _open(context)
        kept = campaigns.plan(campaign, source, save=not dry_run)
    _print(context.console, kept, source.as_of, form)


@app.command("list")
def list_campaigns(ctx: typer.Context, form: FormatOption = "table") -> None:
    """List all campaigns."""
    context: Context = ctx.obj
    campaigns, now = _look(context)
    found = campaigns.store.all()
    if form == "json":
        _print_json(context.console, [_answer(one, now) for one in found])
        return
    table = Table("campaign", "status", "starts", "ends", "contacted", "holdout", "expected gain")
    for one in found:
        dates = (f"{one.campaign.starts:%Y-%m-%d}", f"{one.campaign.ends:%Y-%m-%d}")
        counts = (f"{one.plan.contacted:,}", f"{one.plan.held_out:,}")
        table.add_row(one.campaign.name, one.status(now), *dates, *counts, _gain(one.plan.gain))
    context.console.print(table)


@app.command("show")
def show(ctx: typer.Context, name: NameArgument, form: FormatOption = "table") -> None:
    """Show the plan of a campaign, its exports, and how many customers something came back of."""
    context: Context = ctx.obj
    campaigns, now = _look(context)
    kept = campaigns.store.one(name)
    exports = campaigns.claims.exports(name)
    responses = campaigns.responses(name) if kept.started is not None else {}
    if form == "json":
        _print_json(context.console, {**_answer(kept, now), "exports": exports, "responses": responses})
        return
    _print(context.console, kept, now, form)
    _print_exports(context.console, exports)
    if responses:
        print_sheets(context.console, [responses_sheet(responses)])


@app.command("start")
def start(ctx: typer.Context, name: NameArgument, form: FormatOption = "table") -> None:
    """Freeze who is in a campaign with which action, and who is held out."""
    context: Context = ctx.obj
    with context.job("campaign start", alone=False):
        campaigns, source = _open(context)
        kept = campaigns.start(name, source)
    _print(context.console, kept, source.as_of, form)


@app.command("export")
def export(
    ctx: typer.Context,
    name: NameArgument,
    channel: Annotated[str | None, typer.Option("--channel", help="Whose contacts are exported.")] = None,
    to: Annotated[
        Literal["csv", "webhook"], typer.Option("--to", help="A file below the data, or decisions.webhook.")
    ] = "csv",
    again: Annotated[
        str | None, typer.Option("--again", help="Id of an export: write its file again, or send what is missing.")
    ] = None,
    form: FormatOption = "table",
) -> None:
    """Hand the contacts that may be made now to a channel; nobody is handed over twice."""
    context: Context = ctx.obj
    if (channel is None) == (again is None):
        raise ConfigError("Expected --channel or --again, and not both.", "Give one of them.")
    # an erasure meanwhile would miss the rows that are written at the end
    with context.job("campaign export", alone=False):
        campaigns, now = _look(context)
        if again is None:
            done = campaigns.export(name, str(channel), to, now)
        else:
            done = Exported(campaigns.claims.export(name, again), {}, 0)
        place = _handed_over(campaigns, done.export, now, again=again is not None)
    if form == "json":
        _print_json(context.console, {"export": done.export, "withheld": done.withheld, "left": done.left})
        return
    contacts = done.export.contacts if done.export is not None else 0
    context.console.print(f"  {contacts:,} contacts{place}; {done.left:,} wait", markup=False, soft_wrap=True)
    for reason, count in sorted(done.withheld.items()):
        context.console.print(f"  withheld now: {reason} {count:,}", markup=False)


@app.command("stop")
def stop(ctx: typer.Context, name: NameArgument) -> None:
    """Stop a campaign: nothing more is exported, and its assignments stay for the report."""
    context: Context = ctx.obj
    campaigns, now = _look(context)
    kept = campaigns.stop(name, now)
    context.console.print(f"  {name} is stopped since {kept.stopped:%Y-%m-%d %H:%M} UTC", markup=False)


@app.command("report")
def report(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Of the campaign.")] = None,
    imported: Annotated[
        str | None, typer.Option("--imported", help="A campaign that somebody else ran, in the table assignments.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="Of outcomes, from the assignment on.")] = DAYS,
    measure: Annotated[
        Measure | None, typer.Option("--measure", help="Of verdicts. Default: what the goals of the actions say.")
    ] = None,
    language: LanguageOption = DEFAULT,
    form: FormatOption = "table",
) -> None:
    """Measure what each action changed, beside the holdout; checks are written in a language."""
    context: Context = ctx.obj
    if (name is None) == (imported is None):
        raise ConfigError("Expected a campaign or --imported, and not both.", "Give one of them.")
    campaigns, now = _look(context)
    asked = Asked(days, measure)
    found = campaigns.report(name, asked, now) if name else campaigns.report_imported(str(imported), asked, now)
    if form == "json":
        _print_json(context.console, found.as_json())
    else:
        writer = make_writers(context.settings[TextSettings])[language]
        print_sheets(context.console, found.sheets(writer))


def _open(context: Context) -> tuple[Campaigns, Source]:
    """Return the campaigns with the models that decide, and what customers are read from."""
    asking, settings = Asking(context), context.settings
    segments = Segments(settings, asking.service.table, lambda: context.now)
    ground = asking.deployment.ground
    source = Source(ground.online, ground.store.online.vectors, asking.as_of)
    return make_campaigns(settings, segments, asking.service, asking.reloader), source


def _look(context: Context) -> tuple[Campaigns, datetime]:
    """Return campaigns that decide nothing, and the moment to answer for; loads no model."""
    settings = context.settings
    table = ScoreTable(settings[StoreSettings], [column for part in PARTS for column in part.columns])
    segments = Segments(settings, table, lambda: context.now)
    now = resolve_as_of(settings[TimeSettings], data_range(settings).last, context.now)
    return Campaigns(settings, segments, Decider(settings, table)), now


def _rule(text: str | None) -> Any:  # noqa: ANN401 - JSON is any of its kinds
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"Expected a rule as JSON, found {text!r}: {error}.", "Correct --rule.") from error


def _checked(fields: Mapping[str, Any]) -> Campaign:
    """Return a campaign.

    Raises
    ------
    DataError
        If a field is not acceptable.
    """
    try:
        return Campaign.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in NODE_TAGS)
        problem = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{place}: {problem}." if place else f"{problem}.", "Correct the options.") from error


def _handed_over(campaigns: Campaigns, export: Export | None, now: datetime, *, again: bool) -> str:
    """Write the file of an export, or send it; return where it is."""
    if export is None:
        return ""
    if export.target == "csv":
        return f" in {campaigns.write_csv(export)}"
    sent = campaigns.deliver(export, now, again=again)
    return f" sent in {sent.batches} batches, as the export {sent.id}"


def _answer(kept: Kept, now: datetime) -> dict[str, Any]:
    dates = {"planned": kept.planned, "started": kept.started, "stopped": kept.stopped}
    campaign = kept.campaign.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**campaign, "status": kept.status(now), **dates, "run": kept.run, "plan": kept.plan}


def _print(console: Console, kept: Kept, now: datetime, form: str) -> None:
    if form == "json":
        _print_json(console, _answer(kept, now))
        return
    campaign, plan = kept.campaign, kept.plan
    for title in campaign.titles.values():
        console.print(f"  {title}", markup=False)
    since = f" since {kept.started:%Y-%m-%d %H:%M} UTC" if kept.started is not None else ""
    console.print(
        f"  {campaign.name}: {kept.status(now)}{since}; {campaign.starts:%Y-%m-%d %H:%M} to "
        f"{campaign.ends:%Y-%m-%d %H:%M} UTC",
        markup=False,
    )
    for line in _lines(plan):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    table = Table(
        "action", "channel", "may get it", "contacted", "holdout", "cost", "expected gain", "effect", "visible"
    )
    for one in plan.actions:
        counts = (f"{one.eligible:,}", f"{one.contacted:,}", f"{one.held_out:,}", f"{one.cost:,.2f}")
        visible = "" if one.smallest_effect is None else f"{100 * one.smallest_effect:.1f} points"
        table.add_row(escape(one.action), escape(one.channel), *counts, _gain(one.gain), one.effect, visible)
    console.print(table)
    for one in plan.actions:
        if one.ruled_out:
            console.print(f"  {one.action} is ruled out: {_reasons(one)}", markup=False, soft_wrap=True)


def _lines(plan: Plan) -> list[str]:
    """Return what a plan says in sentences."""
    budget = "" if plan.budget is None else f" of a budget of {plan.budget:,.2f}"
    lines = [
        f"{plan.eligible:,} of {plan.customers:,} customers may be contacted; {plan.contacted:,} are, "
        f"{plan.held_out:,} are held out, {plan.not_chosen:,} are not chosen.",
        f"Cost {plan.cost:,.2f}{budget}, expected gain {_gain(plan.gain)}.",
    ]
    if plan.churners_reached is not None:
        lines.append(f"{plan.churners_reached:.1%} of the customers who are expected to leave are contacted.")
    if plan.false_alarms is not None:
        lines.append(f"About {plan.false_alarms:,.0f} of those contacted would stay without a contact.")
    return lines


def _reasons(one: ActionPlan) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in one.ruled_out.items())


def _gain(gain: Gain) -> str:
    if gain.low is None or gain.high is None:
        return f"{gain.value:,.2f}"
    return f"{gain.value:,.2f} ({gain.low:,.2f} to {gain.high:,.2f})"


def _print_exports(console: Console, exports: Sequence[Export]) -> None:
    if not exports:
        return
    table = Table("export", "channel", "to", "made", "contacts", "batches that arrived")
    for one in exports:
        arrived = f"{one.delivered} of {one.batches}" if one.target == "webhook" else ""
        table.add_row(
            one.id, escape(one.channel), one.target, f"{one.made:%Y-%m-%d %H:%M}", f"{one.contacts:,}", arrived
        )
    console.print(table)


def _print_json(console: Console, content: object) -> None:
    text = orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()
    console.print(text, soft_wrap=True, markup=False)
