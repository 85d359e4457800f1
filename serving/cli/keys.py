"""`encore keys`: who may ask the API."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from core.errors import ConfigError
from core.settings import StoreSettings
from serving.access.keys import CONSOLE_ROLES, ROLES, KeyFile, granted
from serving.access.sessions import Sessions, link_path
from serving.cli.context import Context
from serving.cli.options import group
from serving.settings import ConsoleSettings, ServingSettings

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

    Roles of the API: score (risk, offers, profile), explain (reasons), events (sources), admin (models, erasure),
    monitor (metrics). Roles of the console: viewer (reads), marketer (plans, contacts, exports), analyst (models,
    data), admin (everything).
    """
    context: Context = ctx.obj
    unknown = [one for one in role if one not in ROLES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no role; expected one of {', '.join(ROLES)}")
    roles = tuple(known for known in ROLES if known in role)
    _print_key(context, KeyFile(context.settings[StoreSettings]).create(name, roles, context.now, per_minute))


@app.command("link")
def link(
    ctx: typer.Context,
    name: NameArgument,
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=24 * 7, help="The link works that long.")] = 24,
    url: Annotated[
        str | None, typer.Option("--url", help="How people reach Encore. Default: serving.host and serving.port.")
    ] = None,
) -> None:
    """Print a link that signs in to the console once, as the holder of a key."""
    context: Context = ctx.obj
    stores, serving = context.settings[StoreSettings], context.settings[ServingSettings]
    key = KeyFile(stores).named(name, context.now)
    if not granted(key.roles):
        raise ConfigError(
            f"The key {name!r} has no role of the console, but {', '.join(key.roles)}.",
            f"Make one: `encore keys create NAME --role marketer`, or another of {', '.join(CONSOLE_ROLES)}.",
        )
    sessions = Sessions(stores, timedelta(hours=context.settings[ConsoleSettings].session_hours))
    path = link_path(sessions, key.id, context.now, timedelta(hours=hours))
    host = "127.0.0.1" if serving.host == "0.0.0.0" else serving.host  # noqa: S104 - only compared
    context.console.print(f"{(url or f'http://{host}:{serving.port}').rstrip('/')}{path}", markup=False, soft_wrap=True)


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
