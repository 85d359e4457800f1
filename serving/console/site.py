"""The console as an application of its own, below /console of the API's process."""

from fastapi import Depends, FastAPI, Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse

from core.settings import StoreSettings
from serving.access.rate import RateLimit
from serving.api.problems import HANDLED
from serving.api.state import State
from serving.console import assets, sign_in
from serving.console.errors import Faults, error_page, signed_out
from serving.console.pages import PAGES
from serving.console.visitors import SignedOutError, from_here, sessions_of
from serving.console.words import make_words
from serving.settings import ConsoleSettings, TextSettings

#: Cookie of a session: signed, and not readable by scripts.
COOKIE = "encore_console"


def with_console(app: FastAPI) -> FastAPI:
    """Add the pages to an API, unless the settings turn them off.

    Raises
    ------
    EncoreError
        If what they need cannot be read.
    """
    state: State = app.state.encore
    settings = state.settings[ConsoleSettings]
    if not settings.enabled:
        return app
    # addresses that Starlette would redirect to name the host that a request names
    site = FastAPI(title="Encore", openapi_url=None, redirect_slashes=False, dependencies=[Depends(from_here)])
    site.state.encore = state
    site.state.attempts = RateLimit(state.settings[StoreSettings].data / "console" / "attempts.bin", burst_seconds=60)
    site.state.words = make_words(state.settings[TextSettings])
    for error in HANDLED:
        site.add_exception_handler(error, error_page)
    site.add_exception_handler(SignedOutError, signed_out)
    for router in (assets.router, sign_in.router, *PAGES):
        site.include_router(router)
    if settings.openid is not None:
        from serving.console import openid  # noqa: PLC0415 - its packages are of an extra

        site.state.openid = openid.Provider(settings.openid, https_only=settings.https_only)
        site.include_router(openid.router)
    sessions = sessions_of(state)
    site.add_middleware(Faults)
    # the session is outermost, as pages of errors have one too
    site.add_middleware(
        SessionMiddleware,
        secret_key=sessions.secret(),
        session_cookie=COOKIE,
        max_age=int(sessions.lasts.total_seconds()),
        path="/console",
        same_site="lax",  # with `strict`, who comes from an OpenID provider would not be signed in
        https_only=settings.https_only,
    )
    app.mount("/console", site)
    app.add_route("/console", _first_page, include_in_schema=False)
    return app


def _first_page(_: Request) -> RedirectResponse:
    return RedirectResponse("/console/", status_code=303)
