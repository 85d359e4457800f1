"""Servers to measure: started on a free port of loopback, stopped by their process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

ENCORE = [sys.executable, "-c", "from serving.cli import main; main()"]
_ROOT = Path(__file__).parents[1]
_PATIENCE = 120.0


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], directory: Path, health: str, port: int, **environment: str) -> Iterator[str]:
    """Run a server until the block ends; yield its address once it answers.

    Parameters
    ----------
    health
        Path that answers when the server is ready.

    Raises
    ------
    RuntimeError
        If it ends, or does not answer within two minutes.
    """
    url = f"http://127.0.0.1:{port}"
    log = directory / f"server-{port}.log"
    # MLflow calls uvicorn by name
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ours = {"PATH": path, "PYTHONPATH": str(_ROOT), "PYTHONWARNINGS": "ignore"}
    variables = {**os.environ, **ours, **environment}
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, env=variables, start_new_session=True
        ) as server,
    ):
        try:
            deadline = time.monotonic() + _PATIENCE
            while not _answers(url + health):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:])
                time.sleep(0.3)
            yield url
        finally:
            for how in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(server.pid, how)
                    server.wait(timeout=15)


@contextmanager
def encore(directory: Path, workers: int = 1) -> Iterator[str]:
    """Run an API on the data in a folder."""
    port = free_port()
    command = [*ENCORE, "serve", "--port", str(port), "--workers", str(workers)]
    with serving(command, directory, "/health/ready", port) as url:
        yield url


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status < 400)
    except OSError:
        return False
