"""Customers."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.console.rendering import render
from serving.console.visitors import Viewer

router = APIRouter()


@router.get("/customers")
def customers(visitor: Viewer) -> Response:
    """Show the page."""
    return render(visitor, "customers")
