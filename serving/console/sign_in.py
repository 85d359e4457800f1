"""Signing in and out, by key or by a link that works once; and what a reader prefers."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from serving.access.keys import Key
from serving.api.security import TooManyRequestsError
from serving.console.rendering import render
from serving.console.visitors import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    AnyReader,
    Reader,
    Theme,
    granted,
    sessions_of,
)
from serving.explain.language import Language
from serving.settings import ConsoleSettings

#: Attempts to sign in from one address.
_PER_MINUTE = 20
_YEAR = 365 * 86_400
router = APIRouter()


@router.get("/sign-in")
def page(reader: AnyReader, next: str = "", once: str = "") -> Response:  # noqa: A002 - a name for addresses
    """Show the form; a link that works once signs in without it."""
    if once:
        return _by_link(reader, once)
    return _form(reader, next)


@router.post("/sign-in")
async def sign_in(
    reader: AnyReader,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=2000)] = "",  # noqa: A002
) -> Response:
    """Sign in with a key."""
    _limit(reader)
    found = await run_in_threadpool(reader.state.keys.find, key.strip())
    if found is None:
        return _form(reader, next, "unknown")
    if not granted(found.roles):
        return _form(reader, next, "no_role")
    return await run_in_threadpool(begin, reader, next, key=found.id)


@router.post("/sign-out")
def sign_out(reader: AnyReader) -> Response:
    """End the session, wherever its cookie may be."""
    session = reader.request.session
    sessions_of(reader.state).end(session.get("id", ""))
    session.clear()
    return RedirectResponse("/console/sign-in", status_code=303)


@router.post("/preferences")
def prefer(
    reader: AnyReader,
    back: Annotated[str, Form(max_length=2000)] = "",
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
) -> Response:
    """Keep language and theme in this browser, and go back."""
    answer = RedirectResponse(inside(back), status_code=303)
    for name, value in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
        if value is not None:
            secure = reader.state.settings[ConsoleSettings].https_only
            answer.set_cookie(name, value, _YEAR, path="/console", secure=secure, httponly=True, samesite="lax")
    return answer


def begin(reader: Reader, wanted: str, **who: object) -> Response:
    """Begin a session of somebody, in the place of whatever the browser had before, and go where they wanted to."""
    session = reader.request.session
    sessions = sessions_of(reader.state)
    sessions.end(session.get("id", ""))
    session.clear()  # a token that somebody knew before is worth nothing any more
    session |= {"id": sessions.begin(), **who}
    return RedirectResponse(inside(wanted), status_code=303)


def inside(wanted: str) -> str:
    """Return an address of the console; one of another server, or none, becomes the first page."""
    parts = urlsplit(wanted)
    ours = not parts.scheme and not parts.netloc and "\\" not in wanted
    known = parts.path.startswith("/console/")
    return wanted if ours and known and wanted.isprintable() else "/console/"


def _by_link(reader: Reader, once: str) -> Response:
    _limit(reader)
    key = sessions_of(reader.state).take(once, reader.state.clock())
    found = None if key is None else reader.state.keys.of_id(key)
    if found is None or not granted(found.roles):
        return _form(reader, "", "used_link")
    return begin(reader, "", key=found.id)


def _form(reader: Reader, wanted: str, failure: str | None = None) -> Response:
    openid = reader.state.settings[ConsoleSettings].openid is not None
    status = 200 if failure is None else 403
    return render(reader, "sign_in", status=status, next=inside(wanted), failure=failure, openid=openid)


def _limit(reader: Reader) -> None:
    request: Request = reader.request
    address = request.client.host if request.client else ""
    wait = reader.state.rate.wait(f"sign-in {address}", _PER_MINUTE)
    if wait:
        raise TooManyRequestsError(Key("", address, (), "", ""), wait)
