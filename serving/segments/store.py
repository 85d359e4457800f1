"""Where segments are kept: definitions of the API, members, and sizes day by day.

Members are personal data: `serving.privacy.stores` erases customers here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from core.database import Cursor, Database
from core.settings import StoreSettings
from serving.segments.check import RuleFinding
from serving.segments.compare import Trait
from serving.segments.definitions import SegmentDefinition

_REMEDY = "Check the disk; restore customer_segments.db from a backup if it is broken."


@dataclass(frozen=True)
class Evaluation:
    """What was found of a segment the last time.

    Attributes
    ----------
    fingerprint
        Of the definition that was evaluated.
    made_from
        Names the materialisation.
    as_of
        The moment that members are for.
    evaluated
        The time on the clock.
    size, customers
        Members, and all customers.
    overlaps
        By name of another segment, the share of the members who are in it too.
    problem
        Why it could not be evaluated; None where it was.
    """

    fingerprint: str
    made_from: str
    as_of: datetime
    evaluated: datetime
    size: int
    customers: int
    overlaps: dict[str, float] = field(default_factory=dict)
    traits: tuple[Trait, ...] = ()
    findings: tuple[RuleFinding, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class SegmentSize:
    """The size of a segment on a day (UTC)."""

    day: date
    size: int
    customers: int


class SegmentStore:
    """Keeps segments. Safe for threads and processes; every method raises `StoreError` where it cannot be used.

    Parameters
    ----------
    address
        SQLAlchemy address; None is a SQLite file below the data.
    """

    def __init__(self, stores: StoreSettings, address: str | None = None) -> None:
        metadata = sa.MetaData()
        self._definitions, self._evaluations = _definitions(metadata), _evaluations(metadata)
        self._members, self._sizes, self._erasures = _members(metadata), _sizes(metadata), _erasures(metadata)
        changes = _changes(metadata)
        address = address or f"sqlite:///{(stores.data / 'customer_segments.db').resolve()}"
        self._database = Database(address, metadata, "The store of segments", _REMEDY)
        upserted = {"definitions": self._definitions, "evaluations": self._evaluations, "sizes": self._sizes}
        self._upserts = {
            name: self._database.upsert(table, [column.name for column in table.columns])
            for name, table in upserted.items()
        }
        member = sa.insert(self._members).values(segment=sa.bindparam("segment"), customer_id=sa.bindparam("customer"))
        self._add = self._database.statement(member)
        both = (self._members.c.segment == sa.bindparam("segment"), self._of(sa.bindparam("customer")))
        self._remove = self._database.statement(sa.delete(self._members).where(*both))
        self._erase = self._database.statement(sa.delete(self._members).where(self._of(sa.bindparam("customer"))))
        self._look = self._database.statement(
            sa.select(self._members.c.segment).where(self._of(sa.bindparam("customer"))).order_by("segment")
        )
        in_segment = sa.select(self._members.c.customer_id).where(self._members.c.segment == sa.bindparam("segment"))
        self._everyone = self._database.statement(in_segment)
        self._count = self._database.statement(sa.select(sa.func.count()).select_from(self._erasures))
        self._note = self._database.statement(sa.insert(self._erasures).values(number=sa.bindparam("number")))
        self._latest = self._database.statement(sa.select(sa.func.max(changes.c.number)))
        self._clear_changes = self._database.statement(sa.delete(changes))
        self._add_change = self._database.statement(sa.insert(changes).values(number=sa.bindparam("number")))

    def _of(self, customer: sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
        return self._members.c.customer_id == customer

    # -- definitions of the API

    def definitions(self) -> dict[str, SegmentDefinition]:
        """Return the definitions that were saved, by name."""
        table = self._definitions
        with self._database.connection() as con:
            rows = con.execute(sa.select(table.c.body).order_by(table.c.name)).all()
        saved = [SegmentDefinition.model_validate_json(row[0]) for row in rows]
        return {one.name: one for one in saved}

    def save(self, definition: SegmentDefinition, now: datetime) -> None:
        """Save a definition in the place of the one with its name."""
        body = definition.model_dump_json(by_alias=True, exclude_none=True)
        with self._database.writing() as cursor:
            row = {"name": definition.name, "body": body, "defined": now.timestamp()}
            cursor.run(self._upserts["definitions"], **row)

    def remove(self, name: str) -> None:
        """Remove a definition, and all that is kept of the segment."""
        with self._database.writing() as cursor:
            self._delete(cursor, self._definitions, self._definitions.c.name, name)
            self._forget(cursor, name)

    def forget(self, name: str) -> None:
        """Remove what is kept of a segment that is not defined any more."""
        with self._database.writing() as cursor:
            self._forget(cursor, name)

    def _forget(self, cursor: Cursor, name: str) -> None:
        self._delete(cursor, self._members, self._members.c.segment, name)
        self._note_change(cursor)
        for table in (self._evaluations, self._sizes):
            self._delete(cursor, table, table.c.name, name)

    def _delete(self, cursor: Cursor, table: sa.Table, column: sa.Column[Any], value: str) -> None:
        statement = sa.delete(table).where(column == sa.bindparam("value"))
        cursor.run(self._database.statement(statement), value=value)

    # -- members

    def evaluations(self) -> dict[str, Evaluation]:
        """Return what was found of each segment the last time."""
        with self._database.connection() as con:
            rows = con.execute(sa.select(self._evaluations)).mappings().all()
        return {row["name"]: _evaluation(row) for row in rows}

    def keep(self, name: str, evaluation: Evaluation, members: Sequence[str], erasures: int) -> bool:
        """Keep an evaluation, its members in the place of those before, and the size of its day.

        Only the members that came or went are written.

        Parameters
        ----------
        erasures
            How many there were before the customers were read; if there are others by now, nothing is kept.

        Returns
        -------
        Whether it was kept.
        """
        with self._database.writing() as cursor:
            if cursor.run(self._count)[0][0] != erasures:
                return False
            before, now = {row[0] for row in cursor.run(self._everyone, segment=name)}, set(members)
            cursor.run_many(self._remove, [_member(name, customer) for customer in sorted(before - now)])
            cursor.run_many(self._add, [_member(name, customer) for customer in sorted(now - before)])
            if before != now:
                self._note_change(cursor)
            cursor.run(self._upserts["evaluations"], **_row(name, evaluation))
            if evaluation.problem is None:
                self._keep_size(cursor, name, evaluation)
        return True

    def _keep_size(self, cursor: Cursor, name: str, evaluation: Evaluation) -> None:
        day = evaluation.as_of.astimezone(UTC).date().isoformat()
        row = {"name": name, "fingerprint": evaluation.fingerprint, "day": day}
        cursor.run(self._upserts["sizes"], **row, size=evaluation.size, customers=evaluation.customers)

    def members(self, name: str, limit: int | None = None, after: str = "") -> list[str]:
        """Return members by their ids, in order, behind one of them."""
        table = self._members
        query = sa.select(table.c.customer_id).where(table.c.segment == name, table.c.customer_id > after)
        with self._database.connection() as con:
            return [row[0] for row in con.execute(query.order_by(table.c.customer_id).limit(limit))]

    def version(self) -> int:
        """Return a number that is another one where any customer has come into a segment, or left one."""
        with self._database.reading() as cursor:
            return int(cursor.run(self._latest)[0][0] or 0)

    def _note_change(self, cursor: Cursor) -> None:
        number = int(cursor.run(self._latest)[0][0] or 0) + 1
        cursor.run(self._clear_changes)
        cursor.run(self._add_change, number=number)

    def segments_of(self, customer: str) -> list[str]:
        """Return the names of the segments that a customer is in."""
        with self._database.reading() as cursor:
            return [row[0] for row in cursor.run(self._look, customer=customer)]

    def trend(self, name: str, fingerprint: str) -> list[SegmentSize]:
        """Return the sizes of a segment by day, of the definition with this fingerprint."""
        table = self._sizes
        query = sa.select(table.c.day, table.c.size, table.c.customers).order_by(table.c.day)
        query = query.where(table.c.name == name, table.c.fingerprint == fingerprint)
        with self._database.connection() as con:
            return [SegmentSize(date.fromisoformat(row[0]), row[1], row[2]) for row in con.execute(query)]

    # -- erasure

    def erasures(self) -> int:
        """Return how many customers were erased, which is asked before customers are read."""
        with self._database.reading() as cursor:
            return int(cursor.run(self._count)[0][0])

    def erase(self, customer: str) -> int:
        """Remove a customer from every segment; returns how many there were."""
        with self._database.writing() as cursor:
            cursor.run(self._erase, customer=customer)
            removed = cursor.count
            cursor.run(self._note, number=int(cursor.run(self._count)[0][0]) + 1)
        return removed

    def purge(self, customer: str) -> None:
        """Make sure that the rows of an erased customer are in no part of a SQLite file any more."""
        self._database.purge(customer.encode())


def _member(segment: str, customer: str) -> dict[str, str]:
    return {"segment": segment, "customer": customer}


def _row(name: str, one: Evaluation) -> dict[str, Any]:
    found = {"overlaps": one.overlaps, "traits": one.traits, "findings": one.findings, "problem": one.problem}
    row: dict[str, Any] = {"name": name, "fingerprint": one.fingerprint, "made_from": one.made_from}
    row |= {"as_of": one.as_of.timestamp(), "evaluated": one.evaluated.timestamp()}
    return row | {"size": one.size, "customers": one.customers, "found": orjson.dumps(found).decode()}


def _evaluation(row: Any) -> Evaluation:  # noqa: ANN401 - a row of SQLAlchemy
    found = orjson.loads(row["found"])
    return Evaluation(
        row["fingerprint"],
        row["made_from"],
        datetime.fromtimestamp(row["as_of"], tz=UTC),
        datetime.fromtimestamp(row["evaluated"], tz=UTC),
        row["size"],
        row["customers"],
        found["overlaps"],
        tuple(Trait(**one) for one in found["traits"]),
        tuple(RuleFinding(**one) for one in found["findings"]),
        found["problem"],
    )


def _definitions(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "segment_definitions",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("defined", sa.Double, nullable=False),
    )


def _evaluations(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "segment_evaluations",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("made_from", sa.Text, nullable=False),
        sa.Column("as_of", sa.Double, nullable=False),
        sa.Column("evaluated", sa.Double, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("customers", sa.Integer, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
    )


def _members(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "segment_members",
        metadata,
        sa.Column("segment", sa.Text, primary_key=True),
        # in the order of the bytes, as the others compare ids, whatever the collation of a server
        sa.Column("customer_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Index("segment_members_by_customer", "customer_id"),
        sqlite_with_rowid=False,
    )


def _sizes(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "segment_sizes",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("customers", sa.Integer, nullable=False),
    )


def _erasures(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "segment_erasures", metadata, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
    )


def _changes(metadata: sa.MetaData) -> sa.Table:
    """Return a table of one row: how many times members have changed."""
    return sa.Table("segment_changes", metadata, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False))
