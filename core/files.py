"""Files and folders that are replaced as a whole: a reader sees the old or the new, never a part.

What is being written has a place of its own next to what it replaces: a folder whose name begins with `UNFINISHED`,
locked as long as its writer lives. `remove_unfinished` removes those that killed processes have left.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

#: How the name of a folder begins that holds what is not finished.
UNFINISHED = ".unfinished-"
#: What is replaced, where it could not be exchanged at once.
_PREVIOUS = ".previous"
#: From Linux' fcntl.h and fs.h: paths are relative to the working directory; both names are exchanged at once.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `directory` if the block succeeds.

    On an error the old folder stays as it was, and so it does where the process is killed, at whatever moment.
    """
    with claimed(directory) as place:
        new = place / directory.name
        new.mkdir()
        yield new
        _exchange(new, directory)


@contextmanager
def replacing_file(path: Path, mode: int | None = None) -> Iterator[Path]:
    """Yield the path of a file that takes the place of `path` if the block writes it and succeeds.

    Parameters
    ----------
    mode
        Its permissions; None is those of the file that it replaces.
    """
    with claimed(path) as place:
        new = place / path.name
        yield new
        if mode is None and path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
        if mode is not None:
            new.chmod(mode)
        new.replace(path)


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file as a whole; see `replacing_file`."""
    with replacing_file(path, mode) as new:
        new.write_bytes(content)


def written(*files: Path | None) -> tuple[str, ...]:
    """Return when each file was last written; another answer later means that one was written since."""
    return tuple("" if file is None or not file.is_file() else str(file.stat().st_mtime_ns) for file in files)


@contextmanager
def claimed(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` for what is not finished; it is removed at the end of the block."""
    place, held = claim(target)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(held)


def claim(target: Path) -> tuple[Path, int]:
    """Make an empty folder beside `target` for what is not finished, and lock it.

    Returns
    -------
    The folder, and the open file whose closing ends the lock; the end of the process does so too.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        place = Path(mkdtemp(prefix=f"{UNFINISHED}{target.name}-", dir=target.parent))
        try:
            held = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            continue  # removed by `remove_unfinished`, before it was locked
        fcntl.flock(held, fcntl.LOCK_EX)
        if place.exists():
            return place, held
        os.close(held)


def remove_unfinished(directory: Path, *, below: bool = True) -> int:
    """Remove what killed processes have left in a folder. Returns how many files there were.

    A folder that one of them had taken away and not yet replaced is put back first.

    Parameters
    ----------
    below
        Look into the folders below it too.
    """
    places = []
    # a walk that does not mind folders that others remove meanwhile
    for folder, names, _ in os.walk(directory):
        found = [name for name in names if name.startswith(UNFINISHED)]
        places += [Path(folder, name) for name in found]
        names[:] = [name for name in names if name not in found] if below else []
    return sum(map(_remove, sorted(places)))


def _remove(place: Path) -> int:
    """Remove a folder of something unfinished, unless its writer lives; returns how many files were in it."""
    try:
        held = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return 0  # its writer has finished
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _put_back(place)
        files = sum(len(names) for _, _, names in os.walk(place))
        shutil.rmtree(place, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        return 0
    else:
        return files
    finally:
        os.close(held)


def _exchange(new: Path, directory: Path) -> None:
    """Put a folder into the place of another one, or of none."""
    if not directory.exists():
        new.rename(directory)
        return
    if _exchanged_at_once(new, directory):
        return
    # where the system cannot exchange two names at once, `_put_back` completes what is interrupted between the two
    previous = new.with_name(_PREVIOUS)
    directory.rename(previous)
    try:
        new.rename(directory)
    except BaseException:
        previous.rename(directory)
        raise


def _exchanged_at_once(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def _put_back(place: Path) -> None:
    previous = place / _PREVIOUS
    unused = next((new for new in place.iterdir() if new != previous), None)
    if previous.exists() and unused is not None:
        previous.rename(place.parent / unused.name)
