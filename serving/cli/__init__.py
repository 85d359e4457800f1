"""The command line: thin commands that parse, load the settings and call a pipeline."""

import os
import sys
from typing import NoReturn

from serving.cli.app import app
from serving.cli.exits import FAILED


def main() -> None:
    """Run `encore`. An error that the user can fix is shown without a traceback; the exit code is 2."""
    # implicit and LightGBM have threads of their own; BLAS threads beside them only get in their way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from core.errors import EncoreError  # noqa: PLC0415 - keeps `encore --help` light

    try:
        app(prog_name="encore")
    except EncoreError as error:
        _fail(error.problem, error.remedy)
    except ModuleNotFoundError as error:
        from serving.cli.extras import missing_extra  # noqa: PLC0415

        missing = missing_extra((error.name or "").split(".")[0])
        if missing is None:
            raise
        _fail(missing.problem, missing.remedy)
    except OSError as error:
        _fail(f"{error}.", "Check the path, its permissions and the space left.")


def _fail(problem: str, remedy: str) -> NoReturn:
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]Error:[/]", end=" ")
    console.print(problem, markup=False)
    console.print("[bold]What to do:[/]", end=" ")
    console.print(remedy, markup=False)
    sys.exit(FAILED)
