"""`encore check-data`: what is in the contract tables, and what it is fit for."""

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from core.files import write_file
from core.settings import DEFAULT_CONFIG, StoreSettings
from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.cli.recommended import apply_settings
from serving.cli.sheets import print_sheets
from serving.cli.stages import Stages
from serving.cli.unmatched import print_unmatched
from training.readiness.check import Checked, page_path
from training.readiness.kept import check_and_keep
from training.readiness.page import page
from training.registry import MODELS

_TABLE = ("table", "rows", "customers", "from", "to", "equal", "missing")
_COLORS = {"fit": "green", "weak": "yellow", "unfit": "red"}


app = group()


@app.command("check-data")
def check_data_command(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", help="The page. Default: check.html in stores.data.")
    ] = None,
    form: FormatOption = "table",
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the recommended settings into the configuration file.")
    ] = False,
) -> None:
    """Say what the contract tables hold, and if they can carry each model.

    Recommends the activity window, the horizon and the spacing of snapshots from how long customers are silent before
    they come back. Needs `encore ingest` before.
    """
    check_data(ctx.obj, output, json=form == "json", apply=apply)


def check_data(context: Context, output: Path | None, *, json: bool, apply: bool = False) -> None:
    """Run `encore check-data`."""
    output = output or page_path(context.settings[StoreSettings])
    checked = _check(context, output)
    recommended = {key: value for fitness in checked.fitness for key, value in fitness.recommended.items()}
    changed = apply_settings(context.config or DEFAULT_CONFIG, recommended) if apply else None
    if json:
        context.console.print(jsonlib.dumps(_as_json(checked), default=str), soft_wrap=True, markup=False)
        return
    console = context.console
    for place, text in enumerate(checked.observations, start=1):
        console.print(f"{place:3}. {text}", markup=False, soft_wrap=True)
    _print_tables(context, checked)
    _print_sales(context, checked)
    print_unmatched(context, checked.unmatched)
    for fitness in checked.fitness:
        print_sheets(console, fitness.sheets)
    table = Table("model", "", "found", "what to do", title="What the data are fit for")
    for fitness in checked.fitness:
        for place, finding in enumerate(fitness.findings):
            color = _COLORS[finding.verdict]
            remedy = finding.remedy if finding.verdict != "fit" else None
            name = "" if place else fitness.model
            table.add_row(name, f"[{color}]{finding.verdict}[/]", escape(finding.what), escape(remedy or ""))
    console.print(table)
    _print_recommended(context, recommended, changed)
    console.print(f"  With pictures: {output}", markup=False, soft_wrap=True)


def _print_recommended(
    context: Context, recommended: Mapping[str, int], changed: Mapping[str, tuple[object, int]] | None
) -> None:
    """Print the recommended settings; or, where they were to be written, what has changed in the file."""
    if changed is None:
        if recommended:
            listed = ", ".join(f"{key} = {value}" for key, value in recommended.items())
            context.console.print(f"  Recommended: {listed}. `encore check-data --apply` writes them.", soft_wrap=True)
        return
    for key, (before, value) in changed.items():
        was = "was not set" if before is None else f"was {before}"
        context.console.print(f"  Written: {key} = {value} ({was})", markup=False, soft_wrap=True)
    if not changed:
        context.console.print("  Nothing to write: the settings are those that the data recommend, or there are none.")


def _print_tables(context: Context, checked: Checked) -> None:
    table = Table(*(Column(name, no_wrap=name != "missing") for name in _TABLE))
    for place in (1, 2, 5):
        table.columns[place].justify = "right"
    for one in checked.tables:
        missing = [f"{name} {share:.0%}" for name, share in one.missing.items()]
        moments = [f"{moment:%Y-%m-%d}" if moment else "" for moment in (one.first, one.last)]
        customers = f"{one.customers:,}" if one.customers is not None else ""
        table.add_row(one.name, f"{one.rows:,}", customers, *moments, f"{one.duplicates:,}", escape("; ".join(missing)))
    context.console.print(table)
    for one in checked.tables:
        if one.absent:
            absent = f"  {one.name} never has {', '.join(one.absent)}: no feature is made of them"
            context.console.print(absent, markup=False, soft_wrap=True)


def _print_sales(context: Context, checked: Checked) -> None:
    sales = checked.sales
    if sales is None:
        return
    lines = [
        f"{sales.customers:,} customers, {sales.orders:,} orders, {sales.products:,} products sold",
        f"Orders per customer: {_numbers(sales.orders_per_customer)} (quartiles)",
        f"Days between purchases: {_numbers(sales.gap_days)} (quartiles)",
        f"Order lines of products without a type: {sales.untyped:.1%}",
    ]
    for line in lines:
        context.console.print(f"  {line}", markup=False, soft_wrap=True)


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values)


def stage_check(context: Context, stages: Stages) -> None:
    """Judge whether the data can carry each model, and write the page."""
    stages.run("check data", lambda _: _check(context, page_path(context.settings[StoreSettings])))


def _check(context: Context, output: Path) -> Checked:
    with context.job("check-data", alone=False):
        checked = check_and_keep(context.settings, context.now, [registered.load() for registered in MODELS])
        write_file(output, page(checked).encode())
    return checked


def _as_json(checked: Checked) -> dict[str, object]:
    silence = checked.silence
    return {
        "first": checked.first,
        "last": checked.last,
        "as_of": checked.as_of,
        "complete_until": checked.complete,
        "tables": [asdict(table) for table in checked.tables],
        "observations": checked.observations,
        "cleaning": [asdict(one) for one in checked.cleaning],
        "unmatched": [asdict(one) for one in checked.unmatched],
        "sales": asdict(checked.sales) if checked.sales is not None else None,
        "fitness": [
            {
                "model": fitness.model,
                "verdict": fitness.verdict,
                "recommended": dict(fitness.recommended),
                "findings": [asdict(finding) for finding in fitness.findings],
                **fitness.values,
            }
            for fitness in checked.fitness
        ],
        "silence": None
        if silence is None
        else {
            "activity_window_days": silence.window,
            "horizon_days": silence.horizon,
            "come_back": {days: round(silence.come_back(days), 4) for days in range(silence.days + 1)},
        },
    }
