"""One customer."""

from fastapi import APIRouter

router = APIRouter()
