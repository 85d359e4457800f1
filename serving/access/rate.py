"""How often a key may ask: a rate that all workers of a machine share."""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: A hash of the key chooses one of these places, of eight bytes each.
_PLACES = 4096
_WIDTH = 8


class RateLimit:
    """The generic cell rate algorithm: requests at an even rate, and as many at once as a burst allows.

    A file in memory holds for each key the moment at which it has used up nothing, which a request moves on.
    Moments are of the clock that only goes forward, so that a clock that is set changes nothing.

    Source: ITU-T I.371, annex A (virtual scheduling).
    """

    def __init__(self, path: Path, burst_seconds: float = 10.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        # a file with holes would end the process where a page of it does not fit on the disk any more
        os.posix_fallocate(self._file.fileno(), 0, _PLACES * _WIDTH)
        self._memory = mmap.mmap(self._file.fileno(), _PLACES * _WIDTH)
        self._burst = burst_seconds
        self._lock = threading.Lock()

    def wait(self, key: str, per_minute: int, cost: int = 1) -> float:
        """Count a request; return 0, or the seconds until there is room for it again, and count nothing."""
        place = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % _PLACES * _WIDTH
        step = 60.0 / per_minute * cost
        now = time.monotonic()
        with self._held(place):
            free = float(struct.unpack_from("d", self._memory, place)[0])
            if not now - self._burst <= free <= now + self._burst + 60.0:
                free = now  # unused for long, or from before the machine was started
            late = max(free, now) + step - now - max(self._burst, step)
            if late > 0:
                return late
            struct.pack_into("d", self._memory, place, max(free, now) + step)
            return 0.0

    @contextmanager
    def _held(self, place: int) -> Iterator[None]:
        # a file's lock is a process's: threads of one take turns by themselves
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _WIDTH, place)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _WIDTH, place)
