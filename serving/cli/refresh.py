"""`encore refresh`: the command of the night, which does what is due and nothing else."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import ConfigError
from core.locks import locked
from core.settings import StoreSettings
from serving.cli.context import Context
from serving.cli.exits import RUNNING
from serving.cli.night import Planned, exit_code, planned, run_steps, steps
from serving.cli.options import FormatOption, group
from serving.overview.night import Night, Result, write_night
from training.lifecycle.settings import RefreshSettings
from training.registry import MODELS

app = group()


@app.command("refresh")
def refresh(
    ctx: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done and why; change nothing.")] = False,
    output: FormatOption = "table",
) -> None:
    """Do what is due, from ingestion to promotion: the command of the night.

    Ingests what is new, builds features for the new moment, copies them online, computes scores ahead; trains models
    that are due, promotes what passes the gate, recalibrates the others. A running API takes everything over within
    seconds. Steps that have nothing to do are skipped; killed at any moment, it continues the next time.

    Exit codes: 0 done; 10 done, and the gate refused a version; 20 the data are not fit; 30 a store does not answer;
    40 another refresh runs; 2 any other error.
    """
    context: Context = ctx.obj
    is_json = output == "json"
    if is_json:
        context.console = Console(stderr=True, highlight=False)
    check_models(context)
    if plan:
        _print_plan(context, planned(context), json_format=is_json)
        return
    start = context.now
    with _alone(context):
        results = run_steps(context, steps(context))
        code = exit_code(results)
        text = write_night(context.settings[StoreSettings], Night(start, code, results))
    if is_json:
        typer.echo(text)
    else:
        _print_summary(context, results)
    raise typer.Exit(code)


def check_models(context: Context) -> None:
    """Refuse a schedule of a model that there is not.

    Raises
    ------
    ConfigError
        If `refresh.retrain_days_of` names one.
    """
    names = {registered.name for registered in MODELS}
    for name in context.settings[RefreshSettings].retrain_days_of:
        if name not in names:
            raise ConfigError(
                f"refresh.retrain_days_of: expected names of models ({', '.join(sorted(names))}), found {name!r}.",
                "Correct the name.",
            )


@contextmanager
def _alone(context: Context) -> Iterator[None]:
    """Let no two nights run at a time."""
    try:
        with locked(context.settings[StoreSettings].data / "refresh.lock", wait=False):
            yield
    except BlockingIOError:
        context.console.print("  Another `encore refresh` runs on these data; this one does nothing.")
        raise typer.Exit(RUNNING) from None


_MARKS = {
    "done": "[green]✓[/]",
    "skipped": "[dim]–[/]",
    "refused": "[yellow]![/]",
    "failed": "[red]✗[/]",
}


def _print_summary(context: Context, results: Sequence[Result]) -> None:
    context.console.print("\n  [bold]Refresh[/]")
    for result in results:
        context.console.print(f"  {_MARKS[result.outcome]} {result.step:<24} {escape(result.text)}", soft_wrap=True)


def _print_plan(context: Context, found: Sequence[Planned], *, json_format: bool) -> None:
    if json_format:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        context.console.print(f"  {one.verdict:<10} {one.step:<24} {escape(one.why)}", soft_wrap=True)
