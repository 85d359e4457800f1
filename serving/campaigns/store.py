"""Where campaigns are kept: definitions, plans and assignments.

Assignments and contacts are personal data: `serving.privacy.stores` erases customers here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.database import Cursor
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.kept import (
    COLUMNS,
    CampaignStateError,
    Kept,
    UnknownCampaignError,
    kept_of,
    row_of,
    started_before,
)
from serving.decisions.policy import Policy


class CampaignStore:
    """Keeps campaigns. Safe for threads and processes; every method raises `StoreError` where it cannot be used."""

    def __init__(self, database: CampaignDatabase) -> None:
        self._db = database
        self._save = database.upsert(database.campaigns)

    # -- plans

    def save(self, kept: Kept) -> None:
        """Save a plan, in the place of one of this name that has not started.

        Raises
        ------
        CampaignStateError
            If it has.
        """
        with self._db.writing() as cursor:
            before = self._find(cursor, kept.campaign.name)
            if before is not None and before.started is not None:
                raise started_before(before)
            cursor.run(self._save, **row_of(kept))

    def all(self) -> list[Kept]:
        """Return all campaigns, by name."""
        query = sa.select(self._db.campaigns).order_by(self._db.campaigns.c.name)
        with self._db.database.connection() as con:
            return [kept_of(row) for row in con.execute(query).all()]

    def one(self, name: str) -> Kept:
        """Return a campaign.

        Raises
        ------
        UnknownCampaignError
            If there is none of this name.
        """
        with self._db.database.reading() as cursor:
            return self.read(cursor, name)

    def read(self, cursor: Cursor, name: str) -> Kept:
        """Return a campaign as a transaction sees it; raises as `one` does."""
        found = self._find(cursor, name)
        if found is None:
            raise UnknownCampaignError(f"campaign {name!r}")
        return found

    def _find(self, cursor: Cursor, name: str) -> Kept | None:
        rows = self._db.run(
            cursor, sa.select(self._db.campaigns).where(self._db.campaigns.c.name == sa.bindparam("n")), n=name
        )
        return kept_of(rows[0]) if rows else None

    # -- start and stop

    def version(self) -> tuple[int, int]:
        """Return how many customers were erased and how many campaigns were started, to be asked before a start."""
        with self._db.database.reading() as cursor:
            return self._version(cursor)

    def _version(self, cursor: Cursor) -> tuple[int, int]:
        started = sa.select(sa.func.count()).where(self._db.campaigns.c.started.is_not(None))
        return self._db.erasures(cursor), int(self._db.run(cursor, started)[0][0])

    def start(self, kept: Kept, rows: pd.DataFrame, version: tuple[int, int]) -> bool:
        """Freeze the assignments of a campaign: all at once, and once.

        Parameters
        ----------
        kept
            As it is from now on, with the moment of the start.
        rows
            One row per customer, with `COLUMNS`.
        version
            Read before the customers were; nothing is kept if customers were erased or campaigns started since.

        Returns
        -------
        Whether it was kept.

        Raises
        ------
        CampaignStateError
            If it was started before, or planned in another way meanwhile.
        """
        name = kept.campaign.name
        with self._db.writing() as cursor:
            before = self.read(cursor, name)
            if before.started is not None:
                raise started_before(before)
            if before.campaign != kept.campaign:
                raise CampaignStateError(f"The campaign {name!r} was planned in another way meanwhile.", "Try again.")
            if self._version(cursor) != version:
                return False
            frozen = rows.astype(object).mask(rows.isna(), None).assign(campaign=name)
            records: list[Any] = frozen.to_dict("records")
            cursor.run_many(self._db.insert(self._db.assignments), records)
            cursor.run(self._save, **row_of(kept))
        return True

    def stop(self, name: str, now: datetime) -> Kept:
        """Stop a campaign; once more changes nothing. Its assignments stay for the report."""
        stop = (
            sa.update(self._db.campaigns)
            .values(stopped=sa.bindparam("now"))
            .where(self._db.campaigns.c.stopped.is_(None))
        )
        with self._db.writing() as cursor:
            self.read(cursor, name)
            self._db.run(
                cursor, stop.where(self._db.campaigns.c.name == sa.bindparam("n")), now=now.timestamp(), n=name
            )
            return self.read(cursor, name)

    def unwritten(self) -> list[str]:
        """Return campaigns whose assignments are frozen and perhaps not written to their file yet."""
        table = self._db.campaigns
        query = sa.select(table.c.name).where(table.c.started.is_not(None), table.c.written == 0).order_by(table.c.name)
        with self._db.database.connection() as con:
            return [row[0] for row in con.execute(query)]

    def mark_written(self, name: str, erasures: int) -> bool:
        """Note that the file is there, unless a customer was erased since its rows were read."""
        mark = sa.update(self._db.campaigns).values(written=1).where(self._db.campaigns.c.name == sa.bindparam("n"))
        with self._db.writing() as cursor:
            if self._db.erasures(cursor) != erasures:
                return False
            self._db.run(cursor, mark, n=name)
        return True

    def assignments(self, name: str) -> pd.DataFrame:
        """Return who is in a campaign: one row per customer, by their ids, with `COLUMNS`."""
        table = self._db.assignments
        query = sa.select(*(table.c[column] for column in COLUMNS)).where(table.c.campaign == name)
        with self._db.database.connection() as con:
            rows = con.execute(query.order_by(table.c.customer_id)).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS))

    def campaigns_of(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return for each customer which of some campaigns they are in, as an action or held out."""
        table, found = self._db.assignments, dict[str, set[str]]()
        query = sa.select(table.c.customer_id, table.c.campaign).where(table.c.campaign.in_(list(names)))
        with self._db.database.connection() as con:
            for customer, name in con.execute(query):
                found.setdefault(customer, set()).add(name)
        return {customer: frozenset(of) for customer, of in found.items()}

    def exclusive(self, policy: Policy, now: datetime) -> dict[str, frozenset[str]]:
        """Return for each customer the running campaigns of exclusive groups that they are in."""
        named = {name for group in policy.exclusive for name in group}
        running = [one.campaign.name for one in self.all() if one.status(now) == "started"] if named else []
        return self.campaigns_of([name for name in running if name in named])

    # -- reports

    def looks(self, name: str) -> int:
        """Return how often a report was read while outcomes were still to come."""
        with self._db.database.reading() as cursor:
            return self._looks(cursor, name)

    def look(self, name: str) -> None:
        """Count one more."""
        with self._db.writing() as cursor:
            cursor.run(self._db.upsert(self._db.looks), campaign=name, looks=self._looks(cursor, name) + 1)

    def _looks(self, cursor: Cursor, name: str) -> int:
        query = sa.select(self._db.looks.c.looks).where(self._db.looks.c.campaign == sa.bindparam("n"))
        found = self._db.run(cursor, query, n=name)
        return int(found[0][0]) if found else 0

    # -- erasure

    def erasures(self) -> int:
        """Return how many customers were erased, which is asked before customers are read."""
        with self._db.database.reading() as cursor:
            return self._db.erasures(cursor)

    def holds(self, customer: str) -> bool:
        """Return whether a customer is in any campaign."""
        table = self._db.assignments
        query = sa.select(table.c.campaign).where(table.c.customer_id == customer).limit(1)
        with self._db.database.connection() as con:
            return con.execute(query).first() is not None

    def erase(self, customer: str) -> int:
        """Remove a customer from every campaign and export; returns how many rows there were."""
        removed = 0
        with self._db.writing() as cursor:
            for table in (self._db.assignments, self._db.contacts):
                self._db.run(cursor, sa.delete(table).where(table.c.customer_id == sa.bindparam("c")), c=customer)
                removed += cursor.count
            self._db.note_erasure(cursor)
        return removed

    def purge(self, customer: str) -> None:
        """Make sure that the rows of an erased customer are in no part of a SQLite file any more."""
        self._db.database.purge(customer.encode())
