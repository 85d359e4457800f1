"""Who decides about a version, and why: kept in the promotion log."""

import getpass
import sys
from typing import Annotated

import typer

from core.errors import ConfigError
from training.lifecycle.promotions import Who

WhyOption = Annotated[str | None, typer.Option("--why", help="Kept in the promotion log; asked for if missing.")]
ByOption = Annotated[
    str | None, typer.Option("--by", envvar="ENCORE_USER", help="Who decides. Default: the user of the system.")
]


def decider(by: str | None, why: str | None) -> Who:
    """Return who decides and why; ask for the reason where there is somebody to ask.

    Raises
    ------
    ConfigError
        If there is no reason, and nobody to ask.
    """
    if why is None and sys.stdin.isatty():
        why = typer.prompt("Why")
    if not (why or "").strip():
        raise ConfigError("Expected a reason, found none.", 'Give it with --why "…"; it is kept in the promotion log.')
    return Who(by or user(), str(why).strip())


def user() -> str:
    """Return the name of the system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
