"""The standard output, which programs read what a command printed from."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OUTPUT, _ERRORS = 1, 2
#: Two threads that exchange the same file would leave it exchanged.
_exchanging = threading.Lock()


@contextmanager
def native_output_as_errors() -> Iterator[None]:
    """Write to the standard error what the block, and the libraries below Python, write to the standard output.

    Some libraries print remarks there whatever they are asked. Other threads' output goes to the standard error as
    long as the block runs.
    """
    libc = ctypes.CDLL(None)
    with _exchanging:
        try:
            kept = os.dup(_OUTPUT)
        except OSError:  # there is no standard output
            yield
            return
        libc.fflush(None)
        try:
            os.dup2(_ERRORS, _OUTPUT)
            yield
        finally:
            # before that, what was printed waits in a buffer of C's own
            libc.fflush(None)
            os.dup2(kept, _OUTPUT)
            os.close(kept)
