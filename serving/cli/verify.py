"""Commands that check what is served against what it should be."""

import json as json_format
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.live.parity import TOLERANCE, Parity, verify_parity
from serving.cli.context import Context
from serving.cli.exits import DIFFERENT
from serving.cli.options import FormatOption, group
from serving.cli.stages import Stages

#: Differences that the table shows; JSON has all of them.
_SHOWN = 50

app = group("Compare what is served with what training would see.")


@app.callback()
def verify() -> None:
    """Compare what is served with what training would see."""


@app.command("parity")
def parity(
    ctx: typer.Context,
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many customers to compare.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Another one draws other customers.")] = 0,
    output: FormatOption = "table",
) -> None:
    """Compare the features of some customers online with the same features rebuilt offline.

    Half of the customers have events in the log, if there are as many. Each feature of the online store, and each one
    that an event would put there, is compared to 1e-6 with the feature that the engine of the build computes from the
    same rows and events for the same moment. Exit code 4 where any differs; every difference is named.
    """
    context: Context = ctx.obj
    console = Console(stderr=True, highlight=False) if output == "json" else context.console
    with context.job("verify parity", alone=False), Stages(console) as stages:
        found = stages.run("parity", lambda report: verify_parity(context.settings, customers, seed, report))
    if output == "json":
        print(json_format.dumps(asdict(found), indent=2, default=str))  # noqa: T201 - to standard output, as it is
    else:
        _print(context.console, found)
    if found.differences:
        raise typer.Exit(DIFFERENT)


def _print(console: Console, found: Parity) -> None:
    """Print what was compared, and the differences."""
    if found.differences:
        table = Table("customer", "view", "column", "moment (UTC)", "way", "online", "offline")
        for one in found.differences[:_SHOWN]:
            moment = f"{one.moment:%Y-%m-%d %H:%M:%S}"
            cells = (one.customer_id, one.view, one.column, moment, one.way, str(one.online), str(one.offline))
            table.add_row(*map(escape, cells))
        console.print(table)
    if (more := len(found.differences) - _SHOWN) > 0:
        console.print(f"  And {more:,} more; --format json lists all.")
    console.print(
        f"  {found.values:,} values of {found.customers:,} customers compared, {found.with_events:,} of them with "
        f"events: {len(found.differences):,} differ by more than {TOLERANCE:g}.",
        soft_wrap=True,
    )
    if found.left_out:
        console.print(
            f"  {found.left_out:,} customers were left out, since their events or an erasure wait to be applied.",
            soft_wrap=True,
        )
