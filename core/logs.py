"""Structured logs, one JSON object a line, without secrets and without customers; and libraries kept quiet."""

import atexit
import logging
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import Any

import orjson
import structlog

#: Seconds that the end of the process waits for the last lines.
_PATIENCE = 1.0
#: Seconds that a line waits for others.
_TOGETHER = 0.02


class Lines:
    """A file of lines that keeps nobody waiting: a thread writes them, and what it cannot write is lost and counted.

    Standard error may be a pipe that nobody reads, or a file on a full disk. Answers are worth more than their lines.
    Lines that come within a moment are written together: a thread that wakes for each of them takes Python's lock from
    the request that wrote it.
    """

    def __init__(self, descriptor: int, most: int = 10_000) -> None:
        self._descriptor = descriptor
        self._most = most
        self._waiting: list[bytes] = []
        self._lost = 0
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._is_writing = False
        self._thread = threading.Thread(target=self._write_all, name="encore-log", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def write(self, line: bytes | str) -> int:
        """Take a line."""
        with self._lock:
            if len(self._waiting) < self._most:
                self._waiting.append(line.encode() if isinstance(line, str) else line)
            else:
                self._lost += 1
        if not self._arrived.is_set():
            self._arrived.set()
        return len(line)

    def flush(self) -> None:
        """Do nothing: lines are written as soon as they can be."""

    def _write_all(self) -> None:
        while True:
            self._arrived.wait()
            time.sleep(_TOGETHER)
            self._arrived.clear()
            with self._lock:
                lines, self._waiting, lost = self._waiting, [], self._lost
                self._is_writing = True
            notice = [b'{"event": "lines_lost", "lines": %d}\n' % lost] if lost else []
            unwritten = self._unwritten(b"".join([*notice, *lines]))
            with self._lock:
                self._lost += min(unwritten, len(lines)) - (lost if unwritten <= len(lines) else 0)
                self._is_writing = False

    def _unwritten(self, content: bytes) -> int:
        """Write lines; return how many of them could not be."""
        rest = memoryview(content)
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        return bytes(rest).count(b"\n")

    def _end(self) -> None:
        """Give the thread a moment for the last lines."""
        end = time.monotonic() + _PATIENCE
        while (self._waiting or self._is_writing) and time.monotonic() < end:
            time.sleep(0.01)


def configure(level: int = logging.INFO) -> None:
    """Write everything that is logged from a level on, by us and by libraries, as lines of JSON on standard error."""
    lines: Any = Lines(sys.stderr.fileno())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        logger_factory=structlog.BytesLoggerFactory(file=lines),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _place_of_error(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say what went wrong and where, but not with which values: those may be a customer's."""
    reported = event.pop("exc_info", None)
    error = sys.exc_info()[1] if reported is True else reported[1] if isinstance(reported, tuple) else reported
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Keep libraries from writing over our progress bars: silence prints and warnings while the block runs.

    The named loggers are silenced below errors from then on. What a library raises is still raised.

    Output belongs to the whole process, so in other threads than the main one only the loggers are silenced.
    """
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield
