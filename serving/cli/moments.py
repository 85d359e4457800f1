"""`encore moments`: what happens to customers, or what time brings, and how often it did."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
import pandas as pd
import typer
from rich.markup import escape
from rich.table import Table

from core.errors import ConfigError, DataError
from features.engine.labelled import data_range
from features.settings import TimeSettings
from features.snapshots import resolve_as_of
from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.decisions.definitions import load_decisions
from serving.decisions.moments import Moment, fired
from serving.settings import DecisionSettings

app = group("List moments, and try them on the past.")
DaysOption = Annotated[int, typer.Option("--days", min=1, max=3650, help="How far to look back.")]
#: Days that are printed one by one, the newest.
_MOST_DAYS = 14


@app.command("list")
def list_moments(ctx: typer.Context, days: DaysOption = 30, form: FormatOption = "table") -> None:
    """List the moments of the file of decisions, and how often each would have fired."""
    context: Context = ctx.obj
    moments, end = _moments(context), _now(context)
    found = fired(context.settings, moments, end - timedelta(days=days), end)
    counts = found.groupby("moment")["customer_id"].agg(["size", "nunique"])
    rows = [
        {
            "moment": name,
            **moment.model_dump(),
            "fired": int(counts["size"].get(name, 0)),
            "customers": int(counts["nunique"].get(name, 0)),
        }
        for name, moment in moments.items()
    ]
    if form == "json":
        _print_json({"days": days, "until": end, "moments": rows})
        return
    table = Table(
        "moment", "kind", "options", "fired", "customers", title=f"In {days:,} days until {end:%Y-%m-%d %H:%M}"
    )
    for row, moment in zip(rows, moments.values(), strict=True):
        options = ", ".join(f"{key} = {value}" for key, value in moment.model_dump(exclude={"kind"}).items())
        table.add_row(str(row["moment"]), moment.kind, options, f"{row['fired']:,}", f"{row['customers']:,}")
    context.console.print(table)


@app.command("try")
def try_moment(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the moment.")],
    days: DaysOption = 30,
    form: FormatOption = "table",
) -> None:
    """Say how often a moment would have fired, and on which days, by what was known at the time."""
    context: Context = ctx.obj
    moments, end = _moments(context), _now(context)
    if name not in moments:
        raise DataError(
            f"Expected the name of a moment ({', '.join(moments) or 'there is none'}), found {name!r}.",
            "Correct the name, or define [moments.<name>] in the file of decisions.",
        )
    start = end - timedelta(days=days)
    found = fired(context.settings, {name: moments[name]}, start, end)
    by_day = found.groupby(found["at"].dt.date).size()
    if form == "json":
        counted = [{"day": day, "fired": int(count)} for day, count in by_day.items()]
        totals = {"fired": len(found), "customers": int(found["customer_id"].nunique())}
        _print_json(
            {"moment": name, **moments[name].model_dump(), "from": start, "until": end, **totals, "days": counted}
        )
        return
    _print_tried(context, name, start, end, found)
    table = Table("day", "fired")
    for day, count in list(by_day.items())[-_MOST_DAYS:]:
        table.add_row(str(day), f"{count:,}")
    if len(by_day):
        context.console.print(table)


def _print_tried(context: Context, name: str, start: datetime, end: datetime, found: pd.DataFrame) -> None:
    times, customers = len(found), found["customer_id"].nunique()
    context.console.print(
        f"  {escape(name)} would have fired {times:,} {'time' if times == 1 else 'times'} for {customers:,} "
        f"{'customer' if customers == 1 else 'customers'}, from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC.",
        soft_wrap=True,
    )


def _moments(context: Context) -> dict[str, Moment]:
    decisions = load_decisions(context.settings[DecisionSettings].file)
    if decisions is None:
        raise ConfigError(
            "Expected a file of decisions, found none.", "Set decisions.file, and define [moments.<name>] there."
        )
    return dict(decisions.moments)


def _now(context: Context) -> datetime:
    """Return the clock's moment where that is now; else the one that is taken for it."""
    time = context.settings[TimeSettings]
    return context.now if time.as_of == "now" else resolve_as_of(time, data_range(context.settings).last, context.now)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(orjson.dumps(content).decode())
