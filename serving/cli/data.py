"""Commands about the data: how exports could be mapped, the contract tables, and what is in them."""

import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.markup import escape
from rich.table import Column, Table

from features.errors import ConfigError
from features.ingest.pipeline import Ingested
from features.ingest.pipeline import ingest as ingest_tables
from features.ingest.quarantine import quarantine_path
from features.proposal.propose import propose
from features.proposal.write import as_toml
from features.state import write_file
from serving.cli.context import Context
from serving.cli.stages import Stages
from training.quality.check import Checked
from training.quality.check import check_data as check
from training.quality.page import page

_TABLE = ("table", "rows", "customers", "from", "to", "equal", "missing")
_COLORS = {"fit": "green", "weak": "yellow", "unfit": "red"}


def init(context: Context, sources: Sequence[str], output: Path) -> None:
    """Run `encore init`."""
    if output.exists():
        raise ConfigError(
            f"Expected no file at {output}, found one.", "Move it away, or name another file with --output."
        )
    with Stages(context.console) as stages, TemporaryDirectory() as folder:
        proposal = stages.run("exports", lambda _: propose(sources, Path(folder) / "copies"))
    write_file(output, as_toml(proposal).encode())
    table = Table("source", "files", "table", "columns mapped", "questions")
    for one in proposal.inputs:
        mapped = [mapped.column for mapped in one.columns if mapped.expression is not None]
        table.add_row(
            escape(one.source.name),
            str(len(one.source.files) or "–"),
            one.table,
            ", ".join(mapped),
            str(len(one.questions)),
        )
    context.console.print(table)
    for unused in proposal.unused:
        context.console.print(f"  Fits no table: {unused}", markup=False, soft_wrap=True)
    context.console.print(
        f"  {output} is written. Look for QUESTION in it; then run `encore ingest` and `encore check-data`.",
        soft_wrap=True,
    )


def ingest(context: Context, *, afresh: bool) -> None:
    """Run `encore ingest`."""
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages, afresh=afresh)
    _print_inputs(context, ingested)
    print_rows(context, "contract table", ingested.rows)


def stage_ingest(context: Context, stages: Stages, *, afresh: bool = False) -> Ingested:
    """Map the source to the contract tables."""
    return stages.run(
        "contract tables",
        lambda report: ingest_tables(context.settings, context.now, report, afresh=afresh),
        lambda ingested: ingested.skipped,
    )


def check_data(context: Context, output: Path | None, *, json: bool) -> None:
    """Run `encore check-data`."""
    checked = check(context.settings, context.now)
    output = output or context.settings.stores.data / "check.html"
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


def print_rows(context: Context, what: str, rows: dict[str, int]) -> None:
    """Print how many rows there are of each."""
    table = Table(what, "rows")
    table.columns[1].justify = "right"
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    context.console.print(table)


def _print_inputs(context: Context, ingested: Ingested) -> None:
    """Print what became of every row that was read; the columns after `read` add up to it."""
    table = Table(Column("input", no_wrap=True, max_width=20), "table")
    for name in ("read", "kept", "returns", "merged", "aside", "unusable"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in ingested.inputs:
        totals = one.totals
        aside, unusable = sum(totals.set_aside.values()), sum(totals.unusable.values())
        counts = (totals.read, totals.kept, totals.returned, totals.merged, aside, unusable)
        table.add_row(escape(one.input), one.table, *(f"{count:,}" if count else "–" for count in counts))
    context.console.print(table)
    for one in ingested.inputs:
        for rule, rows in one.totals.by_rule.items():
            context.console.print(f"  {one.input}: {rule}, {rows:,} rows", markup=False, soft_wrap=True)
    if any(one.totals.quarantined for one in ingested.inputs):
        path = quarantine_path(context.settings.stores)
        context.console.print(f"  Rows set aside and unusable rows are in {path}.", markup=False, soft_wrap=True)
    if returned := sum(one.totals.returned for one in ingested.inputs):
        context.console.print(f"  {ingested.matched:,} of {returned:,} returns have found their sale.", markup=False)


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
    silence, churn = checked.silence, context.settings.churn
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
