"""Put the API together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import FastAPI

from features.config import Settings
from serving.api import customers, guests, health, models, problems, scores
from serving.experiment import Impressions
from serving.ready import Ready

_DESCRIPTION = """
Who is about to leave, why, and what to offer them.

Probabilities lie in [0, 1], moments are UTC, ages and windows are in days, amounts in the data's currency.
Every error is a problem document (RFC 9457).
"""


def utc_now() -> datetime:
    """Read the clock; the one place where serving does."""
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the API; it starts to load stores and models when it is started."""
    ready = Ready(settings, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ready.start()
        yield
        ready.stop()

    app = FastAPI(title="Encore", version=version("encore-crm"), description=_DESCRIPTION, lifespan=lifespan)
    app.state.ready = ready
    app.state.impressions = Impressions(settings.stores)
    problems.install(app)
    for router in (customers.router, guests.router, scores.router, models.router, health.router):
        app.include_router(router)
    return app
