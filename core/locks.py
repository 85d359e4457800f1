"""Locks on files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
