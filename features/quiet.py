"""Keep libraries that print from writing over our own progress bars; what they raise is still raised."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Silence prints, warnings and the named loggers below errors, for as long as the block runs."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield
