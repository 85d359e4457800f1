"""How the last night went: what `encore refresh` leaves for those who read it in the morning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from core.files import write_file
from core.settings import StoreSettings


@dataclass(frozen=True)
class Outcome:
    """What became of a step.

    Attributes
    ----------
    text
        Why it was done or skipped, or what went wrong, in sentences.
    exit_code
        That of the command, if this were the only step; 0 is done.
    """

    outcome: Literal["done", "skipped", "refused", "failed"]
    text: str
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True)
class Result(Outcome):
    """A step, and what became of it."""

    step: str


@dataclass(frozen=True)
class Night:
    """A run of `encore refresh`."""

    started: datetime
    exit_code: int
    steps: Sequence[Result]


_JSON = TypeAdapter(Night)


def notes(stores: StoreSettings) -> Path:
    """Return the folder of what a night notes for the next one."""
    return stores.data / "refresh"


def write_night(stores: StoreSettings, night: Night) -> str:
    """Keep how a night went; returns it as JSON."""
    text = _JSON.dump_json(night, indent=2)
    write_file(notes(stores) / "summary.json", text)
    return text.decode()


def read_night(stores: StoreSettings) -> Night | None:
    """Return how the last night went; None where there was none, or another version of Encore wrote it."""
    try:
        return _JSON.validate_json((notes(stores) / "summary.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
