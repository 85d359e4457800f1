"""What every command shares: settings, clock, console."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from core.settings import Settings


class Context:
    """Built once per run of `encore`; reads the settings when a command first asks for them."""

    def __init__(self, config: Path | None, workspace: str | None = None) -> None:
        self.config = config
        self.workspace = workspace
        self.console = Console(highlight=False)

    @cached_property
    def settings(self) -> "Settings":
        """The settings of this run, with a data folder of this version.

        Raises
        ------
        ConfigError
            If the file or an `ENCORE_…` variable is not acceptable, or needs a driver that is not installed.
        StoreError
            If the data folder has to be converted and a job over all customers runs.
        """
        from core.settings import StoreSettings  # noqa: PLC0415
        from features.upgrade import upgrade_data  # noqa: PLC0415
        from serving.cli.extras import check_drivers  # noqa: PLC0415
        from serving.settings import load_settings  # noqa: PLC0415
        from serving.workspaces import load_workspace  # noqa: PLC0415

        settings = load_workspace(self.config, self.workspace) if self.workspace else load_settings(self.config)
        check_drivers(settings)
        data = settings[StoreSettings].data
        if upgrade_data(settings, [data / "scores.db"]):
            self._remark(
                f"{data} was of an earlier version of Encore and is converted. Run `encore demo`, or `encore ingest` "
                "and the commands after it: features, the online store and scores are computed again."
            )
        return settings

    def refuse_in_workspace(self, command: str) -> None:
        """Refuse a command that changes or reads what serves, where a workspace is named.

        Parameters
        ----------
        command
            Without `encore`.

        Raises
        ------
        ConfigError
            If one is.
        """
        from core.errors import ConfigError  # noqa: PLC0415

        if self.workspace:
            raise ConfigError(
                f"`encore {command}` belongs to the deployment that serves, and does not run in the workspace "
                f"{self.workspace}.",
                "Run it without --workspace. A workspace builds and applies features, trains, tunes and evaluates.",
            )

    @contextmanager
    def job(self, command: str, *, alone: bool) -> Iterator[None]:
        """Run a block as the job of a command, and say for whom it has to wait; see `core.jobs`.

        Parameters
        ----------
        command
            Without `encore`.
        """
        from core.jobs import job  # noqa: PLC0415
        from core.settings import StoreSettings  # noqa: PLC0415

        with job(
            self.settings[StoreSettings],
            f"`encore {command}`",
            alone=alone,
            waiting=lambda others: self._remark(f"Waits for {others}."),
        ):
            yield

    def warn_of_old_data(self) -> None:
        """Say on standard error that the newest event is long before the moment taken for now, if it is."""
        from core.errors import EncoreError  # noqa: PLC0415
        from features.engine.labelled import data_range  # noqa: PLC0415
        from features.settings import TimeSettings  # noqa: PLC0415
        from features.snapshots import NEWER, OLD_DAYS, resolve_as_of  # noqa: PLC0415

        if "settings" not in vars(self):  # the command printed its help, or failed before it read any data
            return
        try:
            last = data_range(self.settings).last
        except EncoreError:  # there are none
            return
        as_of = resolve_as_of(self.settings[TimeSettings], last, self.now)
        if (days := (as_of - last).days) >= OLD_DAYS:
            behind = f"{days:,} days before now ({as_of:%Y-%m-%d})"
            self._remark(f"Warning: the newest event is of {last:%Y-%m-%d}, {behind}. {NEWER}")

    @staticmethod
    def _remark(text: str) -> None:
        """Print a remark beside the output, which a program may read."""
        Console(stderr=True, highlight=False).print(f"  {text}", markup=False, soft_wrap=True)

    @cached_property
    def now(self) -> datetime:
        """The clock, read once per run."""
        return datetime.now(UTC)
