"""What a result was made from: fingerprints, and the stamps that folders of results carry."""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.errors import StateError
from core.files import write_file

STAMP = "stamp.json"
#: The layout of the data folder, which every stamp carries. It grows when a version cannot read what the one before
#: wrote; `features.upgrade` converts then.
LAYOUT = 2


def fingerprint(*parts: object) -> str:
    """Hash values that decide a stage's outcome: settings sections, other fingerprints, plain values."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.model_dump_json() if isinstance(part, BaseModel) else json.dumps(part, sort_keys=True, default=str)
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


def code_fingerprint(*modules: str) -> str:
    """Hash the source of modules and whole packages, so that a changed definition makes its stage run again.

    Raises
    ------
    ModuleNotFoundError
        For a module that does not exist, which would count as unchanged for ever.
    """
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        folders = list(spec.submodule_search_locations or []) if spec else []
        files = [file for folder in folders for file in sorted(Path(folder).rglob("*.py"))]
        if spec and spec.origin and not folders:
            files = [Path(spec.origin)]
        if not files:
            raise ModuleNotFoundError(f"expected the module {module}, found none")
        for file in files:
            digest.update(f"{module} {file.name}".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def write_stamp(directory: Path, content: dict[str, Any]) -> None:
    """Record in `directory` what it was made from."""
    write_file(directory / STAMP, json.dumps({**content, "layout": LAYOUT}, indent=2, default=str).encode())


def read_stamp(directory: Path) -> dict[str, Any]:
    """Return what `directory` was made from, or an empty dict where there is no stamp.

    Raises
    ------
    StateError
        If another version of Encore wrote it, so that nothing is half understood.
    """
    content, layout = read_any_stamp(directory)
    if content and layout != LAYOUT:
        raise StateError(
            f"{directory} was written by {'a later' if layout > LAYOUT else 'an earlier'} version of Encore: expected "
            f"layout {LAYOUT}, found {layout}.",
            "Use that version, or another folder in stores.data."
            if layout > LAYOUT
            else "Stop the API and run any command on the data, such as `encore ingest`: it converts the folder.",
        )
    return content


def read_any_stamp(directory: Path) -> tuple[dict[str, Any], int]:
    """Return the stamp of a folder and its layout, whichever version wrote it; a stamp without a layout has 1."""
    try:
        content: dict[str, Any] = json.loads((directory / STAMP).read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}, LAYOUT
    return content, int(content.pop("layout", 1))
