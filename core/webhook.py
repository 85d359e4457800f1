"""Posting to an address: a few attempts, no redirections, and errors that hold no password."""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from core.errors import ConfigError
from core.settings import completed

_TIMEOUT = 5.0
#: Seconds before each further attempt.
_PAUSES = (0.5, 1.5)


class UndeliveredError(Exception):
    """A message did not arrive; the text says why, and holds no password."""


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A message that is sent on would be asked for, not posted."""

    def redirect_request(self, *_: object) -> None:
        """Follow no redirection."""


class Webhook:
    """Posts JSON to an address of http or https; it may have `${NAME}` for a secret."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(_NoRedirection)
        self.name = f"webhook {urlsplit(address).hostname}"

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Post a message, up to three times; an answer other than 2xx counts as not arrived.

        Raises
        ------
        UndeliveredError
            If it did not arrive, or nobody knows whether it did.
        """
        sent = {"Content-Type": "application/json", "User-Agent": "encore", **(headers or {})}
        try:
            address = completed(self._address)
            # the settings allow http and https alone
            request = urllib.request.Request(address, body, sent, method="POST")  # noqa: S310
        except ConfigError as error:
            raise UndeliveredError(error.problem.rstrip(".")) from error
        for pause in (*_PAUSES, None):
            problem, is_final = self._attempt(request)
            if problem is None:
                return
            if is_final or pause is None:
                raise UndeliveredError(problem)
            time.sleep(pause)

    def _attempt(self, request: urllib.request.Request) -> tuple[str | None, bool]:
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
