"""`encore check-data`: what is in the contract tables, and what it is fit for."""

import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Column, Table

from core.files import write_file
from core.locks import job
from core.settings import StoreSettings
from serving.cli.context import Context
from training.churn.settings import ChurnSettings
from training.readiness.check import Checked
from training.readiness.check import check_data as check
from training.readiness.page import page, page_path

_TABLE = ("table", "rows", "customers", "from", "to", "equal", "missing")
_COLORS = {"fit": "green", "weak": "yellow", "unfit": "red"}


def check_data(context: Context, output: Path | None, *, json: bool) -> None:
    """Run `encore check-data`."""
    output = output or page_path(context.settings[StoreSettings])
    with job(context.settings[StoreSettings]):
        checked = check(context.settings, context.now)
        write_file(output, page(checked, context.settings).encode())
    if json:
        context.console.print(jsonlib.dumps(_as_json(checked), default=str), soft_wrap=True, markup=False)
        return
    console = context.console
    _print_tables(context, checked)
    _print_sales(context, checked)
    _print_silence(context, checked)
    table = Table("model", "", "found", "what to do", title="What the data are fit for")
    for fitness in checked.fitness:
        for place, finding in enumerate(fitness.findings):
            color = _COLORS[finding.verdict]
            remedy = finding.remedy if finding.verdict != "fit" else None
            name = "" if place else fitness.model
            table.add_row(name, f"[{color}]{finding.verdict}[/]", escape(finding.what), escape(remedy or ""))
    console.print(table)
    console.print(f"  With pictures: {output}", markup=False, soft_wrap=True)


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
            told = f"  {one.name} never has {', '.join(one.absent)}: nothing is made of them"
            context.console.print(told, markup=False, soft_wrap=True)


def _print_sales(context: Context, checked: Checked) -> None:
    sales = checked.sales
    if sales is None:
        return
    lines = [
        f"{sales.customers:,} customers, {sales.orders:,} orders, {sales.products:,} products sold",
        f"Orders per customer: {_numbers(sales.orders_per_customer)} (quartiles)",
        f"Days between purchases: {_numbers(sales.gap_days)} (quartiles)",
        f"Order lines of products without a type: {sales.untyped:.1%}",
        *(
            f"Unusually large {name}: {count:,} lines, up to {most:,.2f}"
            for name, (count, most) in sales.outliers.items()
        ),
        *(f"Customer {one} has {share:.1%} of all orders: hardly one person" for one, share in sales.dominant.items()),
    ]
    if sales.spellings[0]:
        lines.append(
            f"{sales.spellings[0]:,} customer ids may be other spellings, such as {' and '.join(sales.spellings[1])}"
        )
    for line in lines:
        context.console.print(f"  {line}", markup=False, soft_wrap=True)


def _print_silence(context: Context, checked: Checked) -> None:
    silence, churn = checked.silence, context.settings[ChurnSettings]
    if silence is None:
        return
    table = Table("silent for", "come back", title=f"Customers who come back, as far as {silence.days} days tell")
    for days in dict.fromkeys((7, 14, 28, churn.activity_window_days, silence.window, 2 * silence.window)):
        if days <= silence.days:
            table.add_row(f"{days} days", f"{silence.come_back(days):.0%}")
    context.console.print(table)
    table = Table("churn definition", "activity window", "horizon", "active", "churn rate")
    for trial in checked.trials:
        told = f"{trial.window_days} days" if trial.window_days else "–", f"{trial.horizon_days} days"
        table.add_row(trial.name, *told, f"{trial.active:,.0f}", f"{trial.churn_rate:.1%}")
    context.console.print(table)


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values)


def _as_json(checked: Checked) -> dict[str, object]:
    silence = checked.silence
    return {
        **{name: value for name, value in asdict(checked).items() if name != "silence"},
        "fitness": [{**asdict(one), "verdict": one.verdict} for one in checked.fitness],
        "silence": None
        if silence is None
        else {
            "activity_window_days": silence.window,
            "horizon_days": silence.horizon,
            "come_back": {days: round(silence.come_back(days), 4) for days in range(silence.days + 1)},
        },
    }
