"""Locks on files, and the lock that keeps jobs over all customers and the erasure of one apart."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.errors import StoreError
from core.settings import StoreSettings


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


@contextmanager
def job(stores: StoreSettings) -> Iterator[None]:
    """Read and write files of all customers; waits until no erasure runs."""
    with locked(stores.data / "jobs.lock", shared=True):
        yield


@contextmanager
def undisturbed(stores: StoreSettings) -> Iterator[None]:
    """Let no job begin, so that none writes again what the block removes.

    Raises
    ------
    StoreError
        If one runs.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(stores.data / "jobs.lock", wait=False))
        except BlockingIOError as error:
            raise StoreError(
                "Ingestion, features, materialisation or scores of all customers are being computed.",
                "Ask again when they are done.",
            ) from error
        yield
