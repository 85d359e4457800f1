"""The documentation of the API as a page, /docs: Swagger UI from a package, so that it works without a network."""

from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_PACKAGED = {"swagger-ui-bundle.js", "swagger-ui.css"}
_START = """\
"use strict";
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, persistAuthorization: false });
});
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Encore: the API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <script src="/docs/swagger-ui-bundle.js" defer></script>
  <script src="/docs/start.js" defer></script>
</head>
<body><main id="api"></main></body>
</html>
"""


@router.get("/docs")
def page() -> HTMLResponse:
    """Show every route, and try it."""
    return HTMLResponse(_PAGE)


@router.get("/docs/{name}")
def asset(name: str) -> Response:
    """Return a script or a style of the page."""
    return Response(_content(name), media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": "max-age=86400"})


@cache
def _content(name: str) -> bytes:
    if name == "start.js":
        return _START.encode()
    # the package patches FastAPI when it is imported; only its files are read
    found = PathFinder.find_spec("fastapi_offline") if name in _PACKAGED else None
    if found is None or found.origin is None:
        raise HTTPException(404)
    return (Path(found.origin).parent / "static" / name).read_bytes()
