"""Errors as pages: the same problems as those of the API, in the reader's language."""

from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.problems import answered
from serving.console.rendering import is_fragment, render
from serving.console.visitors import known, read

#: Headers of an answer to an error that a page of it has too.
_KEPT = ("allow", "retry-after")


async def error_page(request: Request, error: Exception) -> Response:
    """Say what went wrong: as a page, or as a notice where htmx asked for a part of one."""
    answer = answered(request, error)
    problem: dict[str, Any] = orjson.loads(bytes(answer.body))
    kind = problem["type"].rpartition(":")[2]
    template = "problem_notice" if is_fragment(request) else "problem"
    reader = known(request) or read(request, request.headers.get("accept-language"))
    page = render(reader, template, status=problem["status"], kind=kind, problem=problem)
    page.headers.update({name: answer.headers[name] for name in _KEPT if name in answer.headers})
    return page


async def signed_out(request: Request, _: Exception) -> Response:
    """Lead to the page that signs in, and from there back; a form that was sent is not sent again."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = f"/console/sign-in?{urlencode({'next': wanted})}" if request.method == "GET" else "/console/sign-in"
    if is_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": "/console/sign-in"})
    return RedirectResponse(target, status_code=303)


class Faults:
    """Answers faults of ours with a page too; outside of it they would be answered as those of the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        begun = False

        async def sending(message: Any) -> None:  # noqa: ANN401 - as the server has it
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if begun:  # too late to say so
                raise
            await (await error_page(Request(scope, receive), error))(scope, receive, send)
