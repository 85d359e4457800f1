"""A database through SQLAlchemy Core, with statements that are compiled once.

Executing a Core statement takes some ten times as long as SQLite takes to answer a small one. So statements are
written in Core, compiled for the dialect once, and run on the driver's own cursor: another database follows without
new queries.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from core.errors import StoreError
from core.sqlite import BROKEN, move_broken, purge

#: Seconds that a writer waits for another.
_PATIENCE = 10.0


class Statement:
    """A Core statement, compiled for a dialect.

    Parameters
    ----------
    statement
        Its parameters are `sqlalchemy.bindparam`s, by whose names values are given.
    """

    def __init__(self, statement: sa.Executable, dialect: sa.Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        #: values that are part of the statement itself
        self._own: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}

    def values(self, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the driver takes
        """Return values as the driver takes them: in their order, or by name."""
        values = {**self._own, **given}
        return values if self._order is None else tuple(values[name] for name in self._order)


class Database:
    """Connections to a database, one a thread. Safe for threads and processes.

    Every method raises `StoreError` where the database cannot be read or written; nothing is half written then.

    Parameters
    ----------
    address
        `sqlite:///path` or `postgresql+psycopg://…`.
    name
        What it is called in errors.
    remedy
        What can be done where it cannot be used.
    is_cache
        Whether all that is in it can be computed again: a SQLite file that is broken is moved aside then, for the next
        job to remove, and an empty one takes its place.
    """

    def __init__(self, address: str, metadata: sa.MetaData, name: str, remedy: str, *, is_cache: bool = False) -> None:
        self._name, self._remedy = name, remedy
        self._is_cache = is_cache
        self._metadata = metadata
        self.engine = sa.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        self._errors: tuple[type[Exception], ...] = (sa.exc.SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error)
        self._local = threading.local()
        # SQLite lets one writer in; threads of one process wait here, not by trying again and again
        self._lock = threading.Lock()

    def statement(self, statement: sa.Executable) -> Statement:
        """Compile a statement for this database."""
        return Statement(statement, self.engine.dialect)

    def upsert(self, table: sa.Table, columns: Sequence[str], newer: str | None = None) -> Statement:
        """Compile an insert that replaces columns of a row with the same primary key.

        Parameters
        ----------
        newer
            A column: a row is only replaced by one whose value of it is not smaller.
        """
        dialect = sqlite if self.is_sqlite else postgresql
        insert: Any = dialect.insert(table).values({name: sa.bindparam(name) for name in columns})
        keys = [column.name for column in table.primary_key]
        replaced = {name: insert.excluded[name] for name in columns if name not in keys}
        where = None if newer is None else insert.excluded[newer] >= table.c[newer]
        statement: Insert = insert.on_conflict_do_update(index_elements=keys, set_=replaced, where=where)
        return self.statement(statement)

    @contextmanager
    def reading(self) -> Iterator["Cursor"]:
        """Yield a cursor that reads."""
        try:
            yield Cursor(self._connection())
        except self._errors as error:
            raise self._failed(error) from error

    @contextmanager
    def writing(self) -> Iterator["Cursor"]:
        """Yield a cursor in a transaction: all that the block writes is there afterwards, or nothing."""
        with self._lock, self.reading() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                cursor.roll_back()
                raise

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """Yield SQLAlchemy's own connection, for statements that are not asked often."""
        try:
            yield self._connection()
        except self._errors as error:
            raise self._failed(error) from error

    def purge(self, trace: bytes) -> None:
        """Make sure that deleted rows are in no part of a SQLite file any more; see `core.sqlite.purge`."""
        file = self.engine.url.database
        if self.is_sqlite and file:
            with self.connection() as con:
                driver: Any = con.connection.driver_connection
                purge(driver, Path(file), trace, self._lock)

    def _connection(self) -> sa.Connection:
        con: sa.Connection | None = getattr(self._local, "con", None)
        if con is not None and self._inode() != self._local.inode:
            self._forget()  # another thread or process has moved the file aside
            con = None
        if con is None:
            if self.is_sqlite and self.engine.url.database:
                Path(self.engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            con = self.engine.connect()
            # several threads and processes may be the first
            for table in self._metadata.sorted_tables:
                con.execute(sa.schema.CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    con.execute(sa.schema.CreateIndex(index, if_not_exists=True))
            self._local.con, self._local.inode = con, self._inode()
        return con

    def _inode(self) -> int | None:
        """Return which file a cache is in now; None for what is no cache in a file, or is not there."""
        file = self.engine.url.database
        try:
            return Path(file).stat().st_ino if self._is_cache and self.is_sqlite and file else None
        except FileNotFoundError:
            return None

    def _failed(self, error: Exception) -> StoreError:
        """Forget the connection, and move a broken cache aside; the next use opens another one."""
        self._forget()
        file = self.engine.url.database
        if self._is_cache and self.is_sqlite and file and _says_broken(error):
            move_broken(Path(file))
        return StoreError(f"{self._name} cannot be read or written: {_short(error)}.", self._remedy)

    def _forget(self) -> None:
        """Drop this thread's connection, so that the next use opens another."""
        con: sa.Connection | None = getattr(self._local, "con", None)
        if con is not None:
            con.invalidate()
            con.close()
            del self._local.con


class Cursor:
    """The driver's cursor."""

    def __init__(self, con: sa.Connection) -> None:
        self._cursor: Any = con.connection.cursor()
        self._con = con

    def run(self, statement: Statement, **values: object) -> list[Any]:
        """Run a statement; return its rows."""
        self._cursor.execute(statement.sql, statement.values(values))
        return list(self._cursor.fetchall()) if self._cursor.description else []

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        if rows:
            self._cursor.executemany(statement.sql, [statement.values(row) for row in rows])

    def execute(self, sql: str) -> None:
        """Run a statement that has no values and answers nothing."""
        self._cursor.execute(sql)

    @property
    def count(self) -> int:
        """How many rows the last statement changed."""
        return int(self._cursor.rowcount)

    def roll_back(self) -> None:
        """Undo what was written since the transaction began."""
        driver: Any = self._con.connection.driver_connection
        if getattr(driver, "in_transaction", True):
            self._cursor.execute("ROLLBACK")


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    connection.execute(f"PRAGMA busy_timeout = {int(_PATIENCE * 1000)}")
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _cause(error: Exception) -> BaseException:
    """Return the driver's own error."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error


def _says_broken(error: Exception) -> bool:
    return getattr(_cause(error), "sqlite_errorcode", None) in BROKEN


def _short(error: Exception) -> str:
    """Return what the driver says first, without SQLAlchemy's advice."""
    return str(_cause(error)).strip().splitlines()[0].rstrip(".")
