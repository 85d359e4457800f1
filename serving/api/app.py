"""Put the API together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from core.settings import Settings
from serving.api import customers, events, guests, health, models, problems, scores
from serving.api.middleware import Envelope
from serving.api.state import make_state
from serving.settings import ServingSettings

_DESCRIPTION = """
Who is about to leave, why, and what to offer them next.

Probabilities lie in [0, 1], moments are UTC, ages and windows are in days, amounts in the data's currency.
Every error is a problem document (RFC 9457); its `type` says for programs what went wrong.
"""


def utc_now() -> datetime:
    """Read the clock; the one place where serving does."""
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the API; it starts to load stores and models when it is started."""
    state = make_state(settings, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.ready.start()
        yield
        state.ready.stop()

    app = FastAPI(title="Encore", version=version("encore-crm"), description=_DESCRIPTION, lifespan=lifespan)
    app.state.encore = state
    problems.install(app)
    for module in (scores, customers, guests, events, models, health):
        app.include_router(module.router)
    origins = settings[ServingSettings].cors_origins
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["Authorization"]
        )
    app.add_middleware(Envelope, max_body_bytes=settings[ServingSettings].max_body_kb * 1024)
    return app
