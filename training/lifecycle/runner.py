"""What training pipelines share: a version that is there already, and test snapshots it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import StateError
from training.lifecycle.tracking import Tracking, Version


@dataclass(frozen=True)
class Trained:
    """A registered version, and whether an equal one was there already.

    Attributes
    ----------
    left_out
        Features that the data have nothing of, where it was trained just now.
    """

    version: Version
    skipped: bool
    left_out: tuple[str, ...] = ()


def already_trained(tracking: Tracking, name: str, stamp: str) -> Trained | None:
    """Return the champion if it was made from what `stamp` stands for."""
    champion = tracking.find(name)
    return Trained(champion, skipped=True) if champion is not None and champion.fingerprint == stamp else None


def check_unseen(model: str, labels_end: datetime, tests: Sequence[datetime]) -> None:
    """Refuse to measure a model on what it was trained on.

    Raises
    ------
    StateError
        If a test snapshot lies before the end of the labels that the model learned from.
    """
    if min(tests) < labels_end:
        raise StateError(
            f"{model} was trained on labels up to {labels_end:%Y-%m-%d}; expected test snapshots from then on, "
            f"found {min(tests):%Y-%m-%d}.",
            "Choose later test snapshots, or train again.",
        )
