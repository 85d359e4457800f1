"""The score table: the last scores of customers, one row a customer, beside the answers they were taken from.

It answers while nothing has happened since, and when the online store is unavailable; and it can be listed. Losing it
loses nothing: what is missing is computed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from core.database import Database, Statement
from core.progress import batches
from core.settings import StoreSettings
from core.stamps import fingerprint
from serving.scoring.listing import Listing, in_order, matching
from serving.scoring.part import Column
from serving.scoring.score_schema import answers_table, changes_table, erasures_table, scores_table

_REMEDY = "Check the disk; the file may be removed, it is filled again."
#: Customers whose rows one statement asks for.
_ASKED_AT_ONCE = 1_000
#: Rows that are fetched of all.
_FETCHED_AT_ONCE = 5_000
#: Up to this number, rows are sorted faster than they are found along an index.
_FEW = 2_000
#: Seconds that the texts of columns are remembered; reading them takes a look at every row.
_TEXTS_AGE = 60.0


@dataclass(frozen=True)
class Kept:
    """A part of an answer as it is kept.

    Attributes
    ----------
    made_by
        What it was computed with: model, materialisation, settings.
    as_of, feature_timestamp
        The moments it is for, and its features are for.
    current
        Whether nothing has happened to the customer since.
    body
        A JSON object.
    """

    made_by: str
    as_of: datetime
    feature_timestamp: datetime
    current: bool
    body: bytes


@dataclass(frozen=True)
class Listed:
    """A row of the score table.

    Attributes
    ----------
    current
        Whether nothing has happened to the customer since.
    cells
        The columns of the parts.
    """

    customer_id: str
    as_of: datetime
    current: bool
    cells: dict[str, Any]


class ScoreTable:
    """Keeps answers and scores by customer. Safe for threads and processes.

    Parameters
    ----------
    columns
        What parts add to a row; another set of columns starts an empty table.
    address
        SQLAlchemy address; None is a SQLite file below the data.
    """

    def __init__(self, stores: StoreSettings, columns: Sequence[Column], address: str | None = None) -> None:
        self.columns = tuple(columns)
        # tables are named by their columns, so that another version of Encore never misunderstands them
        version = fingerprint([[column.name, column.type] for column in columns])[:8]
        metadata = sa.MetaData()
        self._answers, self._scores = answers_table(metadata), scores_table(metadata, f"scores_{version}", columns)
        self._changes, self._erasures = changes_table(metadata), erasures_table(metadata)
        address = address or f"sqlite:///{(stores.data / 'scores.db').resolve()}"
        self._database = Database(address, metadata, "The score table", _REMEDY, is_cache=True)
        self._keep = self._database.upsert(self._answers, _names(self._answers), newer="features")
        self._change = self._database.upsert(self._changes, _names(self._changes), newer="moment")
        self._outdate = self._database.statement(self._outdating())
        self._count = self._database.statement(sa.select(sa.func.count()).select_from(self._erasures))
        customer: sa.BindParameter[str] = sa.bindparam("customer_id")
        self._erase = [
            self._database.statement(sa.delete(table).where(table.c.customer_id == customer))
            for table in (self._answers, self._scores, self._changes)
        ]
        self._look = [
            self._database.statement(sa.select(table.c.customer_id).where(table.c.customer_id == customer).limit(1))
            for table in (self._answers, self._scores)
        ]
        self._note = self._database.statement(sa.insert(self._erasures).values(number=sa.bindparam("number")))
        self._texts: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}
        self._finding = cache(self._compile_find)
        self._scoring = cache(self._compile_score)

    def find(self, customers: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, Kept]]:
        """Return what is kept of some customers, by customer and key.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        statement = self._finding(len(keys))
        values = {f"key{place}": key for place, key in enumerate(keys)}
        kept: dict[str, dict[str, Kept]] = {}
        with self._database.reading() as cursor:
            for customer in customers:
                rows = cursor.run(statement, customer=customer, **values)
                kept[customer] = {
                    row[0]: Kept(row[1], _moment(row[2]), _moment(row[3]), bool(row[4]), bytes(row[5])) for row in rows
                }
        return kept

    def erasures(self) -> int:
        """Return how many customers were erased, which is asked before something is computed to be kept."""
        with self._database.reading() as cursor:
            return int(cursor.run(self._count)[0][0])

    def keep(
        self,
        key: str | None,
        entries: Mapping[str, Kept],
        erasures: int,
        cells: Mapping[str, Mapping[str, object]],
    ) -> None:
        """Keep answers, and the scores taken from them.

        One whose features are older than the customer's last change counts as not current.

        Parameters
        ----------
        key
            None keeps the scores alone.
        erasures
            How many there were when it was computed; if there are others by now, nothing is kept, since it may be of
            a customer who was erased.
        cells
            Values of columns, by customer.
        """
        answers = [_row(customer, one) | {"key": key, "body": one.body} for customer, one in entries.items()]
        rows = [
            {"customer_id": customer, "as_of": answer["as_of"], "features": answer["features"], **cells[customer]}
            for customer, answer in zip(entries, answers, strict=True)
            if cells.get(customer)
        ]
        with self._database.writing() as cursor:
            if cursor.run(self._count)[0][0] != erasures:
                return
            if key is not None:
                cursor.run_many(self._keep, answers)
            if rows:
                cursor.run_many(self._scoring(tuple(rows[0])), rows)

    def list(self, listing: Listing, limit: int, matches: int | None = None) -> list[Listed]:
        """Return a page of rows; a customer without a value of the sort column comes last.

        Parameters
        ----------
        matches
            How many rows match, on whichever page, where that is known: few are found in another way than many.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        query, few = self._matching(self._select(), listing), matches is not None and matches <= _FEW
        rows: Any = []
        with self._database.connection() as con:
            for part in in_order(query, self._scores, listing, few=few):
                rows += con.execute(part.limit(limit - len(rows))).all()
                if len(rows) == limit:
                    break
        listed = [self._listed(row) for row in rows]
        return listed[::-1] if listing.backwards else listed

    def count(self, listing: Listing, most: int) -> int:
        """Return how many rows a listing has on all its pages; no more than `most` are counted.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        found = self._matching(sa.select(sa.literal(1)).select_from(self._scores), listing).limit(most)
        with self._database.connection() as con:
            return int(con.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one())

    def texts(self, name: str, most: int) -> Sequence[str]:
        """Return the texts that a column has, in order; no more than `most`, and as they were up to a minute ago.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        moment, known = self._texts.get((name, most), (0.0, ()))
        if known and time.monotonic() - moment < _TEXTS_AGE:
            return known
        column = self._scores.c[name]
        query = sa.select(column).where(column.is_not(None)).distinct().order_by(column).limit(most)
        with self._database.connection() as con:
            found = tuple(row[0] for row in con.execute(query))
        self._texts[name, most] = time.monotonic(), found
        return found

    def rows(self, customers: Sequence[str]) -> dict[str, Listed]:
        """Return the rows of some customers; none of those without one.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        found: dict[str, Listed] = {}
        # databases take a limited number of values in one statement
        for part in batches(list(customers), _ASKED_AT_ONCE):
            with self._database.connection() as con:
                rows = con.execute(self._select().where(self._scores.c.customer_id.in_(part))).all()
            found |= {row[0]: self._listed(row) for row in rows}
        return found

    def every(self) -> tuple[Sequence[str], dict[str, Sequence[Any]]]:
        """Return the ids of all customers with a row, in order, and their values by column.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        scores = self._scores
        names = [column.name for column in self.columns]
        query = sa.select(scores.c.customer_id, *(scores.c[name] for name in names)).order_by(scores.c.customer_id)
        columns: tuple[Any, ...] = tuple([] for _ in range(len(names) + 1))
        with self._database.connection() as con:
            # rows that are fetched together keep other threads waiting
            for rows in con.execute(query).partitions(_FETCHED_AT_ONCE):
                for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                    column.extend(values)
        return columns[0], dict(zip(names, columns[1:], strict=True))

    def totals(self, by: Sequence[str], sums: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Return the sums of columns by the values of others.

        Returns
        -------
        One row a combination of values of `by`: the values, the number of customers, and the sums; a sum of nothing
        but missing values is None.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        columns = self._scores.c
        keys = [columns[name] for name in by]
        query = sa.select(*keys, sa.func.count(), *(sa.func.sum(columns[name]) for name in sums)).group_by(*keys)
        with self._database.connection() as con:
            return [tuple(row) for row in con.execute(query)]

    def changed_since(self, moment: datetime) -> Sequence[str]:
        """Return the customers whose features are of later than a moment, or should be.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        changes = self._changes
        query = sa.select(changes.c.customer_id).where(changes.c.moment > moment.timestamp())
        with self._database.connection() as con:
            return sorted(row[0] for row in con.execute(query.order_by(changes.c.customer_id)))

    def changed(self, customers: Sequence[str], moment: datetime) -> None:
        """Note that customers have other features from a moment on."""
        rows = [{"customer_id": customer, "moment": moment.timestamp()} for customer in customers]
        with self._database.writing() as cursor:
            cursor.run_many(self._change, rows)

    def outdate(self, customers: Sequence[str]) -> None:
        """Note that what is kept of customers is not current any more; what is computed for later moments will be."""
        with self._database.writing() as cursor:
            for customer in customers:
                (latest,) = cursor.run(self._outdate, customer_id=customer)
                if latest[0] is not None:
                    cursor.run(self._change, customer_id=customer, moment=latest[0] + 0.001)

    def holds(self, customer: str) -> bool:
        """Return whether anything is kept of a customer."""
        with self._database.reading() as cursor:
            return any(cursor.run(statement, customer_id=customer) for statement in self._look)

    def erase(self, customer: str) -> int:
        """Remove what is kept of a customer; returns how many rows there were."""
        removed = 0
        self._drop_others()
        with self._database.writing() as cursor:
            for statement in self._erase:
                cursor.run(statement, customer_id=customer)
                removed += cursor.count
            cursor.run(self._note, number=cursor.run(self._count)[0][0] + 1)
        return removed

    def purge(self, customer: str) -> None:
        """Make sure that the rows of an erased customer are in no part of a SQLite file any more."""
        self._database.purge(customer.encode())

    def _drop_others(self) -> None:
        """Drop tables of scores that another version of Encore left, which may name customers."""
        with self._database.connection() as con:
            for name in sa.inspect(con).get_table_names():
                if name.startswith("scores_") and name != self._scores.name:
                    con.execute(sa.text(f'DROP TABLE "{name}"'))

    def _select(self) -> sa.Select[Any]:
        """Select what `_listed` reads, of all rows."""
        scores, changes = self._scores, self._changes
        current = scores.c.features >= sa.func.coalesce(changes.c.moment, 0.0)
        cells = [scores.c[column.name] for column in self.columns]
        return sa.select(scores.c.customer_id, scores.c.as_of, current, *cells).select_from(
            scores.outerjoin(changes, scores.c.customer_id == changes.c.customer_id)
        )

    def _listed(self, row: Sequence[Any]) -> Listed:
        names = [column.name for column in self.columns]
        return Listed(row[0], _moment(row[1]), bool(row[2]), dict(zip(names, row[3:], strict=True)))

    def _matching(self, query: sa.Select[Any], listing: Listing) -> sa.Select[Any]:
        return matching(query, self._scores, listing, is_sqlite=self._database.is_sqlite)

    def _outdating(self) -> sa.Select[Any]:
        answers = self._answers
        return sa.select(sa.func.max(answers.c.features)).where(answers.c.customer_id == sa.bindparam("customer_id"))

    def _compile_find(self, count: int) -> Statement:
        answers, changes = self._answers, self._changes
        keys: list[sa.BindParameter[str]] = [sa.bindparam(f"key{place}") for place in range(count)]
        current = answers.c.features >= sa.func.coalesce(changes.c.moment, 0.0)
        query = (
            sa.select(answers.c.key, answers.c.made_by, answers.c.as_of, answers.c.features, current, answers.c.body)
            .select_from(answers.outerjoin(changes, answers.c.customer_id == changes.c.customer_id))
            .where(answers.c.customer_id == sa.bindparam("customer"), sa.or_(*(answers.c.key == key for key in keys)))
        )
        return self._database.statement(query)

    def _compile_score(self, names: tuple[str, ...]) -> Statement:
        return self._database.upsert(self._scores, names, newer="features")


def _names(table: sa.Table) -> list[str]:
    return [column.name for column in table.columns]


def _row(customer: str, one: Kept) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "made_by": one.made_by,
        "as_of": one.as_of.timestamp(),
        "features": one.feature_timestamp.timestamp(),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
