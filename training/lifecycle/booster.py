"""LightGBM models as text files, with a checksum: LightGBM ends the whole process on some that are broken."""

import hashlib
from pathlib import Path

import lightgbm as lgb

from core.errors import StateError
from core.files import write_file

_NAME = "booster.txt"


def save_booster(booster: lgb.Booster, directory: Path) -> str:
    """Write a model and return its checksum."""
    content: bytes = booster.model_to_string().encode()
    write_file(directory / _NAME, content)
    return hashlib.sha256(content).hexdigest()


def load_booster(directory: Path, checksum: str) -> lgb.Booster:
    """Read a model.

    Raises
    ------
    StateError
        If the file differs from the one that was written.
    """
    content = (directory / _NAME).read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != checksum:
        raise StateError(
            f"Expected a model file with the checksum {checksum[:12]}…, found {actual[:12]}….",
            "Restore the artifact from a backup, or train again.",
        )
    return lgb.Booster(model_str=content.decode())
