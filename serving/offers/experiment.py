"""Experiments: a share of customers gets another list, always the same ones, and each impression is written down."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from core.files import write_file
from core.locks import locked
from core.settings import StoreSettings
from serving.settings import ExperimentSettings

_WHOLE = 2**64


@dataclass(frozen=True, slots=True)
class Experiment:
    """Which list of an experiment the customer got."""

    name: Annotated[str, Field(examples=["spring"])]
    arm: Literal["champion", "challenger", "baseline"]


def arm_of(settings: ExperimentSettings, customer_id: str) -> Experiment | None:
    """Return a customer's part in the experiment; None where none runs.

    The arm depends on the experiment's name and the customer alone, so that it can be computed again from both.
    """
    if settings.name is None:
        return None
    digest = hashlib.sha256(f"{settings.name}\0{customer_id}".encode()).digest()
    chosen = int.from_bytes(digest[:8], "big") < settings.share * _WHOLE
    return Experiment(name=settings.name, arm=settings.other if chosen else "champion")


class Impressions:
    """Offers that were shown while an experiment ran, one line of JSON each answer, appended."""

    def __init__(self, stores: StoreSettings) -> None:
        self.path = stores.data / "impressions.jsonl"

    def write(
        self,
        customer_id: str,
        as_of: datetime,
        experiment: Experiment,
        model: str,
        products: Sequence[str],
    ) -> None:
        """Append one answer; nothing where nothing was offered."""
        if not products:
            return
        line = {
            "as_of": as_of.isoformat(),
            "customer_id": customer_id,
            "experiment": experiment.name,
            "arm": experiment.arm,
            "model": model,
            "products": list(products),
        }
        with self._held(), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return every answer that was written, in order; a line that a killed process has torn is left out."""
        if not self.path.exists():
            return []
        found = (_parsed(line) for line in self.path.read_bytes().splitlines())
        return [one for one in found if one is not None]

    def _held(self) -> AbstractContextManager[None]:
        """Wait until no other thread or process writes, as an erasure replaces the file."""
        return locked(self.path.with_suffix(".lock"))

    def erase(self, customer_id: str) -> int:
        """Remove a customer's lines; returns how many there were."""
        with self._held():
            if not self.path.exists():
                return 0
            lines = self.path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if not _names(line, customer_id)]
            if len(kept) < len(lines):
                write_file(self.path, b"".join(kept))
            return len(lines) - len(kept)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None where it cannot be read."""
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found


def _names(line: bytes, customer_id: str) -> bool:
    """Return whether a line is of a customer; one that cannot be read, which a killed process has left, may be."""
    found = _parsed(line)
    return found is None or bool(found["customer_id"] == customer_id)
