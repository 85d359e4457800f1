"""`encore decide`: the best action for each customer, within budget and capacity."""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import ConfigError, DataError
from core.settings import StoreSettings
from core.spreadsheets import ENCODING
from features.contract.ids import canonical_id
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.store import CampaignStore
from serving.cli.context import Context
from serving.cli.decide_value import value
from serving.cli.options import FormatOption
from serving.cli.sources import open_source
from serving.decisions.actions import DO_NOTHING
from serving.decisions.champion import uplift_champion
from serving.decisions.decide import Decider
from serving.decisions.listing import rows_of, ruled_out
from serving.decisions.records import DecisionRecords, body_of
from serving.decisions.replay import replay
from serving.decisions.within import Decided, Limits
from serving.scoring.export import write_list

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("value")(value)
_ID = "customer_id"


@app.callback(invoke_without_command=True)
def decide(
    ctx: typer.Context,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, help="What all actions may cost. Default: that of the policy.")
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option("--capacity", help="Contacts through a channel, such as email=100; may be repeated."),
    ] = None,
    customers: Annotated[
        str | None, typer.Option("--customers", help="Ids with commas between them, or a file with one a line.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A .csv or .parquet file for the list of all customers.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep no record of the decision.")] = False,
    form: FormatOption = "table",
) -> None:
    """Choose the best action for each customer, within budget and capacity.

    The policy and the actions are those of the file of decisions. The decision is kept in data/decisions, so that it
    can be replayed.
    """
    if ctx.invoked_subcommand is not None:
        return
    context: Context = ctx.obj
    if out is not None and out.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"Expected a file ending in .parquet or .csv, found {out.name!r}.", "Rename --out.")
    limits = Limits(budget=budget, capacity=_capacities(capacity or []))
    asked = None if customers is None else _asked(customers)
    # an erasure meanwhile would miss the rows that are written at the end
    with context.job("decide", alone=False):
        decided = _decided(context, asked, limits)
        run = None if dry_run else DecisionRecords(context.settings[StoreSettings]).write(decided)
        if out is not None:
            write_list(rows_of(decided), out)
    if form == "json":
        _print_json(context.console, {"run": run, **_summary(decided)})
        return
    _print(context.console, decided)
    if run is not None:
        context.console.print(f"  Kept as {run}; `encore decide replay {run}` computes it again.", markup=False)
    if out is not None:
        context.console.print(f"  {len(decided.choice):,} customers in {out}", markup=False, soft_wrap=True)


@app.command("replay")
def replay_run(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="Name of a decision.")], form: FormatOption = "table"
) -> None:
    """Compute a decision again from what was kept, and compare."""
    context: Context = ctx.obj
    found = replay(DecisionRecords(context.settings[StoreSettings]), run)
    if form == "json":
        _print_json(context.console, {**asdict(found), "holds": found.holds})
    else:
        erased = f", {found.erased:,} erased since" if found.erased else ""
        context.console.print(f"  {found.customers:,} customers{erased}", markup=False)
        text = "Gains and choices came out the same."
        if not found.holds:
            text = f"Other gains for {found.gains:,} customers, other choices for {found.choices:,}."
        context.console.print(f"  {text}", markup=False)
    if not found.holds:
        raise typer.Exit(1)


def _decided(context: Context, customers: Sequence[str] | None, limits: Limits) -> Decided:
    opened = open_source(context)
    settings, source = context.settings, opened.source
    database = CampaignDatabase(settings[StoreSettings])
    campaigns = CampaignStore(database)
    running = [kept.campaign.name for kept in campaigns.all() if kept.status(source.as_of) == "started"]
    decider = Decider(
        settings,
        opened.table,
        uplift=lambda: uplift_champion(settings, opened.store, source.online.as_of),
        reserved=ClaimStore(database, campaigns).reserved,
    )
    return decider.decide(
        source, source.as_of, customers=customers, limits=limits, campaigns_of=campaigns.campaigns_of(running)
    )


def _capacities(texts: Sequence[str]) -> dict[str, int] | None:
    """Read `channel=number`; None where nothing is given."""
    found = {}
    for text in texts:
        channel, _, number = text.partition("=")
        if not channel or not number.isdecimal():
            raise typer.BadParameter(f"expected a channel and a number such as email=100, found {text!r}")
        found[channel] = int(number)
    return found or None


def _asked(text: str) -> list[str]:
    """Read ids: those of a file, whose first column they are, or those that are given.

    Raises
    ------
    DataError
        If there is none.
    """
    path = Path(text)
    if path.is_file():
        with path.open(encoding=ENCODING, newline="") as file:
            found = [row[0] for row in csv.reader(file) if row]
        found = found[1:] if found[:1] == [_ID] else found
    else:
        found = text.split(",")
    ids = [one for one in map(canonical_id, found) if one]
    if not ids:
        raise DataError(f"Expected ids of customers in {text!r}, found none.", "Give ids, or a file with one a line.")
    return ids


def _summary(decided: Decided) -> dict[str, Any]:
    body = body_of(decided)
    body.pop("decisions")
    return body | {"ruled_out": ruled_out(decided)}


def _print(console: Console, decided: Decided) -> None:
    summary = _summary(decided)
    totals, gone = summary["totals"], summary["ruled_out"]
    table = Table("action", "channel", "customers", "expected gain", "cost", "effect", "ruled out")
    for action, source in zip(decided.actions, decided.effects.sources, strict=True):
        own = totals["actions"][action.name]
        why = ", ".join(f"{reason} {count:,}" for reason, count in gone[action.name].items())
        effect = f"{source.source}: {source.label}" if source.label else source.source
        money = [f"{own[name]:,.2f}" for name in ("gain", "cost")]
        table.add_row(action.name, action.channel, f"{own['customers']:,}", *money, escape(effect), escape(why))
    table.add_row(DO_NOTHING, "", f"{totals['customers'] - totals['with_action']:,}", "", "", "", "")
    console.print(table)
    missed = f"; at most {totals['gap']:.2%} more is possible" if totals["gap"] else ""
    console.print(f"  Expected gain {totals['gain']:,.2f} for {totals['cost']:,.2f}{missed}", markup=False)
    _print_limits(console, decided)


def _print_limits(console: Console, decided: Decided) -> None:
    """Print each limit, with what one more unit of it would gain."""
    limits, prices = decided.limits, decided.solution.prices
    if limits.budget is not None:
        text = f"  Budget {limits.budget:,.2f}; one more would gain {prices.budget:,.2f}"
        console.print(text, markup=False)
    for channel, most in (limits.capacity or {}).items():
        gain = prices.channels.get(channel, 0.0)
        console.print(f"  {most:,} contacts by {channel}; one more would gain {gain:,.2f}", markup=False)


def _print_json(console: Console, content: object) -> None:
    console.print(orjson.dumps(content, option=orjson.OPT_UTC_Z).decode(), soft_wrap=True, markup=False)
