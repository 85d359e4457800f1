"""The application: its routes, middleware and errors."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from core.settings import Settings, StoreSettings
from serving.api import (
    campaigns,
    customers,
    decisions,
    docs,
    events,
    guests,
    health,
    models,
    problems,
    scores,
    segments,
)
from serving.api.middleware import Envelope
from serving.api.state import make_state
from serving.settings import ServingSettings, default_settings

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
        state.reloader.start()
        state.erasures.start()
        yield
        state.erasures.stop()
        state.reloader.stop()

    app = FastAPI(
        title="Encore",
        version=version("encore-crm"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        # pages of FastAPI load their scripts from other servers
        docs_url=None,
        redoc_url=None,
    )
    app.state.encore = state
    problems.install(app)
    for module in (scores, segments, decisions, campaigns, customers, guests, events):
        app.include_router(module.router())
    for routes in (customers.erasures(), models.router, health.router, docs.router):
        app.include_router(routes)
    origins = settings[ServingSettings].cors_origins
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["Authorization"]
        )
    app.add_middleware(Envelope, max_body_bytes=settings[ServingSettings].max_body_kb * 1024)
    return app


def openapi_text() -> str:
    """Return the OpenAPI document of an API with default settings, as it is committed."""
    with TemporaryDirectory() as folder:
        app = create_app(default_settings(StoreSettings(data=Path(folder))))
        return json.dumps(app.openapi(), indent=2, ensure_ascii=False)
