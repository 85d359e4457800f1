"""`encore segments`: segments of customers that rules define."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import ConfigError
from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.cli.sources import open_source
from serving.scoring.export import write_list
from serving.segments.check import RuleFinding
from serving.segments.compare import Trait
from serving.segments.listing import header, pages
from serving.segments.rules import written
from serving.segments.service import Segment, Segments, Source, UnknownSegmentError

app = group("List, show and export segments of customers that rules define.")
NameArgument = Annotated[str, typer.Argument(help="Of the segment.")]
#: Sizes that are printed at most, the newest.
_MOST_DAYS = 14


@app.command("list")
def list_segments(ctx: typer.Context, form: FormatOption = "table") -> None:
    """Evaluate all segments, and list them with their sizes."""
    context: Context = ctx.obj
    segments, source = _open(context)
    found = segments.every(source, now=True)
    if form == "json":
        _print_json(context.console, [_answer(one) for one in found.values()])
        return
    table = Table("segment", "kind", "customers", "share", "defined in", "note")
    for name, one in found.items():
        size, everyone = one.evaluation.size, one.evaluation.customers
        share = f"{size / everyone:.1%}" if everyone else ""
        table.add_row(name, one.definition.kind, f"{size:,}", share, one.origin, escape(_note(one)))
    context.console.print(table)


@app.command("show")
def show(ctx: typer.Context, name: NameArgument, form: FormatOption = "table") -> None:
    """Evaluate all segments, and show one: rule, size, trend, overlaps, and what distinguishes the members."""
    context: Context = ctx.obj
    segments, source = _open(context)
    segment = _found(segments.every(source, now=True), name)
    trend = segments.trend(segment)
    if form == "json":
        sizes = [{"day": one.day.isoformat(), "size": one.size, "customers": one.customers} for one in trend]
        _print_json(context.console, {**_answer(segment), "trend": sizes})
        return
    found, console = segment.evaluation, context.console
    for title in segment.definition.titles.values():
        console.print(f"  {title}", markup=False)
    console.print(f"  {found.size:,} of {found.customers:,} customers, as of {found.as_of:%Y-%m-%d %H:%M} UTC")
    console.print(f"  {orjson.dumps(written(segment.definition.rule)).decode()}", markup=False, soft_wrap=True)
    _print_findings(console, found.findings, found.problem)
    _print_traits(console, found.traits)
    shared = sorted((-share, other) for other, share in found.overlaps.items() if share)
    if shared:
        table = Table("segment", "members who are in it too", title="Overlaps")
        for share, other in shared:
            table.add_row(other, f"{-share:.1%}")
        console.print(table)
    if len(trend) > 1:
        table = Table("day", "customers", title="Trend")
        for size in trend[-_MOST_DAYS:]:
            table.add_row(f"{size.day}", f"{size.size:,}")
        console.print(table)


@app.command("export")
def export(
    ctx: typer.Context,
    name: NameArgument,
    output: Annotated[Path, typer.Option("--output", help="A .csv or .parquet file.")],
) -> None:
    """Evaluate all segments, and write the members of one with their scores to a file."""
    context: Context = ctx.obj
    if output.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"Expected a file ending in .parquet or .csv, found {output.name!r}.", "Rename --output.")
    # an erasure meanwhile would miss the rows that are written at the end
    with context.job("segments export", alone=False):
        segments, source = _open(context)
        _found(segments.every(source, now=True), name)
        rows = [row for page in pages(segments, name) for row in page]
        frame = pd.DataFrame(rows, columns=header(segments))
        write_list(frame, output)
    context.console.print(f"  {len(frame):,} customers in {output}", markup=False, soft_wrap=True)


@app.command("columns")
def columns(ctx: typer.Context, form: FormatOption = "table") -> None:
    """List the columns that rules may read."""
    context: Context = ctx.obj
    segments, source = _open(context)
    found = list(segments.columns(source).values())
    if form == "json":
        _print_json(context.console, found)
        return
    table = Table("column", "kind", "of", "")
    for one in found:
        table.add_row(one.name, one.kind, one.source, escape(one.description))
    context.console.print(table)


def _open(context: Context) -> tuple[Segments, Source]:
    """Return the segments and what customers are read from."""
    opened = open_source(context)
    return Segments(context.settings, opened.table, lambda: context.now), opened.source


def _found(segments: dict[str, Segment], name: str) -> Segment:
    if name not in segments:
        raise UnknownSegmentError(name, list(segments))
    return segments[name]


def _note(segment: Segment) -> str:
    """Return the first thing that is wrong with a segment."""
    if segment.evaluation.problem is not None:
        return segment.evaluation.problem
    return next((one.text for one in segment.evaluation.findings), "")


def _print_findings(console: Console, findings: Sequence[RuleFinding], problem: str | None) -> None:
    if problem is not None:
        console.print(f"  The rule cannot be evaluated: {problem}", markup=False, soft_wrap=True)
    for one in findings:
        place = f"{one.place}: " if one.place else ""
        console.print(f"  Check: {place}{one.text}", markup=False, soft_wrap=True)


def _print_traits(console: Console, traits: Sequence[Trait]) -> None:
    if not traits:
        return
    table = Table("column", "", "members", "others", title="What distinguishes the members")
    for one in traits:
        column = one.column if one.value is None else f"{one.column} = {one.value}"
        figures = [
            f"{figure:.1%}" if one.measure == "share" else f"{figure:,.4g}" for figure in (one.members, one.others)
        ]
        table.add_row(escape(column), one.measure, *figures)
    console.print(table)


def _answer(segment: Segment) -> dict[str, Any]:
    definition, found = segment.definition, segment.evaluation
    return {
        "name": definition.name,
        "kind": definition.kind,
        "titles": definition.titles,
        "rule": written(definition.rule),
        "origin": segment.origin,
        "size": found.size,
        "customers": found.customers,
        "as_of": found.as_of,
        "overlaps": found.overlaps,
        "traits": found.traits,
        "findings": found.findings,
        "problem": found.problem,
    }


def _print_json(console: Console, content: object) -> None:
    text = orjson.dumps(content, option=orjson.OPT_UTC_Z).decode()
    console.print(text, soft_wrap=True, markup=False)
