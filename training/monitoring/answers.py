"""The answer log: what was answered or listed about each customer, by model version and day.

Answers wait in memory and are written together, so that no request waits for a disk. A process that is killed loses
those of a few seconds.
"""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pandas as pd
import sqlalchemy as sa
import structlog

from core.database import Database
from core.errors import StoreError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from training.monitoring.settings import MonitoringSettings

_DAY = 86_400
#: Answers that wait at most while the log cannot be written; later ones are lost.
_MOST_WAITING = 200_000
#: Customers whose answers are read; more would not make figures more certain.
_MOST_READ = 50_000
#: Parts of the customers, by a hash, of which some are read where there are more.
_PARTS = 1_000
_READ = ("customer_id", "model", "day", "as_of", "risk", "tier", "offers")
_OF = ("customer_id", "model", "as_of", "risk", "tier", "offers")
_COLUMNS = (*_READ, "part")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model version answered about a customer.

    Attributes
    ----------
    model
        Name and number of the version, such as `encore-churn/3`.
    as_of
        The moment that the answer is for.
    risk, tier
        Of a model of risks; the risk is a calibrated probability.
    offers
        Of a model of offers: product and kind of each that was shown, in their order.
    """

    customer_id: str
    model: str
    as_of: datetime
    risk: float | None = None
    tier: str | None = None
    offers: tuple[tuple[str, str], ...] | None = None


class AnswerLog:
    """Keeps the last answer of each day about a customer by a model version. Safe for threads and processes.

    Parameters
    ----------
    address
        SQLAlchemy address; None is a SQLite file below the data.
    """

    def __init__(self, settings: Settings, address: str | None = None) -> None:
        stores = settings[StoreSettings]
        self._retention = settings[MonitoringSettings].retention_days
        self._erased = Erased(stores)
        metadata = sa.MetaData()
        self._answers = table = _answers(metadata)
        address = address or f"sqlite:///{(stores.data / 'answers.db').resolve()}"
        # a broken file is moved aside, so that erasures are done and later answers are kept
        self._database = Database(address, metadata, "The answer log", "Check the disk.", is_cache=True)
        customer: sa.BindParameter[str] = sa.bindparam("customer_id")
        self._keep = self._database.upsert(table, _COLUMNS, newer="as_of")
        self._erase = self._database.statement(sa.delete(table).where(table.c.customer_id == customer))
        of = sa.select(*(table.c[name] for name in _OF)).where(table.c.customer_id == customer)
        self._of = self._database.statement(of.order_by(table.c.day, table.c.model))
        self._look = self._database.statement(sa.select(table.c.day).where(table.c.customer_id == customer).limit(1))
        self._prune = self._database.statement(sa.delete(table).where(table.c.day < sa.bindparam("first")))
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str, int], Answer] = {}
        #: who was erased when the first of those that wait was added
        self._erased_before = self._erased.read()
        self._pruned = 0
        self._problem = ""

    def add(self, answers: Iterable[Answer]) -> None:
        """Let answers wait for `flush`; takes microseconds, and no answer waits for it."""
        with self._lock:
            for one in answers:
                if len(self._waiting) < _MOST_WAITING:
                    self._waiting[one.customer_id, one.model, _day(one.as_of)] = one

    def flush(self) -> None:
        """Write what waits; what cannot be written waits on, and the log of the process says so."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            self._write(waiting)
            self._problem = ""
        except StoreError as error:
            with self._lock:
                self._waiting = waiting | self._waiting
            if error.problem != self._problem:
                _log.warning("answers_not_kept", problem=error.problem)
            self._problem = error.problem

    def _write(self, waiting: dict[tuple[str, str, int], Answer]) -> None:
        with self._database.writing() as cursor:
            # read while no erasure can write: one that follows removes these rows, one before is seen here
            erased = self._erased.read()
            gone = self._erased.added_among({customer for customer, _, _ in waiting}, self._erased_before, erased)
            rows = [_row(day, one) for (customer, _, day), one in waiting.items() if customer not in gone]
            cursor.run_many(self._keep, rows)
            newest = max(day for _, _, day in waiting)
            if newest > self._pruned:
                cursor.run(self._prune, first=newest - self._retention)
        self._pruned = max(self._pruned, newest)
        self._erased_before = erased

    def read(self, most: int = _MOST_READ) -> pd.DataFrame:
        """Return all answers about some customers: all of them, or about `most`, drawn by a hash, where there are more.

        Returns
        -------
        One row per customer, model version and day: `customer_id`, `model`, `snapshot` (the midnight at or after
        `as_of`, UTC, from which on outcomes count), `as_of` (UTC), `risk`, `tier`, and `offers` (a list of product and
        kind by place, or None).

        Raises
        ------
        StoreError
            If the log cannot be read.
        """
        table = self._answers
        query = sa.select(*(table.c[name] for name in _READ))
        with self._database.connection() as con:
            customers = con.scalar(sa.select(sa.func.count(sa.distinct(table.c.customer_id)))) or 0
            if customers > most:
                query = query.where(table.c.part < max(1, _PARTS * most // customers))
            rows = con.execute(query.order_by(table.c.day, table.c.model, table.c.customer_id)).all()
        frame = pd.DataFrame([tuple(row) for row in rows], columns=list(_READ))
        frame["snapshot"] = _moments(frame.pop("day").astype("float64") * _DAY)
        frame["as_of"] = _moments(frame["as_of"])
        frame["risk"] = frame["risk"].astype("float64")
        frame["offers"] = [json.loads(text) if text else None for text in frame["offers"]]
        return frame

    def of(self, customer: str) -> list[Answer]:
        """Return the answers about a customer, those that wait too, in the order of their days.

        Raises
        ------
        StoreError
            If the log cannot be read.
        """
        with self._database.reading() as cursor:
            kept = [_answer(row) for row in cursor.run(self._of, customer_id=customer)]
        with self._lock:
            waiting = [one for one in self._waiting.values() if one.customer_id == customer]
        # one that waits may be older than the kept one of its day
        last = {(one.model, _day(one.as_of)): one for one in sorted((*kept, *waiting), key=_moment_of)}
        return sorted(last.values(), key=_moment_of)

    def holds(self, customer: str) -> bool:
        """Return whether anything is kept of a customer."""
        with self._lock:
            waits = any(waiting == customer for waiting, _, _ in self._waiting)
        if waits:
            return True
        with self._database.reading() as cursor:
            return bool(cursor.run(self._look, customer_id=customer))

    def erase(self, customer: str) -> int:
        """Remove what is kept of a customer; returns how many answers there were."""
        with self._lock:
            waiting = [key for key in self._waiting if key[0] == customer]
            for key in waiting:
                del self._waiting[key]
        with self._database.writing() as cursor:
            cursor.run(self._erase, customer_id=customer)
            return len(waiting) + cursor.count

    def purge(self, customer: str) -> None:
        """Make sure that the rows of an erased customer are in no part of a SQLite file any more."""
        self._database.purge(customer.encode())


def outcome_from(as_of: datetime) -> datetime:
    """Return the midnight at or after a moment (UTC): outcomes of an answer count from it on."""
    return datetime.fromtimestamp(0, tz=UTC) + timedelta(days=_day(as_of))


def _day(as_of: datetime) -> int:
    return int(-(-as_of.timestamp() // _DAY))


def _moments(seconds: "pd.Series[float]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime((seconds.astype("float64") * 1e6).round().astype("int64"), unit="us", utc=True).dt.as_unit(
        "us"
    )


def _answers(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "answers",
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("as_of", sa.Double, nullable=False),
        sa.Column("risk", sa.Double),
        sa.Column("tier", sa.Text),
        sa.Column("offers", sa.Text),
        sa.Column("part", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _row(day: int, one: Answer) -> dict[str, Any]:
    return {
        "customer_id": one.customer_id,
        "model": one.model,
        "day": day,
        "as_of": one.as_of.timestamp(),
        "risk": one.risk,
        "tier": one.tier,
        "offers": _as_json(one.offers),
        "part": crc32(one.customer_id.encode()) % _PARTS,
    }


def _moment_of(one: Answer) -> tuple[datetime, str]:
    return one.as_of, one.model


def _answer(row: Sequence[Any]) -> Answer:
    customer, model, as_of, risk, tier, text = row
    offers = tuple((str(product), str(kind)) for product, kind in json.loads(text)) if text else None
    return Answer(customer, model, datetime.fromtimestamp(as_of, tz=UTC), risk, tier, offers)


def _as_json(offers: Sequence[tuple[str, str]] | None) -> str | None:
    return None if offers is None else json.dumps(offers, ensure_ascii=False, separators=(",", ":"))
