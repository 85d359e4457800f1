"""What every answer has: an id, security headers, a line in the log, and a place in the metrics."""

import re
import time
from uuid import uuid4

import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import failed
from serving.scoring import metrics

_log = structlog.get_logger("encore.request")
_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
#: Pages of documentation load scripts; nothing else that is answered does anything in a browser.
_STRICT = [*_HEADERS, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]
_PAGES = ("/docs", "/redoc")
_TOO_LARGE = 413


class Envelope:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        headers = Headers(scope=scope)
        wanted = headers.get("x-request-id", "")
        request_id = wanted if _ID.match(wanted) else uuid4().hex
        state = scope.setdefault("state", {})
        state |= {"request_id": request_id, "key": None}
        ours = _HEADERS if scope["path"].startswith(_PAGES) else _STRICT
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *ours, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, self._limited(receive, headers), sending)
        except Exception as error:
            if status:  # too late to say so
                raise
            await failed(Request(scope), error)(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            took = time.perf_counter() - start
            requests, latency = metrics.counted(route, scope["method"], status)
            requests.inc()
            latency.observe(took)
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(1000 * took, 2),
                key=state["key"],
                request_id=request_id,
            )

    def _limited(self, receive: Receive, headers: Headers) -> Receive:
        """Refuse a body that is too long, whatever its header says."""
        most, seen = self._max_body_bytes, 0
        length = headers.get("content-length", "0")

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most or (length.isdigit() and int(length) > most):
                raise HTTPException(_TOO_LARGE, f"Expected a body of at most {most:,} bytes.")
            return message

        return receiving
