"""Today: what a marketer opens in the morning."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.console.rendering import render
from serving.console.visitors import Viewer

router = APIRouter()


@router.get("/")
def today(visitor: Viewer) -> Response:
    """Show the first page."""
    return render(visitor, "today")
