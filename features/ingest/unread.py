"""What ingestion does not read: files, members of archives and sheets, each listed with the reason."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.settings import StoreSettings
from features.ingest.formats import format_of, unread_members
from features.ingest.segments import Segment
from features.ingest.units import Unit, files_in


def find_unread(root: Path, units: Sequence[Unit], segments: Sequence[Segment], stores: StoreSettings) -> list[str]:
    """Return files below the root, members of archives and sheets that are not read, each with the reason."""
    files = [unit.file for unit in units if unit.file is not None]
    files += [file for unit in units for source in unit.sources.values() for file in source.files]
    read = {(file.path.resolve(), file.member) for file in files}
    unread = _never_read(segments)
    for path in _files(root, stores):
        if format_of(path.name) == "archive":
            unread += [f"{path.relative_to(root)}/{name} (no format that is known)" for name in unread_members(path)]
        elif format_of(path.name) is None:
            unread.append(f"{path.relative_to(root)} (no format that is known)")
            continue
        unread += [
            f"{file.name} (no input names it)"
            for file in files_in(path, root)
            if (file.path.resolve(), file.member) not in read
        ]
    return unread


def _never_read(segments: Sequence[Segment]) -> list[str]:
    """Return the parts of files that no segment of the file reads; an input may read sheets that another leaves."""
    files: dict[str | None, list[Segment]] = {}
    for segment in segments:
        files.setdefault(segment.path, []).append(segment)
    return [part for own in files.values() for part in own[0].unread if all(part in one.unread for one in own)]


def _files(root: Path, stores: StoreSettings) -> Iterator[Path]:
    """Yield the files below a folder, but for hidden ones and those of Encore itself."""
    own = {stores.data.resolve(), (Path.cwd() / "mlruns").resolve()}
    for path in sorted(root.iterdir()):
        if path.name.startswith((".", "~$")) or path.name == "encore.toml" or path.resolve() in own:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, stores)
        elif path.is_file():
            yield path
