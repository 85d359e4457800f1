"""Structured logs, one JSON object a line, without secrets and without customers; and libraries kept quiet."""

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import orjson
import structlog


def configure(level: int = logging.INFO) -> None:
    """Write everything that is logged from a level on, by us and by libraries, as lines of JSON on standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
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
