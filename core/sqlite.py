"""SQLite files that threads and processes share."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from core.errors import StoreError
from core.files import claim
from core.locks import locked

#: Seconds that a writer waits for another.
_PATIENCE = 10.0
#: What SQLite says of a file that is none of its own, or is damaged.
BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
#: This many bytes of a row are hardly in another one by chance.
DISTINCT = 8
#: Bytes that are looked through at once.
_PIECE = 1 << 20


class Database:
    """A SQLite file; each thread has a connection of its own.

    Parameters
    ----------
    schema
        Statements that make what is not there yet.
    name
        Its name in errors.
    remedy
        What can be done where it cannot be used.
    durable
        Whether a transaction is on disk when `writing` ends, so that it survives a power failure.
    upgrade
        Converts, once, the rows of a file that an earlier version wrote.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        name: str,
        remedy: str,
        *,
        durable: bool,
        upgrade: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self.path = path.resolve()
        self._schema = schema
        self._name, self._remedy = name, remedy
        self._upgrade = upgrade
        self._synchronous = "FULL" if durable else "NORMAL"
        self._local = threading.local()
        # SQLite lets one writer in; threads of one process wait here, not by trying again and again
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection.

        Raises
        ------
        StoreError
            If the file cannot be read.
        """
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise StoreError(f"{self._name} {self.path} cannot be read or written: {error}.", self._remedy) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield it in a transaction: all that the block writes is there afterwards, or nothing.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        with self._lock, self.reading() as con:
            con.execute("BEGIN IMMEDIATE")
            try:
                yield con
                con.execute("COMMIT")
            except BaseException:
                if con.in_transaction:
                    con.execute("ROLLBACK")
                raise

    def purge(self, trace: bytes) -> None:
        """Make sure that deleted rows are in the file no more; see `purge`."""
        with self.reading() as con:
            purge(con, self.path, trace, self._lock)

    def close(self) -> None:
        """Close this thread's connection."""
        con: sqlite3.Connection | None = getattr(self._local, "con", None)
        if con is not None:
            con.close()
            del self._local.con

    def _connection(self) -> sqlite3.Connection:
        con: sqlite3.Connection | None = getattr(self._local, "con", None)
        if con is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            con = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            for pragma in ("journal_mode = WAL", f"synchronous = {self._synchronous}", "secure_delete = ON"):
                con.execute(f"PRAGMA {pragma}")
            con.executescript(self._schema)
            if self._upgrade is not None:
                _once(con, self._upgrade)
            self._local.con = con
        return con


def _once(con: sqlite3.Connection, upgrade: Callable[[sqlite3.Connection], None]) -> None:
    """Convert a file unless it says that this was done; all of it or nothing."""
    if con.execute("PRAGMA user_version").fetchone()[0]:
        return
    con.execute("BEGIN IMMEDIATE")
    try:
        # another process may have done it meanwhile
        if not con.execute("PRAGMA user_version").fetchone()[0]:
            upgrade(con)
            con.execute("PRAGMA user_version = 1")
        con.execute("COMMIT")
    except BaseException:
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise


def purge(con: sqlite3.Connection, path: Path, trace: bytes, writing: AbstractContextManager[object]) -> None:
    """Make sure that deleted rows are in no part of a SQLite file any more.

    `PRAGMA secure_delete` overwrites the rows it deletes, but not the copies that stay behind when SQLite moves rows
    between pages, which is so in several of a hundred deletions. Where one is found, the whole file is written again.

    Parameters
    ----------
    trace
        Bytes of the deleted rows that no other row has. They are not looked for if they are fewer than `DISTINCT`, as
        those of a short id: other rows have them by chance.
    writing
        Keeps this process's other threads from writing; it is held as short as can be.
    """
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if len(trace) >= DISTINCT and _holds(path, trace):
        with writing:
            con.execute("VACUUM")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _holds(path: Path, trace: bytes) -> bool:
    """Look for bytes in a file, piece by piece, so that other threads get their turn."""
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if trace in before + piece:
                return True
            before = piece[-len(trace) :]
    return False


def move_broken(path: Path) -> None:
    """Move a broken SQLite file out of the way, unless another process has done so; the next job removes it."""
    with locked(path.with_name(f"{path.name}.lock")):
        if not _is_broken(path):
            return
        place, held = claim(path)
        for end in ("", "-wal", "-shm"):
            file = path.with_name(path.name + end)
            if file.exists():
                file.rename(place / file.name)
        os.close(held)


def _is_broken(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as con:
            return [row[0] for row in con.execute("PRAGMA quick_check(1)")] != ["ok"]
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode in BROKEN
