"""Who asks: the key of a request, its roles and its rate."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from serving.access.keys import Key, Role
from serving.api.state import State, state_of
from serving.settings import ServingSettings


class UnauthenticatedError(Exception):
    """No key that is in use."""


class ForbiddenError(Exception):
    """The key lacks a role."""

    def __init__(self, key: Key, role: Role) -> None:
        super().__init__(f"The key {key.name!r} has the roles {', '.join(key.roles)}; this takes {role!r}.")


class TooManyRequestsError(Exception):
    """The key has used up its rate."""

    def __init__(self, key: Key, wait: float) -> None:
        super().__init__(f"The key {key.name!r} has used up its rate; try again in {ceil(wait)} s.")
        self.seconds = ceil(wait)


@dataclass(frozen=True)
class Caller:
    """Who asks, and what requests share."""

    state: State
    key: Key


class _Bearer(HTTPBearer):
    """Finds out who asks. One dependency for all of it, as FastAPI takes its time for each."""

    # FastAPI asks for whatever this returns: not the credentials, but whose they are
    async def __call__(self, request: HTTPConnection) -> Caller:  # type: ignore[override]
        """Return who makes a request, which may be made now."""
        state = state_of(request)
        credentials = await super().__call__(request)
        key = state.keys.find(credentials.credentials) if credentials else None
        if key is None:
            raise UnauthenticatedError
        request.state.key = key.id
        wait = state.rate.wait(key.id, key.per_minute or state.settings[ServingSettings].requests_per_minute)
        if wait:
            raise TooManyRequestsError(key, wait)
        return Caller(state, key)


_BEARER = _Bearer(auto_error=False, scheme_name="key", description="A key of `encore keys create`")
CurrentCaller = Annotated[Caller, Security(_BEARER)]


def check(key: Key, roles: Iterable[Role]) -> None:
    """Refuse a key that lacks one of the roles.

    Raises
    ------
    ForbiddenError
        If it does.
    """
    for role in roles:
        if role not in key.roles:
            raise ForbiddenError(key, role)


def needs(role: Role, *others: Role) -> Callable[..., Any]:
    """Return a dependency: somebody whose key has this role, or one of the others."""

    async def checked(caller: CurrentCaller) -> Caller:
        if not {role, *others} & {*caller.key.roles}:
            raise ForbiddenError(caller.key, role)
        return caller

    return checked


Admin = Annotated[Caller, Depends(needs("admin"))]
Source = Annotated[Caller, Depends(needs("events"))]
Monitor = Annotated[Caller, Depends(needs("monitor", "admin"))]
Reader = Annotated[Caller, Depends(needs("score"))]
Marketer = Annotated[Caller, Depends(needs("explain"))]
