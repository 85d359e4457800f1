"""Jobs over all customers, and the erasure of one, keep out of each other's way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from core.errors import StoreError
from core.settings import StoreSettings
from core.state import locked


@contextmanager
def job(stores: StoreSettings) -> Iterator[None]:
    """Read and write files of all customers; waits until nobody is being erased."""
    with locked(stores.data / "jobs.lock", shared=True):
        yield


@contextmanager
def undisturbed(stores: StoreSettings) -> Iterator[None]:
    """Let no job begin, so that none brings back what the block removes.

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
