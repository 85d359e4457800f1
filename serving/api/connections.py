"""What one connection may take: bytes of a request's head, and time for the head, the body and between requests.

A server that waits for ever can be kept busy by a client that sends a byte now and then, and one that keeps a head of
any length by one that sends nothing else. A reverse proxy often guards against both; Encore does not rely on one.
"""

from asyncio import TimerHandle, Transport
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.api.problems import MEDIA, TYPES, problem_of

#: Seconds in which a client can read an answer that came before the end of its request, before the connection ends.
_LINGERING = 1.0
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Limits:
    """What a connection may take.

    Attributes
    ----------
    head_bytes
        Of the request line and the headers together.
    head_seconds
        From the first byte of a request, or from the start of the connection, to the end of the headers.
    body_seconds
        From there to the end of the body.
    answer_seconds
        In which a client has to continue to read an answer.
    connections
        At a time, of a process.
    """

    head_bytes: int
    head_seconds: float
    body_seconds: float
    answer_seconds: float
    connections: int


class LimitedConfig(uvicorn.Config):
    """Uvicorn's configuration, with limits of connections."""

    def __init__(self, app: Any, limits: Limits, **options: Any) -> None:  # noqa: ANN401 - as uvicorn has them
        super().__init__(app, http=LimitedProtocol, **options)
        self.limits = limits


class LimitedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol for one connection, which ends where a limit is exceeded."""

    def __init__(self, config: LimitedConfig, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(config, *args, **options)
        self._limits = config.limits
        self._head_bytes: int | None = 0  # None while a request whose head is complete is received
        self._timer: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect(self._limits.head_seconds, "the headers of a request")

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect_nothing()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless a head is too long."""
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            if self._timer is None:  # the first bytes of a further request
                self._expect(self._limits.head_seconds, "the headers of a request")
            end = data.find(_END_OF_HEAD)
            self._head_bytes += len(data) if end < 0 else end
            if self._head_bytes > self._limits.head_bytes:
                most = f"{self._limits.head_bytes:,}"
                self._refuse("headers-too-large", f"Expected a request line and headers of at most {most} bytes.")
                return
        super().data_received(data)

    def pause_writing(self) -> None:
        """Wait for a client that does not read; it gets some time, and then the connection ends."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue with an answer that is being read."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def on_headers_complete(self) -> None:
        """Expect the body, unless there are too many connections."""
        self._head_bytes = None
        if len(self.connections) > self._limits.connections:
            self._refuse("unavailable", "Too many connections are open.")
            return
        self._expect(self._limits.body_seconds, "the rest of the request")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless the request was refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing until the next request begins."""
        self._expect_nothing()
        self._head_bytes = 0
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """End the connection soon where the answer came before the end of the request."""
        super().on_response_complete()
        if self._head_bytes is None and not self.transport.is_closing():
            self._call_later(_LINGERING, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        self._refuse("bad-request", msg)

    def _expect(self, seconds: float, what: str) -> None:
        detail = f"Expected {what} within {seconds:g} s."
        self._call_later(seconds, lambda: self._refuse("request-timeout", detail))

    def _call_later(self, seconds: float, action: Callable[[], None]) -> None:
        self._expect_nothing()
        self._timer = self.loop.call_later(seconds, action)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, kind: str, detail: str) -> None:
        """Answer with a problem document, where no answer has begun, and end the connection."""
        self._expect_nothing()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            content = orjson.dumps(problem_of(kind, detail))
            head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[TYPES[kind]] + head % (MEDIA.encode(), len(content)) + content)
        self.transport.close()
