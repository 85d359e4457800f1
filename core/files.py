"""Files and folders that are replaced as a whole: a reader sees the old or the new, never a part."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


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
