"""Progress of long commands: a bar and a time per stage."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from core.progress import Report

_Result = TypeVar("_Result")


class Stages:
    """Runs stages one after the other, each under a progress bar, and keeps a line of each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("  {task.description:<22}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[doing]}"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> "Stages":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def run(
        self,
        title: str,
        work: Callable[[Report], _Result],
        skipped: Callable[[_Result], bool] = lambda _: False,
    ) -> _Result:
        """Run one stage and say how long it took, or that its inputs did not change."""
        task = self._progress.add_task(title, total=1.0, doing="")
        start = time.monotonic()

        def report(share: float, doing: str) -> None:
            self._progress.update(task, completed=share, doing=doing)

        result = work(report)
        self._progress.remove_task(task)
        took = f"{time.monotonic() - start:6.1f} s"
        if skipped(result):
            self._console.print(f"  [dim]– {title:<22} {took}  skipped, its inputs did not change[/]")
        else:
            self._console.print(f"  [green]✓[/] {title:<22} {took}")
        return result
