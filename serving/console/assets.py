"""Scripts and styles of pages: Encore's own, and those that packages bring. None comes from another server."""

import hashlib
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

_OWN = Path(__file__).with_name("assets")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
#: Scripts that packages bring, by the name that pages use: the package, and the file within it.
_PACKAGED = {
    "htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
    "echarts.js": ("vizly", "assets/echarts.min.js"),
}

router = APIRouter(prefix="/assets")


def path_of(name: str) -> Path | None:
    """Return the file of an asset; None for a name that there is none of. No package is imported for it."""
    if name in _PACKAGED:
        package, inside = _PACKAGED[name]
        found = PathFinder.find_spec(package)
        origin = None if found is None else found.origin
        return None if origin is None else Path(origin).parent / inside
    names = {file.name for file in _OWN.iterdir()}
    return _OWN / name if name in names else None


@cache
def address_of(name: str) -> str:
    """Return the address of an asset below /console; it changes with the content, so that browsers may keep it."""
    return f"/console/assets/{name}?v={hashlib.sha256(_content(name)).hexdigest()[:12]}"


@cache
def _content(name: str) -> bytes:
    path = path_of(name)
    if path is None or not path.is_file():
        raise HTTPException(404)
    return path.read_bytes()


@router.get("/{name}")
def asset(name: str) -> Response:
    """Return a script or a style; everybody may have it."""
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_content(name), media_type=_TYPES.get(Path(name).suffix), headers=kept)
