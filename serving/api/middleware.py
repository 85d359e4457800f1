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
]
_NO_STORE = (b"cache-control", b"no-store")
#: What an answer may do in a browser: nothing, but for pages, which load what this server has, and run nothing inline.
_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
_OWN = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: The documentation writes styles into its page, of texts that are ours alone.
_DOCS = _OWN.replace(b"style-src 'self'", b"style-src 'self' 'unsafe-inline'")
_POLICIES = {"/console": _OWN, "/docs": _DOCS}
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
        policy = next((one for start, one in _POLICIES.items() if scope["path"].startswith(start)), _NOTHING)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message["headers"]
                stored = [] if any(name == b"cache-control" for name, _ in given) else [_NO_STORE]
                ours = [*_HEADERS, *stored, (b"content-security-policy", policy)]
                message["headers"] = [*given, *ours, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, self._limited(receive, headers), sending)
        except Exception as error:
            if status:  # too late to say so
                raise
            await failed(Request(scope), error)(scope, receive, sending)
        finally:
            route = _route(scope)
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


def _route(scope: Scope) -> str:
    """Name the route of a request by its pattern, never by its path, which names customers; it has a few values."""
    found = scope.get("route")
    return "unknown" if found is None else scope.get("root_path", "") + found.path
