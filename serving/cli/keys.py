"""`encore keys`: who may ask the API."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from core.settings import StoreSettings
from serving.access.keys import ROLES, KeyFile
from serving.cli.context import Context
from serving.cli.options import group

app = group("Make, list, rotate and revoke API keys.")
NameArgument = Annotated[str, typer.Argument(help="As it was created.")]


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who uses it, for example crm.")],
    role: Annotated[list[str], typer.Option("--role", help=f"One of {', '.join(ROLES)}; may be repeated.")],
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", min=1, help="Default: serving.requests_per_minute.")
    ] = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    Roles: score (risk, offers, profile), explain (reasons), events (sources), admin (models, erasure),
    monitor (metrics).
    """
    context: Context = ctx.obj
    unknown = [one for one in role if one not in ROLES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no role; expected one of {', '.join(ROLES)}")
    roles = tuple(known for known in ROLES if known in role)
    _print_key(context, KeyFile(context.settings[StoreSettings]).create(name, roles, context.now, per_minute))


@app.command("list")
def show(ctx: typer.Context) -> None:
    """List keys with their roles, ended ones too."""
    context: Context = ctx.obj
    table = Table("name", "id", "roles", "per minute", "created", "ends")
    for key in KeyFile(context.settings[StoreSettings]).read():
        rate = "" if key.per_minute is None else f"{key.per_minute:,}"
        ends = "" if key.until is None else f"{'ended ' if key.ended(context.now) else ''}{key.until[:16]}"
        table.add_row(key.name, key.id, ", ".join(key.roles), rate, key.created[:16], ends)
    context.console.print(table)


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    name: NameArgument,
    grace_hours: Annotated[float, typer.Option("--grace-hours", min=0, help="The old key works that long.")] = 24,
) -> None:
    """Make a new key with the rights of an old one, and print it."""
    context: Context = ctx.obj
    grace = timedelta(hours=grace_hours)
    _print_key(context, KeyFile(context.settings[StoreSettings]).rotate(name, context.now, grace))


@app.command("revoke")
def revoke(ctx: typer.Context, name: NameArgument) -> None:
    """End a key at once; a running API follows within a second."""
    context: Context = ctx.obj
    KeyFile(context.settings[StoreSettings]).revoke(name, context.now)
    context.console.print(f"  {name} is no longer accepted.")


def _print_key(context: Context, secret: str) -> None:
    """Print a key alone on its line, so that a script can take it."""
    context.console.print(secret, markup=False, soft_wrap=True)
