"""MLflow's server behind a user and a password: `mlflow server --app-name encore`."""

import base64
import hmac

from mlflow.server.fastapi_app import app as mlflow_app
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.settings import secret

USER = "encore"
#: Answers without a password, for the container's health.
_OPEN = "/health"


class PasswordGuard:
    """Asks for HTTP basic authentication before anything else of an application answers."""

    def __init__(self, app: ASGIApp, user: str, password: str) -> None:
        self._app = app
        self._expected = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what carries the password; refuse the rest with 401."""
        if scope["type"] == "lifespan" or scope.get("path") == _OPEN or self._is_signed_in(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = PlainTextResponse("Expected user and password.", 401, {"WWW-Authenticate": "Basic"})
            await refusal(scope, receive, send)

    def _is_signed_in(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "")
        return hmac.compare_digest(given.encode("latin-1"), self._expected)


def create_app() -> ASGIApp:
    """Return MLflow's server behind the password `MLFLOW_PASSWORD`, or the one in the file `MLFLOW_PASSWORD_FILE`.

    Raises
    ------
    ConfigError
        If there is no password.
    """
    return PasswordGuard(mlflow_app, USER, secret("MLFLOW_PASSWORD"))
