"""Commands about registered versions: which there are, which answered when, and which shall answer."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import StateError
from serving.cli.context import Context
from serving.cli.deciding import ByOption, WhyOption, decider
from serving.cli.exits import REFUSED
from serving.cli.options import FormatOption, group
from serving.cli.sheets import print_sheets
from serving.cli.stages import Stages
from serving.explain.fidelity import inspect_reasons
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Judge
from training.lifecycle.promote import promote as promote_version
from training.lifecycle.promotions import Entry
from training.lifecycle.runner import context_of
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CHAMPION, Tracking
from training.lifecycle.version import Version
from training.registry import MODELS, Registered, find_model

app = group("List and compare versions, promote one, or roll back.")


def _registered(name: str) -> Registered:
    """Return a model by its name on the command line, in the configuration or in MLflow's registry."""
    found = find_model(name)
    if found is not None:
        return found
    raise typer.BadParameter(f"expected one of {', '.join(one.command for one in MODELS)}, found {name!r}")


def _parse_version(text: str) -> tuple[Registered, str]:
    """Read `MODEL/VERSION`, whose version is a number or an alias; without one it is the champion.

    `MODEL.WORKSPACE/VERSION` is one of a workspace, as is `MODEL/WORKSPACE:VERSION`.
    """
    name, _, which = text.partition("/")
    model, _, workspace = name.partition(".")
    which = which or CHAMPION
    return _registered(model), f"{workspace}:{which}" if workspace else which


ModelArgument = Annotated[
    str | None, typer.Argument(metavar="[MODEL]", help="Such as `churn`; without one, all models.")
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="MODEL/VERSION", help="Such as `churn/3`, `churn/challenger`; `churn` is the champion.")
]


@app.command("list")
def list_versions(ctx: typer.Context, model: ModelArgument = None, output: FormatOption = "table") -> None:
    """List registered versions with their grade in words, the newest first."""
    context: Context = ctx.obj
    chosen = [_registered(model)] if model else MODELS
    tracking = Tracking(context.settings[TrackingSettings])
    versions = [version for one in chosen for version in tracking.versions(one.registered_name)]
    if output == "json":
        typer.echo(json.dumps([_as_json(version) for version in versions], indent=2))
        return
    for version in versions:
        state = ", ".join(version.aliases) or ("rolled back" if version.rolled_back else "registered")
        made = f"made {_made(version):%Y-%m-%d %H:%M} UTC from data until {version.data_end or 'an unknown date'}"
        context.console.print(f"[bold]{version.label}[/]  {state}, {made}", soft_wrap=True)
        words = f": {version.words}" if version.words else ""
        context.console.print(f"  grade {version.shown_grade or 'unknown'}{words}", markup=False, soft_wrap=True)


@app.command("history")
def history(
    ctx: typer.Context,
    model: ModelArgument = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest entries.")] = 20,
    output: FormatOption = "table",
) -> None:
    """Show which version answered since when, who decided it and why, the newest first.

    Refusals of the gate are entries too. Nothing is ever changed or removed in this log.
    """
    context: Context = ctx.obj
    champions = Champions(context.settings)
    for one in [_registered(model)] if model else MODELS:
        champions.current(one.registered_name)  # an alias that was set by other means becomes an entry
    entries = champions.history(_registered(model).registered_name if model else None, limit)
    if output == "json":
        typer.echo(json.dumps([asdict(entry) for entry in entries], indent=2, default=str))
        return
    for entry in entries:
        _print_entry(context, entry)
    if not entries:
        context.console.print("  No version was promoted or refused yet.")


