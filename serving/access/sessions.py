"""Sessions of the console, and links that sign in once: small files below the data, which all workers share."""

import hashlib
import json
import secrets
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from core.files import write_file
from core.locks import locked
from core.settings import StoreSettings

#: How long a link may be valid.
LONGEST_LINK = timedelta(days=7)


class Sessions:
    """Which sessions have begun and have not ended, and which links were not used yet.

    A cookie holds who has signed in, and is signed; the file here makes it end for good when somebody signs out.

    Parameters
    ----------
    lasts
        After which a session ends by itself.
    """

    def __init__(self, stores: StoreSettings, lasts: timedelta) -> None:
        self._directory = (stores.data / "console").resolve()
        self.lasts = lasts

    def secret(self) -> str:
        """Return what cookies are signed with, made at the first use."""
        path = self._directory / "secret"
        with locked(self._directory / ".lock"):
            if not path.exists():
                write_file(path, secrets.token_urlsafe(48).encode(), 0o600)
        return path.read_text()

    def begin(self) -> str:
        """Begin a session and return its id; files of sessions and links that ended by themselves are removed."""
        self._tidy()
        session = secrets.token_urlsafe(24)
        write_file(self._file("session", session), b"", 0o600)
        return session

    def holds(self, session: str) -> bool:
        """Tell whether a session has begun and has not ended."""
        try:
            begun = self._file("session", session).stat().st_mtime
        except FileNotFoundError:
            return False
        return time.time() - begun < self.lasts.total_seconds()

    def end(self, session: str) -> None:
        """End a session, wherever its cookie may be."""
        self._file("session", session).unlink(missing_ok=True)

    def link(self, key: str, now: datetime, valid: timedelta) -> str:
        """Return a token that signs in once, as the holder of a key, by its id."""
        token = secrets.token_urlsafe(32)
        content = json.dumps({"key": key, "until": (now + valid).isoformat()})
        write_file(self._file("link", token), content.encode(), 0o600)
        return token

    def take(self, token: str, now: datetime) -> str | None:
        """Use a token up; return the id of its key, or None for one that is unknown, used or too old."""
        file = self._file("link", token)
        taken = file.with_suffix(f".{secrets.token_hex(8)}")
        try:
            file.rename(taken)  # of several who try at once one succeeds
        except FileNotFoundError:
            return None
        try:
            link = json.loads(taken.read_text())
        finally:
            taken.unlink()
        return str(link["key"]) if now < datetime.fromisoformat(link["until"]) else None

    def _file(self, kind: str, token: str) -> Path:
        # who reads the folder can use neither sessions nor links
        return self._directory / f"{kind}-{hashlib.sha256(token.encode()).hexdigest()}"

    def _tidy(self) -> None:
        now = time.time()
        for kind, lasts in (("session", self.lasts), ("link", LONGEST_LINK)):
            for file in self._directory.glob(f"{kind}-*"):
                with suppress(FileNotFoundError):  # another worker tidies too
                    if now - file.stat().st_mtime > lasts.total_seconds():
                        file.unlink()


def link_path(sessions: Sessions, key: str, now: datetime, valid: timedelta) -> str:
    """Return the path of a page that signs in once, as the holder of a key, by its id."""
    return f"/console/sign-in?once={sessions.link(key, now, valid)}"
