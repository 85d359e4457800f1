"""Whether the process is alive, whether it can answer, and how it does."""

import asyncio
import json
from contextlib import suppress
from datetime import datetime
from math import nan
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from core.errors import StoreError
from core.settings import StoreSettings
from serving.api.answering import NEWEST_EVENT
from serving.api.dependencies import CurrentState
from serving.api.problems import documented
from serving.api.security import Monitor
from serving.api.state import State
from serving.scoring import metrics

router = APIRouter(tags=["health"])
#: Seconds that a store has to answer.
_PATIENCE = 2.0


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class ReadyAnswer(BaseModel):
    """Stores and models are loaded."""

    status: Literal["ready"] = "ready"
    models: list[str] = Field(examples=[["encore-churn/1", "encore-next-product/1"]])
    warnings: list[str] = Field(description="What keeps answers from being complete or current", examples=[[]])
    newest_event_timestamp: datetime | None = NEWEST_EVENT
    data_age_days: int | None = Field(
        description="Whole days from the newest event to the moment that answers are for: above 7, exports are missing",
        examples=[0],
    )


# load balancers ask with HEAD too; servers send its answers without a body
@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", operation_id="getLive")
async def live() -> Live:
    """Tell that the process runs."""
    return Live()


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", operation_id="getReady", responses=documented(503))
async def ready(state: CurrentState) -> ReadyAnswer:
    """Tell that requests can be answered; otherwise what is missing."""
    deployment = state.reloader.deployment
    try:
        await asyncio.wait_for(run_in_threadpool(deployment.check), _PATIENCE)
    except TimeoutError as error:
        raise StoreError(
            f"The online store did not answer within {_PATIENCE:.0f} s.", "Check stores.online, and that it runs."
        ) from error
    online = deployment.ground.online
    age = online.data_age(state.reloader.as_of(deployment))
    return ReadyAnswer(
        models=list(deployment.labels),
        warnings=state.reloader.warnings,
        newest_event_timestamp=online.last_event,
        data_age_days=None if age is None else age.days,
    )


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(401, 403, 429, 503)},
)
async def prometheus(caller: Monitor) -> Response:
    """Return Prometheus metrics of all workers. Takes the role `monitor` or `admin`."""
    return Response(
        await run_in_threadpool(_measured, caller.state), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _measured(state: State) -> bytes:
    online = state.reloader.online
    # ages are those at the moment of answers, which does not advance with the clock where the data end earlier
    now = state.reloader.as_of(state.reloader.deployment) if online else state.clock()
    try:
        pending, first = state.reloader.intake.log.backlog()
        metrics.PENDING.set(pending)
        metrics.EVENT_LAG.set(metrics.age(now, first))
    except StoreError:  # the other metrics are worth having, and say what is wrong
        metrics.PENDING.set(nan)
        metrics.EVENT_LAG.set(nan)
    metrics.OUTDATED.set(state.reloader.is_outdated)
    metrics.FEATURE_AGE.set(metrics.age(now, online.as_of if online else None))
    metrics.DATA_AGE.set(metrics.age(now, online.last_event if online else None))
    # of another version, or not there: the other metrics are worth having
    with suppress(OSError, ValueError, KeyError):
        metrics.show_monitored(json.loads((state.settings[StoreSettings].data / "monitor.json").read_text()))
    return metrics.exposition()