@app.command("compare")
def compare(
    ctx: typer.Context,
    champion: VersionArgument,
    challenger: VersionArgument,
    output: FormatOption = "table",
) -> None:
    """Compare two versions of a model: the second as the challenger of the first.

    Both are measured on the same customers of the test snapshots that neither learned from. Prints metrics, slices and
    calibration with paired differences and their intervals, whether reasons agree with the challenger, and what the
    gate would decide. Changes nothing.
    """
    context: Context = ctx.obj
    (registered, first), (other, second) = _parse_version(champion), _parse_version(challenger)
    if registered is not other:
        raise typer.BadParameter(f"expected two versions of one model, found {champion} and {challenger}")
    model, settings = registered.load(), context.settings
    # progress is kept off the output that a program reads
    console = Console(stderr=True, highlight=False) if output == "json" else context.console
    tracking = Tracking(settings[TrackingSettings])
    ours, theirs = (tracking.version(registered.registered_name, which) for which in (second, first))
    if ours.label == theirs.label:
        raise typer.BadParameter(f"expected two versions, found {ours.label} twice")
    judge = Judge(model, context_of(model, settings), tracking, inspect_reasons)
    with context.job("models compare", alone=False), Stages(console) as stages:
        evidence = stages.run(
            f"compare {registered.command}", lambda report: judge.evidence(ours, theirs, report=report)
        )
    comparison, decision = evidence.comparison, judge.decide_on(evidence, theirs)
    if comparison is None:
        why = evidence.broken or evidence.incomparable or evidence.alone
        raise StateError(f"{ours.label} and {theirs.label} cannot be compared: {why}", "Compare other versions.")
    if output == "json":
        typer.echo(json.dumps({"comparison": comparison.as_json(), "gate": decision.as_json()}, indent=2))
        return
    print_sheets(context.console, comparison.sheets(ours.label, theirs.label))
    context.console.print(f"  The gate would {'promote' if decision.passes else 'refuse'} {ours.label}:")
    _print_checks(context, decision)


@app.command("promote")
def promote(
    ctx: typer.Context,
    version: VersionArgument,
    why: WhyOption = None,
    by: ByOption = None,
    force: Annotated[bool, typer.Option("--force", help="Promote it whatever the gate says; kept in the log.")] = False,
) -> None:
    """Make a version the champion, where the gate lets it pass.

    A running API follows within seconds. Exit code 10 where the gate refuses; `encore models rollback` goes back.
    """
    context: Context = ctx.obj
    registered, which = _parse_version(version)
    who = decider(by, why)
    model, settings = registered.load(), context.settings
    with context.job("models promote", alone=False), Stages(context.console) as stages:
        done = promote_version(
            model, settings, which, who, inspect_reasons, force=force, run=lambda work: stages.run("gate", work)
        )
    label = done.version.label
    _print_checks(context, done.decision)
    if not done.promoted:
        hint = "--force does it in any case." if done.can_answer else "It cannot answer."
        context.console.print(f"  {label} is not promoted. {hint}")
        raise typer.Exit(REFUSED)
    context.console.print(f"  {label} is the champion. A running API follows within seconds.")


@app.command("rollback")
def rollback(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Such as `churn`.")],
    to: Annotated[str | None, typer.Option("--to", help="Number of the version. Default: the champion before.")] = None,
    why: WhyOption = None,
    by: ByOption = None,
) -> None:
    """Let an earlier champion answer again.

    The version that answered until now is marked: training on the same data and settings does not bring it back.
    """
    context: Context = ctx.obj
    registered, who = _registered(model), decider(by, why)
    with context.job("models rollback", alone=False):
        version = Champions(context.settings).roll_back(registered.registered_name, who, to)
    context.console.print(f"  {version.label} is the champion again. A running API follows within seconds.")


def _print_checks(context: Context, decision: Decision) -> None:
    for check in decision.checks:
        mark = "[green]✓[/]" if check.passes else "[red]✗[/]"
        context.console.print(f"  {mark} {check.name:<12} {escape(check.text)}", soft_wrap=True)


def _print_entry(context: Context, entry: Entry) -> None:
    what = {
        "promoted": "became the champion",
        "rolled_back": "became the champion again",
        "refused": "was refused by the gate",
        "found": "was found as the champion",
    }[entry.action]
    after = f", after {entry.previous}" if entry.previous and entry.action != "refused" else ""
    grade = f", grade {entry.grade}" if entry.grade else ""
    head = f"{entry.moment:%Y-%m-%d %H:%M} UTC  {entry.model}/{entry.version} {what}{after}{grade}"
    context.console.print(f"[bold]{escape(head)}[/]", soft_wrap=True)
    context.console.print(f"  by {entry.decided_by}: {entry.why}", markup=False, soft_wrap=True)
    context.console.print(f"  {entry.reason}", markup=False, soft_wrap=True)


def _made(version: Version) -> datetime:
    return datetime.fromtimestamp(version.created / 1000, tz=UTC)


def _as_json(version: Version) -> dict[str, Any]:
    return {**asdict(version), "created": _made(version).isoformat()}
