"""The audit log: who asked for which customer, when, and which model answered. Lines are appended, never changed."""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from core.errors import StoreError
from core.files import replacing_file, write_file
from core.locks import locked
from core.settings import StoreSettings

#: Replaces the id of a customer who was erased.
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
            with self._held():
                file = self._current()
                size = os.fstat(file).st_size
                if os.write(file, line) != len(line):
                    os.ftruncate(file, size)  # the next line begins where this one would have
                    raise OSError("only a part of the line fitted")
                if size + len(line) > self._max_bytes:
                    self._rotate()
        except OSError as error:
            raise StoreError(
                f"The audit log {self._path} cannot be written: {error}.",
                "Free space on the disk; nothing about customers is answered without it.",
            ) from error

    def erase(self, customer: str) -> int:
        """Put a mark in the place of a customer; the lines stay. Returns how many lines named them.

        Nobody writes to files that are full, and none becomes full meanwhile.
        """
        if not self.directory.is_dir():
            return 0
        with locked(self.directory / ".erasing"):
            changed = self._erase_current(customer)
            return changed + sum(_erase(file, customer) for file in sorted(self.directory.glob("audit-*.jsonl")))

    def _erase_current(self, customer: str) -> int:
        """Rewrite the current file beside it; who writes has to wait while the two are exchanged."""
        if not self._path.is_file():
            return 0
        with self._path.open("rb") as file:
            content, changed = _without_customer(file.read(), customer)
            if changed:
                with ExitStack() as held, replacing_file(self._path, 0o600) as new:
                    new.write_bytes(content)
                    held.enter_context(self._held())
                    with new.open("ab") as end:
                        end.write(file.read())  # what was appended meanwhile
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
        try:
            with locked(self.directory / ".erasing", wait=False):
                stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
                self._path.rename(self._path.with_name(f"audit-{stamp}.jsonl"))
                for old in sorted(self.directory.glob("audit-*.jsonl"))[: -self._keep]:
                    old.unlink()
        except BlockingIOError:  # the file is being rewritten; the next line tries again
            return

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keep others from writing, and from starting a new file."""
        with self._lock:  # of threads; those of one process share a file's lock
            if self._guard is None:
                self.directory.mkdir(parents=True, exist_ok=True)
                self._guard = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._guard, fcntl.LOCK_UN)


def _erase(file: Path, customer: str) -> int:
    content, changed = _without_customer(file.read_bytes(), customer)
    if changed:
        write_file(file, content)
    return changed


def _without_customer(content: bytes, customer: str) -> tuple[bytes, int]:
    """Return lines with a mark in the place of a customer, and how many named them."""
    named = orjson.dumps(customer)
    if named not in content:
        return content, 0
    lines = content.splitlines()
    rewritten = [_without(line, customer) if named in line else line for line in lines]
    changed = sum(new is not line for new, line in zip(rewritten, lines, strict=True))
    return b"".join(line + b"\n" for line in rewritten), changed


def _without(line: bytes, customer: str) -> bytes:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:  # somebody has written to the file; it cannot be known who is named there
        return orjson.dumps({"unreadable": ERASED})
    customers: Sequence[str] = entry.get("customers", [])
    if customer not in customers:
        return line
    return orjson.dumps({**entry, "customers": [ERASED if name == customer else name for name in customers]})
