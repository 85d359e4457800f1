"""What a training pipeline returns."""

from dataclasses import dataclass

from training.tracking import Version


@dataclass(frozen=True)
class Trained:
    """A registered version, and whether an equal one was there already."""

    version: Version
    skipped: bool
