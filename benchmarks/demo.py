"""Measure `encore demo` against its budget, on the default data and in a folder of its own.

Prints seconds of a first run (without serving), seconds of a second run until the API answers, the time of
`encore --help`, and the peak memory of any process, each beside what it may be on 2 cores.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).parents[1]
_ENCORE = Path(sys.executable).with_name("encore")
_ENVIRONMENT = {**os.environ, "ENCORE_SERVING__PORT": "0", "COLUMNS": "300", "PYTHONUNBUFFERED": "1"}


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shutil.copy(_ROOT / "encore.toml", directory)
        first = _first_run(directory)
        second = _second_run(directory)
    help_time = _help()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    table = Table("encore demo", "measured", "budget", title=f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    table.columns[1].justify = table.columns[2].justify = "right"
    table.add_row("first run, packages installed", f"{first:.0f} s", "360 s")
    table.add_row("second run, until the API answers", f"{second:.1f} s", "30 s")
    table.add_row("peak memory of any process", f"{peak:.2f} GB", "4 GB")
    table.add_row("encore --help", f"{help_time:.2f} s", "0.5 s")
    Console().print(table)


def _first_run(directory: Path) -> float:
    start = time.monotonic()
    subprocess.run([_ENCORE, "demo", "--no-serve"], cwd=directory, env=_ENVIRONMENT, check=True)
    return time.monotonic() - start


def _second_run(directory: Path) -> float:
    log = directory / "log"
    start = time.monotonic()
    with (
        log.open("w") as output,
        subprocess.Popen([_ENCORE, "demo"], cwd=directory, env=_ENVIRONMENT, stdout=output) as server,
    ):
        try:
            while not (address := re.search(r"API +(http\S+)", log.read_text())):
                if server.poll() is not None or time.monotonic() - start > 300:
                    raise RuntimeError(log.read_text())
                time.sleep(0.05)
            with urlopen(f"{address[1]}/health/ready", timeout=10) as answer:
                answer.read()
            return time.monotonic() - start
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


def _help() -> float:
    times = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([_ENCORE, "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(time.monotonic() - start)
    return sorted(times)[2]


if __name__ == "__main__":
    main()
