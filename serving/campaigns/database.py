"""The database of campaigns: its tables, and transactions that follow one another."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from core.database import Cursor, Database, Statement
from core.settings import StoreSettings
from serving.campaigns import tables

_REMEDY = "Check the disk; restore campaigns.db from a backup if it is broken."


class CampaignDatabase:
    """Opens `campaigns.db`. Safe for threads and processes.

    Parameters
    ----------
    address
        SQLAlchemy address; None is a SQLite file below the data.
    """

    def __init__(self, stores: StoreSettings, address: str | None = None) -> None:
        metadata = sa.MetaData()
        self.campaigns, self.assignments = tables.campaigns(metadata), tables.assignments(metadata)
        self.exports, self.contacts = tables.exports(metadata), tables.contacts(metadata)
        self.batches, self.looks = tables.batches(metadata), tables.looks(metadata)
        self.reports = tables.reports(metadata)
        self._erased, turn = tables.erasures(metadata), tables.turn(metadata)
        address = address or f"sqlite:///{(stores.data / 'campaigns.db').resolve()}"
        self.database = Database(address, metadata, "The store of campaigns", _REMEDY)
        self._take_turn = self.upsert(turn)

    def upsert(self, table: sa.Table) -> Statement:
        """Compile an insert of a whole row that replaces the one with its key."""
        return self.database.upsert(table, [column.name for column in table.columns])

    def insert(self, table: sa.Table) -> Statement:
        """Compile an insert of a whole row."""
        columns: dict[str, Any] = {column.name: sa.bindparam(column.name) for column in table.columns}
        return self.database.statement(sa.insert(table).values(columns))

    def run(self, cursor: Cursor, statement: sa.Executable, **values: object) -> list[Any]:
        """Compile and run a statement that is not asked often."""
        return cursor.run(self.database.statement(statement), **values)

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """Yield a cursor in a transaction that no other one runs beside."""
        with self.database.writing() as cursor:
            # SQLite lets one writer in. A server lets several in until they write the same row: that is done first
            cursor.run(self._take_turn, one=1, taken=1)
            yield cursor

    def erasures(self, cursor: Cursor) -> int:
        """Return how many customers were erased."""
        return int(self.run(cursor, sa.select(sa.func.count()).select_from(self._erased))[0][0])

    def note_erasure(self, cursor: Cursor) -> None:
        """Count one more."""
        cursor.run(self.insert(self._erased), number=self.erasures(cursor) + 1)
