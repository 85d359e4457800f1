"""Jobs over the data folder: one that changes it runs alone, those that only read it run together."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from core.errors import StoreError
from core.files import remove_unfinished
from core.locks import locked
from core.settings import StoreSettings


@contextmanager
def job(
    stores: StoreSettings, name: str, *, alone: bool, waiting: Callable[[str], None] | None = None
) -> Iterator[int]:
    """Run a block as a job; yield how many files it has removed that killed ones had left.

    Parameters
    ----------
    name
        How it is named to others that have to wait for it, such as "`encore ingest`".
    alone
        Whether it changes files that others read or write. Only such a job removes first what killed ones have left.
    waiting
        Called with the names of the jobs that this one has to wait for, before it waits; None does not wait.

    Raises
    ------
    StoreError
        If others run, and there is no time to wait.
    """
    lock = stores.data / "jobs.lock"
    with ExitStack() as held:
        if stores.shared is not None:
            # what a workspace shares must not change under it
            shared = stores.model_copy(update={"data": stores.shared, "shared": None})
            held.enter_context(job(shared, name, alone=False, waiting=waiting))
        try:
            held.enter_context(locked(lock, shared=not alone, wait=False))
        except BlockingIOError as error:
            if waiting is None:
                raise StoreError(f"The data folder is in use by {running(stores)}.", "Try again later.") from error
            waiting(running(stores))
            held.enter_context(locked(lock, shared=not alone))
        held.enter_context(_named(stores, name))
        online = Path(stores.online.removeprefix("sqlite://")).parent
        yield remove_unfinished(stores.data) + remove_unfinished(online, below=False) if alone else 0


def running(stores: StoreSettings) -> str:
    """Name the jobs that run, each with the time (UTC) at which it began."""
    names = filter(None, map(_running, sorted(_directory(stores).glob("*"))))
    return ", ".join(names) or "a job that has just begun"


def _directory(stores: StoreSettings) -> Path:
    return stores.data / "jobs"


@contextmanager
def _named(stores: StoreSettings, name: str) -> Iterator[None]:
    """Leave the name of a job where others find it; the lock says that the process lives."""
    file = _directory(stores) / uuid4().hex
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(name)
        held.flush()
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _running(file: Path) -> str:
    """Return what a file says of a job; nothing where its process has ended, and then the file is removed."""
    try:
        with file.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                began = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
                return f"{held.read()} (since {began:%H:%M} UTC)"
        file.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    return ""
