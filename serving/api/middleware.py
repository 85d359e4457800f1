"""What every answer has: an id, security headers, a line in the log, and a place in the metrics."""

import re
import time
from uuid import uuid4

import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import metrics

_log = structlog.get_logger("encore.request")
_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: Pages of documentation load scripts; nothing else that is answered does anything in a browser.
_STRICT = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
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
        strict = {} if scope["path"].startswith(_PAGES) else _STRICT
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent.update({**_HEADERS, **strict, "X-Request-ID": request_id})
            await send(message)

        try:
            await self._app(scope, self._limited(receive, headers), sending)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            took = time.perf_counter() - start
            metrics.REQUESTS.labels(route, scope["method"], str(status)).inc()
            metrics.LATENCY.labels(route).observe(took)
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
        told = headers.get("content-length", "0")

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most or (told.isdigit() and int(told) > most):
                raise HTTPException(_TOO_LARGE, f"Expected a body of at most {most:,} bytes.")
            return message

        return receiving
