"""The audit log: who asked for which customer, when, and which model answered. Lines are appended, never changed."""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson

from features.config import StoreSettings
from features.errors import StoreError
from features.state import write_file

#: What stands in the place of a customer who was erased.
ERASED = "erased"


class AuditLog:
    """Appends lines of JSON to one file that all workers share, and starts a new one when it is long.

    Parameters
    ----------
    max_bytes
        From which length on a new file is started.
    keep
        How many full files stay.
    """

    def __init__(self, stores: StoreSettings, max_bytes: int, keep: int) -> None:
        self.directory = (stores.data / "audit").resolve()
        self._path = self.directory / "audit.jsonl"
        self._max_bytes, self._keep = max_bytes, keep
        self._lock = threading.Lock()
        self._file: int | None = None
        self._guard: int | None = None

    def write(self, entry: dict[str, Any]) -> None:
        """Append a line; it is in the file when this returns.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        try:
            with self._held(fcntl.LOCK_SH):
                file = self._current()
                # one call: lines of several workers never mix
                if os.write(file, line) != len(line):
                    raise OSError("only a part of the line fitted")
                full = os.fstat(file).st_size > self._max_bytes
            if full:
                self._rotate()
        except OSError as error:
            raise StoreError(
                f"The audit log {self._path} cannot be written: {error}.",
                "Free space on the disk; nothing about customers is answered without it.",
            ) from error

    def erase(self, customer: str) -> int:
        """Put a mark in the place of a customer; the lines stay. Returns how many lines named them."""
        changed = 0
        if not self.directory.is_dir():
            return 0
        with self._held(fcntl.LOCK_EX):
            for file in sorted(self.directory.glob("audit*.jsonl")):
                lines = file.read_bytes().splitlines()
                named = orjson.dumps(customer)
                mended = [_without(line, customer) if named in line else line for line in lines]
                found = sum(new is not line for new, line in zip(mended, lines, strict=True))
                if found:
                    write_file(file, b"".join(line + b"\n" for line in mended))
                    changed += found
        return changed

    def _current(self) -> int:
        """Return the open file, again where another worker has started or rewritten it."""
        try:
            there = self._path.stat().st_ino
        except FileNotFoundError:
            there = None
        if self._file is None or there != os.fstat(self._file).st_ino:
            if self._file is not None:
                os.close(self._file)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self._file

    def _rotate(self) -> None:
        with self._held(fcntl.LOCK_EX):
            if self._path.stat().st_size <= self._max_bytes:
                return
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            self._path.rename(self._path.with_name(f"audit-{stamp}.jsonl"))
            for old in sorted(self.directory.glob("audit-*.jsonl"))[: -self._keep]:
                old.unlink()

    @contextmanager
    def _held(self, how: int) -> Iterator[None]:
        """Keep others from starting a new file while one writes, and from writing while one does."""
        with self._lock:  # of threads; those of one process share a file's lock
            if self._guard is None:
                self.directory.mkdir(parents=True, exist_ok=True)
                self._guard = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._guard, how)
            try:
                yield
            finally:
                fcntl.flock(self._guard, fcntl.LOCK_UN)


def _without(line: bytes, customer: str) -> bytes:
    entry = orjson.loads(line)
    asked: Sequence[str] = entry.get("customers", [])
    if customer not in asked:
        return line
    return orjson.dumps({**entry, "customers": [ERASED if name == customer else name for name in asked]})
