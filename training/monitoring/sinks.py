"""Where alerts are sent to. Adding a sink is a class and a line in `sinks_of`."""

import json
from pathlib import Path
from typing import Any, Protocol

from core.webhook import UndeliveredError, Webhook
from training.monitoring.settings import AlertSettings


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


class Posts:
    """Posts each message as JSON; see `core.webhook`."""

    def __init__(self, address: str) -> None:
        self._webhook = Webhook(address)
        self.name = self._webhook.name

    def send(self, message: dict[str, Any]) -> None:
        """Post a message."""
        self._webhook.post(json.dumps({"source": "encore", **message}).encode())


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
        sinks.append(Posts(settings.webhook))
    return sinks
