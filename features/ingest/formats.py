"""Formats of exports, known by the ending of a file's name in any case, and the members of archives."""

import zipfile
from pathlib import Path
from typing import Literal

from core.errors import DataError

Format = Literal["text", "parquet", "workbook", "json", "archive"]

#: Endings by format. Any of them may be followed by .gz where the file is a text.
ENDINGS: dict[Format, tuple[str, ...]] = {
    "text": (".csv", ".tsv", ".tab", ".txt", ".gz"),
    "parquet": (".parquet", ".pq"),
    "workbook": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "json": (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz"),
    "archive": (".zip",),
}


def every_ending() -> str:
    """Return the endings that can be read, for messages."""
    return ", ".join(ending for endings in ENDINGS.values() for ending in endings if ending.count(".") == 1)


def format_of(name: str) -> Format | None:
    """Return the format of a file by its name; None where it is not known."""
    lower = name.lower()
    # .json.gz ends in .gz too
    longest = sorted(
        ((ending, kind) for kind, endings in ENDINGS.items() for ending in endings), key=lambda pair: -len(pair[0])
    )
    return next((kind for ending, kind in longest if lower.endswith(ending)), None)


def members_of(archive: Path) -> list[str]:
    """Return the files in an archive that can be read, by name; folders, hidden files and archives are left out.

    Raises
    ------
    DataError
        If it is no archive.
    """
    return [name for name in _names(archive) if format_of(name) not in {None, "archive"} and not _hidden(name)]


def unread_members(archive: Path) -> list[str]:
    """Return the files in an archive that cannot be read."""
    return [name for name in _names(archive) if format_of(name) in {None, "archive"} and not _hidden(name)]


def extract(archive: Path, member: str, folder: Path) -> Path:
    """Copy a member of an archive to a folder.

    Raises
    ------
    DataError
        If the archive is damaged, or a password protects it.
    """
    target = folder / Path(member).name
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as source, target.open("wb") as copy:
            while chunk := source.read(1 << 20):
                copy.write(chunk)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"{archive.name}: {member} cannot be read: {error}.", "Unpack it, and map the files."
        ) from error
    return target


def _names(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return sorted(info.filename for info in opened.infolist() if not info.is_dir())
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive.name} is no zip archive: {error}.", "Export it again.") from error


def _hidden(name: str) -> bool:
    return Path(name).name.startswith(".") or name.startswith("__MACOSX/")
