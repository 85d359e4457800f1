"""State on disk: written aside and renamed, and stamped with what it was made from."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pydantic import BaseModel

STAMP = "stamp.json"


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `directory` if the block succeeds.

    On an error the new folder is removed and the old one stays as it was. What a killed process left is
    removed by the next one.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(directory)
    aside = Path(mkdtemp(prefix=f".{directory.name}-{os.getpid()}-", dir=directory.parent))
    try:
        yield aside
        aside.chmod(0o755)
        _exchange(aside, directory)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


@contextmanager
def locked(file: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Wait until no other process or thread holds a lock on a file; one that dies in the block leaves it.

    Parameters
    ----------
    shared
        Hold it together with others who do so.

    Raises
    ------
    BlockingIOError
        If another one holds it, and there is no time to wait.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as held:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(held, how if wait else how | fcntl.LOCK_NB)
        yield


def _exchange(new: Path, directory: Path) -> None:
    old = new.with_name(new.name + "-old")
    if directory.exists():
        directory.rename(old)
    try:
        new.rename(directory)
    except BaseException:
        if old.exists():
            old.rename(directory)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_abandoned(directory: Path) -> None:
    for folder in directory.parent.glob(f".{directory.name}-*-*"):
        process = folder.name.removeprefix(f".{directory.name}-").split("-")[0]
        try:
            os.kill(int(process), 0)  # signal 0 only asks whether it runs
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (PermissionError, ValueError):
            continue


def write_file(path: Path, content: bytes) -> None:
    """Write a file aside and rename it into place, so that a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def fingerprint(*parts: object) -> str:
    """Hash values that decide a stage's outcome: settings sections, other fingerprints, plain values."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.model_dump_json() if isinstance(part, BaseModel) else json.dumps(part, sort_keys=True, default=str)
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


def code_fingerprint(*modules: str) -> str:
    """Hash the source of modules and whole packages, so that a changed definition makes its stage run again."""
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        folders = list(spec.submodule_search_locations or []) if spec else []
        files = [file for folder in folders for file in sorted(Path(folder).rglob("*.py"))]
        if spec and spec.origin and not folders:
            files = [Path(spec.origin)]
        for file in files:
            digest.update(f"{module} {file.name}".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def write_stamp(directory: Path, content: dict[str, Any]) -> None:
    """Record in `directory` what it was made from."""
    write_file(directory / STAMP, json.dumps(content, indent=2, default=str).encode())


def read_stamp(directory: Path) -> dict[str, Any]:
    """Return what `directory` was made from, or an empty dict where there is no stamp."""
    try:
        content: dict[str, Any] = json.loads((directory / STAMP).read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}
    return content
