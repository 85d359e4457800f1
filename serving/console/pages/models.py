"""Models."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.console.rendering import render
from serving.console.visitors import Analyst

router = APIRouter()


@router.get("/models")
def models(visitor: Analyst) -> Response:
    """Show the page."""
    return render(visitor, "models")
