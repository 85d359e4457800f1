"""What every command shares: settings, clock, console."""

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from core.settings import Settings


class Context:
    """Built once per run of `encore`; reads the settings when a command first asks for them."""

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.console = Console(highlight=False)

    @cached_property
    def settings(self) -> "Settings":
        """The settings of this run.

        Raises
        ------
        ConfigError
            If the file or an `ENCORE_…` variable is not acceptable.
        """
        from serving.settings import load_settings  # noqa: PLC0415

        return load_settings(self.config)

    @cached_property
    def now(self) -> datetime:
        """The clock, read once per run."""
        return datetime.now(UTC)
