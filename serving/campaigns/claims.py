"""Exports as they are kept: the contacts that each has claimed, and what receivers have acknowledged."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from core.database import Cursor
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.kept import (
    BATCH,
    Choice,
    Claim,
    Contact,
    Due,
    Export,
    Kept,
    UnknownCampaignError,
    export_of,
    moment_of,
)
from serving.campaigns.store import CampaignStore
from serving.decisions.contacts import Reserved

#: Chooses among those who wait: given the campaign, the customers by gain, the contacts that they have of all
#: campaigns, and a function for how many contacts of the channel there are on a day.
Choose = Callable[[Kept, Sequence[Due], Sequence[Reserved], Callable[[str], int]], Choice]


class ClaimStore:
    """Keeps exports. Safe for threads and processes; every method raises `StoreError` where it cannot be used."""

    def __init__(self, database: CampaignDatabase, campaigns: CampaignStore) -> None:
        self._db, self._campaigns = database, campaigns

    def claim(self, asked: Claim, choose: Choose) -> Export | None:
        """Claim contacts for an export: what `choose` takes is nobody else's from then on.

        Everything that `choose` is given is read in the transaction that keeps what it takes, and one transaction
        follows the other, so that two processes do not exceed a limit together.

        Returns
        -------
        None where nobody was taken.

        Raises
        ------
        UnknownCampaignError
            If there is no campaign of the name.
        """
        with self._db.writing() as cursor:
            kept = self._campaigns.read(cursor, asked.campaign)
            due = self._due(cursor, asked)
            reserved = self._had(cursor, asked) if due else []
            choice = choose(kept, due, reserved, lambda day: self._used(cursor, asked.channel, day))
            if not choice.customers:
                return None
            export = uuid4().hex
            self._keep_contacts(cursor, asked, export, choice)
            return self._export(cursor, asked.campaign, export)

    def _keep_contacts(self, cursor: Cursor, asked: Claim, export: str, choice: Choice) -> None:
        made = {"campaign": asked.campaign, "channel": asked.channel, "export": export}
        cursor.run(self._db.insert(self._db.exports), **made, target=asked.target, made=asked.now.timestamp())
        claimed = {**made, "at": choice.at.timestamp(), "day": choice.day}
        named = [
            {**claimed, "customer_id": one, "contact_id": f"{export}-{place:07}", "batch": place // BATCH}
            for place, one in enumerate(choice.customers)
        ]
        cursor.run_many(self._db.insert(self._db.contacts), named)

    def _due(self, cursor: Cursor, asked: Claim) -> list[Due]:
        """Return the customers of a channel who have no contact of the campaign, those with the highest gain first."""
        rows, had = self._db.assignments, self._db.contacts
        same = sa.and_(had.c.campaign == rows.c.campaign, had.c.customer_id == rows.c.customer_id)
        query = sa.select(rows.c.customer_id, rows.c.arm).where(
            rows.c.campaign == sa.bindparam("n"),
            rows.c.channel == sa.bindparam("through"),
            ~sa.exists().where(same),
        )
        ordered = query.order_by(rows.c.gain.desc().nulls_last(), rows.c.customer_id)
        return [Due(*row) for row in self._db.run(cursor, ordered, n=asked.campaign, through=asked.channel)]

    def _had(self, cursor: Cursor, asked: Claim) -> list[Reserved]:
        """Return the contacts that customers of a campaign have of all campaigns."""
        rows, had = self._db.assignments, self._db.contacts
        query = (
            sa.select(had.c.customer_id, had.c.channel, had.c.at, had.c.campaign)
            .join(rows, rows.c.customer_id == had.c.customer_id)
            .where(rows.c.campaign == sa.bindparam("n"), had.c.at >= sa.bindparam("since"))
        )
        found = self._db.run(cursor, query, n=asked.campaign, since=asked.since.timestamp())
        return [_reserved(row) for row in found]

    def _used(self, cursor: Cursor, channel: str, day: str) -> int:
        had = self._db.contacts
        count = sa.select(sa.func.count()).select_from(had)
        query = count.where(had.c.channel == sa.bindparam("through"), had.c.day == sa.bindparam("on_day"))
        return int(self._db.run(cursor, query, through=channel, on_day=day)[0][0])

    def reserved(self, since: datetime) -> list[Reserved]:
        """Return the contacts of all campaigns that may be made at a moment or later."""
        had = self._db.contacts
        query = sa.select(had.c.customer_id, had.c.channel, had.c.at, had.c.campaign)
        with self._db.database.connection() as con:
            return [_reserved(row) for row in con.execute(query.where(had.c.at >= since.timestamp()))]

    def exports(self, name: str) -> list[Export]:
        """Return the exports of a campaign, in the order in which they were made."""
        query = sa.select(self._db.exports.c.export).where(self._db.exports.c.campaign == sa.bindparam("n"))
        with self._db.database.reading() as cursor:
            names = self._db.run(cursor, query.order_by(self._db.exports.c.made, self._db.exports.c.export), n=name)
            return [self._export(cursor, name, export) for (export,) in names]

    def export(self, name: str, export: str) -> Export:
        """Return an export of a campaign.

        Raises
        ------
        UnknownCampaignError
            If there is none of this id.
        """
        with self._db.database.reading() as cursor:
            return self._export(cursor, name, export)

    def _export(self, cursor: Cursor, name: str, export: str) -> Export:
        table, had, arrived = self._db.exports, self._db.contacts, self._db.batches
        of = {"e": export}
        chosen = (table.c.export == sa.bindparam("e"), table.c.campaign == sa.bindparam("n"))
        found = self._db.run(cursor, sa.select(table).where(*chosen), **of, n=name)
        if not found:
            raise UnknownCampaignError(f"export {export!r} of the campaign {name!r}")
        counts = sa.select(sa.func.count(), sa.func.count(had.c.batch.distinct()))
        (contacts, batches), *_ = self._db.run(cursor, counts.where(had.c.export == sa.bindparam("e")), **of)
        acknowledged = sa.select(sa.func.count()).where(arrived.c.export == sa.bindparam("e"))
        (delivered,), *_ = self._db.run(cursor, acknowledged, **of)
        return export_of(found[0], contacts, batches, delivered)

    def contacts(self, export: str, batch: int | None = None) -> list[Contact]:
        """Return the rows of an export, or of one batch of it, in their order; the same whenever it is asked."""
        had, rows = self._db.contacts, self._db.assignments
        same = sa.and_(rows.c.campaign == had.c.campaign, rows.c.customer_id == had.c.customer_id)
        query = (
            sa.select(
                had.c.contact_id, had.c.customer_id, rows.c.arm, had.c.channel, rows.c.offer, had.c.at, had.c.batch
            )
            .join(rows, same)
            .where(had.c.export == export)
            .order_by(had.c.batch, had.c.contact_id)
        )
        with self._db.database.connection() as con:
            found = con.execute(query if batch is None else query.where(had.c.batch == batch)).all()
        return [Contact(*row[:5], moment_of(row[5]), row[6]) for row in found]

    def undelivered(self, export: str) -> list[int]:
        """Return the batches of an export that no receiver has acknowledged."""
        had, arrived = self._db.contacts, self._db.batches
        done = sa.select(arrived.c.batch).where(arrived.c.export == export)
        query = sa.select(had.c.batch).distinct().where(had.c.export == export, had.c.batch.not_in(done))
        with self._db.database.connection() as con:
            return [row[0] for row in con.execute(query.order_by(had.c.batch))]

    def delivered(self, export: str, batch: int, now: datetime) -> None:
        """Note that a receiver has acknowledged a batch."""
        with self._db.writing() as cursor:
            cursor.run(self._db.upsert(self._db.batches), export=export, batch=batch, delivered=now.timestamp())


def _reserved(row: Any) -> Reserved:  # noqa: ANN401 - a row of SQLAlchemy or of the driver
    return Reserved(row[0], row[1], moment_of(row[2]), row[3])
