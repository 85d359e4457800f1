"""Data."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.console.rendering import render
from serving.console.visitors import Analyst

router = APIRouter()


@router.get("/data")
def data(visitor: Analyst) -> Response:
    """Show the page."""
    return render(visitor, "data")
