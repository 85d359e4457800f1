"""Commands about the data: how exports could be mapped, and the contract tables."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from core.errors import ConfigError, DataError
from core.files import write_file
from core.settings import StoreSettings
from features.ingest.pipeline import Ingested
from features.ingest.pipeline import ingest as ingest_tables
from features.ingest.quarantine import quarantine_path
from features.ingest.suggest.suggest import suggest_mapping
from features.ingest.suggest.write import as_toml
from serving.cli.context import Context
from serving.cli.options import group
from serving.cli.stages import Stages
from serving.cli.unmatched import print_unmatched

app = group()


@app.command("init")
def init(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Option("--from", help="A file, a folder, or the address of a database.")],
    output: Annotated[Path, typer.Option("--output", help="The file to write; it must not be there.")] = Path(
        "encore.toml"
    ),
) -> None:
    """Look at exports and write an encore.toml that maps them.

    The file names the evidence for each column, and what is left to ask; it is tried on all rows before it is written.
    Takes text, JSON and Parquet files, workbooks, zips and folders of them, and SQLAlchemy addresses of databases;
    --from may be repeated.
    """
    context: Context = ctx.obj
    if output.exists():
        raise ConfigError(
            f"Expected no file at {output}, found one.", "Move it away, or name another file with --output."
        )
    with Stages(context.console) as stages, TemporaryDirectory() as folder:
        suggestions = stages.run("exports", lambda _: suggest_mapping(sources, Path(folder), context.now))
    write_file(output, as_toml(suggestions).encode())
    table = Table("source", "files", "table", "columns mapped", "questions")
    for one in suggestions.inputs:
        mapped = [mapped.column for mapped in one.columns if mapped.expression is not None]
        table.add_row(
            escape(one.export.name),
            str(len(one.export.files) or "–"),
            one.table,
            ", ".join(mapped),
            str(len(one.questions)),
        )
    context.console.print(table)
    for line in (*suggestions.trial, *suggestions.unused, *(f"Not read: {part}" for part in suggestions.unread)):
        context.console.print(f"  {line}", markup=False, soft_wrap=True)
    if suggestions.kind is None and "transactions" not in {one.table for one in suggestions.inputs}:
        raise DataError(
            f"Expected order lines, contracts or labels at {', '.join(sources)}, found none. {output} is written with "
            "what was found.",
            f"Map what fits no table by hand: {output} lists it with the columns that were and were not found.",
        )
    context.console.print(
        f"  {output} is written. Look for QUESTION in it; then run `encore ingest` and `encore check-data`.",
        soft_wrap=True,
    )


@app.command("ingest")
def ingest(
    ctx: typer.Context,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Forget what was read before, and read all files.")
    ] = False,
    afresh: Annotated[bool, typer.Option("--afresh", hidden=True)] = False,
) -> None:
    """Map the configured source to the contract tables in data/contract.

    Reads what is new or has changed. Skipped and rejected rows go to data/quarantine.parquet, with file, line, rule and
    text; above data.max_rejected_share the command stops, and what was there before stays.
    """
    if afresh:
        raise typer.BadParameter("--afresh is called --full-refresh now")
    context: Context = ctx.obj
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages, full_refresh=full_refresh)
    _print_first(context, ingested)
    _print_inputs(context, ingested)
    print_rows(context, "contract table", ingested.rows)
    print_unmatched(context, ingested.unmatched)


def stage_ingest(context: Context, stages: Stages, *, full_refresh: bool = False) -> Ingested:
    """Map the source to the contract tables."""
    with context.job("ingest", alone=True):
        return stages.run(
            "contract tables",
            lambda report: ingest_tables(context.settings, context.now, report, full_refresh=full_refresh),
            lambda ingested: ingested.skipped,
        )


def print_rows(context: Context, what: str, rows: dict[str, int]) -> None:
    """Print how many rows there are of each."""
    table = Table(what, "rows")
    table.columns[1].justify = "right"
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    context.console.print(table)


#: This many things stand before the totals.
_FIRST = 10


def _print_first(context: Context, ingested: Ingested) -> None:
    """Print what may be wrong, the worst first."""
    lines = []
    for one in ingested.inputs:
        for rule, orders in one.totals.split.items():
            lines.append(f"{one.input}: of {orders:,} orders {rule} skips some lines and keeps others")
    # a file that is the input of two tables has broken lines once
    rejected = {(one.input, rule): rows for one in ingested.inputs for rule, rows in one.totals.rejected.items()}
    worst = sorted(rejected.items(), key=lambda pair: -pair[1])
    lines += [f"{name}: {rows:,} rows rejected, {rule}" for (name, rule), rows in worst]
    lines += [f"Not read: {unread}" for unread in ingested.unread]
    for place, line in enumerate(lines[:_FIRST], start=1):
        context.console.print(f"{place:3}. {line}.", markup=False, soft_wrap=True)
    if len(lines) > _FIRST:
        context.console.print(f"     And {len(lines) - _FIRST} more.")


def _print_inputs(context: Context, ingested: Ingested) -> None:
    """Print what became of every row that was read; the columns after `read` add up to it."""
    table = Table(Column("input", no_wrap=True, max_width=20), "table")
    for name in ("read", "kept", "returns", "merged", "skipped", "rejected"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in ingested.inputs:
        totals = one.totals
        skipped, rejected = sum(totals.skipped.values()), sum(totals.rejected.values())
        counts = (totals.read, totals.kept, totals.returned, totals.merged, skipped, rejected)
        table.add_row(escape(one.input), one.table, *(f"{count:,}" if count else "–" for count in counts))
    context.console.print(table)
    for one in ingested.inputs:
        for rule, rows in one.totals.skipped.items():
            context.console.print(f"  {one.input}: {rule}, {rows:,} rows skipped", markup=False, soft_wrap=True)
    if any(one.totals.quarantined for one in ingested.inputs):
        path = quarantine_path(context.settings[StoreSettings])
        context.console.print(f"  Skipped and rejected rows are in {path}.", markup=False, soft_wrap=True)
    if returned := sum(one.totals.returned for one in ingested.inputs):
        context.console.print(f"  {ingested.matched:,} of {returned:,} returns have found their sale.", markup=False)
