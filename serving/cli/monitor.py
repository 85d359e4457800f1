"""`encore monitor`: how models do in use, drift, and alerts."""

import json as jsonlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from core.files import write_file
from core.settings import StoreSettings
from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.cli.sheets import print_sheets
from serving.cli.stages import Stages
from training.monitoring.alerts import Sent, alert
from training.monitoring.kept import keep
from training.monitoring.monitor import Monitored
from training.monitoring.monitor import monitor as measure
from training.monitoring.page import page
from training.monitoring.report import as_json, measures, sheets
from training.registry import MODELS

app = group()


@app.command("monitor")
def monitor_command(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", help="The page. Default: monitor.html in stores.data.")
    ] = None,
    form: FormatOption = "table",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the alerts that would be sent; send none.")] = False,
) -> None:
    """Compare answers with what came of them, look for drift, send alerts.

    Prints answers by week beside what training promised and what the risks let expect, drift since the training, and
    each rule of [alerts] beside its figure. Writes a page with pictures, and figures that /metrics shows.
    """
    monitor(ctx.obj, output, json=form == "json", dry_run=dry_run)


def monitor(context: Context, output: Path | None, *, json: bool, dry_run: bool = False) -> Sent:
    """Run `encore monitor`."""
    output = output or page_path(context.settings[StoreSettings])
    # progress is kept off the output that a program reads
    with Stages(Console(stderr=True, highlight=False) if json else context.console) as stages:
        found, sent = stage_monitor(context, stages, output, dry_run=dry_run)
    if json:
        printed = {**as_json(found), "open": sent.open, "messages": [vars(one) for one in sent.messages]}
        printed["problems"] = sent.problems
        # a figure that is not known is null: JSON has no word for what is no number
        text = orjson.dumps(printed, option=orjson.OPT_NON_STR_KEYS).decode()
        context.console.print(text, soft_wrap=True, markup=False)
        return sent
    print_sheets(context.console, sheets(found))
    for one in sent.messages:
        verb = "would be sent" if dry_run else "sent"
        context.console.print(f"  Alert {verb} ({one.status}): {one.text}", markup=False, soft_wrap=True)
    for problem in sent.problems:
        context.console.print(f"  {problem} They are sent again by the next run.", markup=False, soft_wrap=True)
    context.console.print(f"  With pictures: {output}", markup=False, soft_wrap=True)
    return sent


def page_path(stores: StoreSettings) -> Path:
    """Return the file that `encore monitor` writes its page to unless another one is named."""
    return stores.data / "monitor.html"


def stage_monitor(context: Context, stages: Stages, output: Path, *, dry_run: bool = False) -> tuple[Monitored, Sent]:
    """Measure the models in use, send alerts, write the page and the figures of /metrics."""
    settings, models = context.settings, [registered.load() for registered in MODELS]
    with context.job("monitor", alone=False):
        found = stages.run("monitor", lambda report: measure(settings, context.now, models, report))
        sent = alert(settings, found.judged, context.now, dry_run=dry_run)
        write_file(output, page(found).encode())
        keep(settings[StoreSettings], found, context.now)
        _write_measures(settings[StoreSettings], found, len(sent.open), context.now)
    return found, sent


def _write_measures(stores: StoreSettings, found: Monitored, alerts_open: int, now: datetime) -> None:
    content = jsonlib.dumps(measures(found, alerts_open, now), indent=1)
    write_file(stores.data / "monitor.json", content.encode())
