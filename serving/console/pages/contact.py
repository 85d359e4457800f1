"""Who to contact."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.console.rendering import render
from serving.console.visitors import Viewer

router = APIRouter()


@router.get("/contact")
def contact(visitor: Viewer) -> Response:
    """Show the page."""
    return render(visitor, "contact")
