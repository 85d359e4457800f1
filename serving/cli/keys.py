"""`encore keys`: who may ask the API."""

from collections.abc import Sequence
from datetime import timedelta

from rich.table import Table

from core.settings import StoreSettings
from serving.access.keys import KeyFile, Role
from serving.cli.context import Context


def create(context: Context, name: str, roles: Sequence[Role], per_minute: int | None) -> None:
    """Run `encore keys create`."""
    file = KeyFile(context.settings[StoreSettings])
    _tell(context, file.create(name, tuple(dict.fromkeys(roles)), context.now, per_minute))


def show(context: Context) -> None:
    """Run `encore keys list`."""
    table = Table("name", "id", "roles", "per minute", "created", "ends")
    for key in KeyFile(context.settings[StoreSettings]).read():
        rate = "" if key.per_minute is None else f"{key.per_minute:,}"
        ends = "" if key.until is None else f"{'ended ' if key.ended(context.now) else ''}{key.until[:16]}"
        table.add_row(key.name, key.id, ", ".join(key.roles), rate, key.created[:16], ends)
    context.console.print(table)


def rotate(context: Context, name: str, grace_hours: float) -> None:
    """Run `encore keys rotate`."""
    _tell(context, KeyFile(context.settings[StoreSettings]).rotate(name, context.now, timedelta(hours=grace_hours)))


def revoke(context: Context, name: str) -> None:
    """Run `encore keys revoke`."""
    KeyFile(context.settings[StoreSettings]).revoke(name, context.now)
    context.console.print(f"  {name} is no longer accepted.")


def _tell(context: Context, secret: str) -> None:
    """Print a key alone on its line, so that a script can take it."""
    context.console.print(secret, markup=False, soft_wrap=True)
