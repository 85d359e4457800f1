"""Who visits a page: the session of a request, the roles of who has signed in, language and theme."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, Header, Request
from starlette.exceptions import HTTPException

from core.settings import StoreSettings
from serving.access.keys import Key, Role, granted
from serving.access.sessions import Sessions
from serving.api.security import TooManyRequestsError
from serving.api.state import State, state_of
from serving.console.words import Words
from serving.explain.language import LANGUAGES, Language, preferred
from serving.settings import ConsoleSettings, ServingSettings

Theme = Literal["auto", "light", "dark"]
#: Cookies of what a reader prefers; they say nothing of who reads.
LANGUAGE_COOKIE, THEME_COOKIE = "encore_language", "encore_theme"
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORBIDDEN = 403


class SignedOutError(Exception):
    """Nobody has signed in, or the session has ended."""


@dataclass(frozen=True)
class Reader:
    """Who reads a page, signed in or not."""

    request: Request
    state: State
    words: Words
    theme: Theme
    csrf: str

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.words.language


@dataclass(frozen=True)
class Visitor(Reader):
    """Who has signed in.

    Attributes
    ----------
    roles
        What the visitor may do.
    """

    name: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Tell whether the visitor has a role, or one that includes it."""
        return role in self.roles

    def note(self, *customers: str) -> None:
        """Write into the audit log that the visitor sees customers, or changes something.

        Raises
        ------
        StoreError
            If it cannot be written; then nothing may be shown.
        """
        self.state.note(self.request, customers, self.state.reloader.deployment.labels if customers else ())


def sessions_of(state: State) -> Sessions:
    """Return the sessions of a deployment."""
    hours = state.settings[ConsoleSettings].session_hours
    return Sessions(state.settings[StoreSettings], timedelta(hours=hours))


def read(request: Request, accept_language: Annotated[str | None, Header()] = None) -> Reader:
    """Return who reads a page that needs nobody to have signed in."""
    return Reader(**_reading(request, accept_language))


def _reading(request: Request, accept_language: str | None) -> dict[str, Any]:
    wanted, theme = request.cookies.get(LANGUAGE_COOKIE), request.cookies.get(THEME_COOKIE)
    language = wanted if wanted in LANGUAGES else preferred(accept_language)
    session = request.session
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return {
        "request": request,
        "state": state_of(request),
        "words": request.app.state.words[language],
        "theme": theme if theme in get_args(Theme) else "auto",
        "csrf": session["csrf"],
    }


def visit(request: Request, accept_language: Annotated[str | None, Header()] = None) -> Visitor:
    """Return who visits a page.

    Raises
    ------
    SignedOutError
        If nobody has signed in.
    TooManyRequestsError
        If the visitor asks too often.
    """
    state, session = state_of(request), request.session
    if not sessions_of(state).holds(session.get("id", "")):
        raise SignedOutError
    key = _holder(state, session)
    request.state.key = key.id
    wait = state.rate.wait(key.id, key.per_minute or state.settings[ServingSettings].requests_per_minute)
    if wait:
        raise TooManyRequestsError(key, wait)
    visitor = Visitor(**_reading(request, accept_language), name=key.name, roles=granted(key.roles))
    request.state.visitor = visitor
    return visitor


def known(request: Request) -> Visitor | None:
    """Return who visits a page, if the request got as far as to find out."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return visitor


def _holder(state: State, session: dict[str, Any]) -> Key:
    """Return who a session belongs to: the key as it is now, or who an OpenID provider has named.

    Raises
    ------
    SignedOutError
        If the key has ended, or the provider is not asked any more.
    """
    if "subject" in session:
        openid = state.settings[ConsoleSettings].openid
        if openid is None:  # it was, when the session began
            raise SignedOutError
        roles: list[Role] = [openid.roles[group] for group in session["groups"] if group in openid.roles]
        return Key(session["subject"], session["name"], tuple(roles), "", "")
    key = state.keys.of_id(session.get("key", ""))
    if key is None:
        raise SignedOutError
    return key


async def from_here(request: Request) -> None:
    """Refuse a form that another site has sent: only pages of this session know its token."""
    if request.method not in _UNSAFE:
        return
    given = request.headers.get("x-csrf-token") or (await request.form()).get("csrf")
    if not secrets.compare_digest(str(given).encode(), request.session.get("csrf", "\0").encode()):
        raise HTTPException(_FORBIDDEN, "The form is of another session. Load the page again, and send it once more.")


@dataclass(frozen=True)
class Needs:
    """A dependency: a visitor who has a role, or one that includes it."""

    role: Role

    def __call__(self, visitor: Annotated[Visitor, Depends(visit)]) -> Visitor:
        """Return the visitor.

        Raises
        ------
        HTTPException
            If they lack the role.
        """
        if not visitor.may(self.role):
            has = f"the roles {', '.join(sorted(visitor.roles))}" if visitor.roles else "no role of the console"
            raise HTTPException(_FORBIDDEN, f"{visitor.name} has {has}; this takes {self.role!r}.")
        return visitor


AnyReader = Annotated[Reader, Depends(read)]
Viewer = Annotated[Visitor, Depends(Needs("viewer"))]
Marketer = Annotated[Visitor, Depends(Needs("marketer"))]
Analyst = Annotated[Visitor, Depends(Needs("analyst"))]
Admin = Annotated[Visitor, Depends(Needs("admin"))]
