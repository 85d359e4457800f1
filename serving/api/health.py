"""Whether the process is alive, and whether it can answer."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.api.dependencies import CurrentScorer
from serving.api.problems import documented

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class ReadyAnswer(BaseModel):
    """Stores and models are loaded."""

    status: Literal["ready"] = "ready"
    models: list[str] = Field(examples=[["encore-churn/1", "encore-next-product/1"]])


@router.get("/live", operation_id="getLive")
async def live() -> Live:
    """Tell that the process runs."""
    return Live()


@router.get("/ready", operation_id="getReady", responses=documented(503))
def ready(scorer: CurrentScorer) -> ReadyAnswer:
    """Tell that requests can be answered; otherwise what is missing."""
    scorer.check()
    return ReadyAnswer(models=[version.label for version in scorer.models.versions])
