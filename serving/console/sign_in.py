"""Signing in and out, by key or by a link that works once; and what a reader prefers."""

import secrets
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from serving.access.keys import granted
from serving.console.rendering import render
from serving.console.visitors import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    AnyReader,
    Reader,
    Theme,
    sessions_of,
)
from serving.explain.language import Language
from serving.settings import ConsoleSettings

#: Attempts to sign in from one address; a company's people may share one.
_PER_MINUTE = 20
_TOO_MANY = 429
_YEAR = 365 * 86_400
router = APIRouter()


@router.get("/sign-in")
def page(reader: AnyReader, next: str = "", once: str = "") -> Response:  # noqa: A002 - a name for addresses
    """Show the form; a link that works once signs in without it."""
    if once:
        return _by_link(reader, once)
    return form(reader, next)


@router.post("/sign-in")
def sign_in(
    reader: AnyReader,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=2000)] = "",  # noqa: A002
) -> Response:
    """Sign in with a key."""
    limit(reader)
    found = reader.state.keys.find(key.strip())
    if found is None:
        return form(reader, next, "unknown")
    if not granted(found.roles):
        return form(reader, next, "no_role")
    return begin(reader, next, key=found.id)


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
    """Begin a session of somebody, in the place of the one that the browser had, and lead to the wanted page."""
    session = reader.request.session
    sessions = sessions_of(reader.state)
    sessions.end(session.get("id", ""))
    session.clear()  # a token that somebody knew before is worth nothing any more
    # the token is made here, as two first pages at a time would each make one of their own
    session |= {"id": sessions.begin(), "csrf": secrets.token_urlsafe(24), **who}
    return RedirectResponse(inside(wanted), status_code=303)


def inside(wanted: str) -> str:
    """Return an address of the console; one of another server, or none, becomes the first page."""
    ours = wanted.startswith("/console/") and "\\" not in wanted and wanted.isprintable()
    return wanted if ours else "/console/"


def _by_link(reader: Reader, once: str) -> Response:
    limit(reader)
    key = sessions_of(reader.state).take(once, reader.state.clock())
    found = None if key is None else reader.state.keys.of_id(key)
    if found is None or not granted(found.roles):
        return form(reader, "", "used_link")
    return begin(reader, "", key=found.id)


def form(reader: Reader, wanted: str, failure: str | None = None) -> Response:
    """Show the form that signs in, and why an attempt failed, by the name of its text."""
    openid = reader.state.settings[ConsoleSettings].openid is not None
    status = 200 if failure is None else 403
    return render(reader, "sign_in", status=status, next=inside(wanted), failure=failure, openid=openid)


def limit(reader: Reader) -> None:
    """Count an attempt to sign in.

    Raises
    ------
    HTTPException
        If there were too many from this address.
    """
    request = reader.request
    # in a file of their own: nobody without a key can use up the rate of a key
    wait = request.app.state.attempts.wait(request.client.host if request.client else "", _PER_MINUTE)
    if wait:
        detail = f"Too many attempts to sign in from this address; try again in {ceil(wait)} s."
        raise HTTPException(_TOO_MANY, detail, {"Retry-After": str(ceil(wait))})
