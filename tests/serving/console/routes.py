"""The routes of the console as the application has them, so that no test forgets one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from serving.access.keys import Role
from serving.console.visitors import Needs

#: Methods that change nothing.
_READING = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Route:
    """One method of one address.

    Attributes
    ----------
    path
        Below /console, with the names of its parameters.
    role
        Who may use it; None is everybody, signed in or not.
    """

    method: str
    path: str
    role: Role | None

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in _READING

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, **values: str) -> str:
        """Return an address of the route; a parameter without a value gets its own name."""
        filled = self.path.replace(":path", "")
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", value)
        return "/console" + filled.replace("{", "").replace("}", "")


def routes_of(app: FastAPI) -> list[Route]:
    """Return every route of the console of an application."""
    (mount,) = (route for route in app.routes if isinstance(route, Mount) and route.path == "/console")
    found = []
    for one in iter_route_contexts(mount.routes):
        roles = set(_roles(one.dependant))
        assert len(roles) <= 1, (one.path, roles)
        found += [Route(method, str(one.path), next(iter(roles), None)) for method in sorted(one.methods or ())]
    return found


def _roles(dependant: Any) -> Iterator[Role]:
    if isinstance(dependant.call, Needs):
        yield dependant.call.role
    for other in dependant.dependencies:
        yield from _roles(other)
