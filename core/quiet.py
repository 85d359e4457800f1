"""Keep libraries that print from writing over our own progress bars; what they raise is still raised."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Silence prints and warnings for as long as the block runs, and the named loggers below errors from then on.

    Output belongs to the whole process, so that beside the main thread only the loggers are silenced.
    """
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield
