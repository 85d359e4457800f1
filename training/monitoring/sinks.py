"""Where alerts are sent to. Adding a sink is a class and a line in `sinks_of`."""

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from core.errors import ConfigError
from core.settings import completed
from training.monitoring.settings import AlertSettings

_TIMEOUT = 5.0
#: Seconds before each further attempt.
_PAUSES = (0.5, 1.5)


class UndeliveredError(Exception):
    """A message did not arrive; the text says why, and holds no password."""


class Sink(Protocol):
    """A place that messages are sent to.

    Attributes
    ----------
    name
        By which messages wait for it; holds no password.
    """

    name: str

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises
        ------
        UndeliveredError
            If it did not arrive.
        """
        ...


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A message that is sent on would be asked for, not posted."""

    def redirect_request(self, *_: object) -> None:
        """Follow no redirection."""


class Webhook:
    """Posts each message as JSON; the address may have `${NAME}` for a secret."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(_NoRedirection)
        self.name = f"webhook {urlsplit(address).hostname}"

    def send(self, message: dict[str, Any]) -> None:
        """Post a message, up to three times; an answer other than 2xx counts as not arrived."""
        body = json.dumps({"source": "encore", **message}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "encore"}
        try:
            address = completed(self._address)
            # the settings allow http and https alone
            request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310
        except ConfigError as error:
            raise UndeliveredError(error.problem.rstrip(".")) from error
        for pause in (*_PAUSES, None):
            problem, is_final = self._post(request)
            if problem is None:
                return
            if is_final or pause is None:
                raise UndeliveredError(problem)
            time.sleep(pause)

    def _post(self, request: urllib.request.Request) -> tuple[str | None, bool]:
        """Return why a message did not arrive, and whether it would not do so another time."""
        try:
            self._opener.open(request, timeout=_TIMEOUT).close()
        except urllib.error.HTTPError as error:
            error.close()
            return f"it answered {error.code}", error.code < 500
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            return f"it did not answer ({type(cause).__name__})", False
        return None, True


class Lines:
    """Appends each message to a file, as a line of JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path.name}"

    def send(self, message: dict[str, Any]) -> None:
        """Append a message."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"source": "encore", **message}, ensure_ascii=False) + "\n")
        except OSError as error:
            raise UndeliveredError(error.strerror or type(error).__name__) from error


def sinks_of(settings: AlertSettings) -> list[Sink]:
    """Return where alerts are sent to."""
    sinks: list[Sink] = []
    if settings.file is not None:
        sinks.append(Lines(settings.file))
    if settings.webhook is not None:
        sinks.append(Webhook(settings.webhook))
    return sinks
