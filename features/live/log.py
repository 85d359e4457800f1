"""The event log: what sources have reported, kept durably before it is acknowledged.

A SQLite file that all workers of a machine share. An event is there once, however often it is sent; an event that was
acknowledged survives a killed process and a power failure.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import ValidationError

from core.settings import StoreSettings
from core.sqlite import DISTINCT, Database
from features.contract.events import event_reader
from features.contract.events.kind import Event
from features.contract.events.orders import order_of, replaces, same_order
from features.contract.ids import TAKEN_BEFORE

Outcome = Literal["accepted", "duplicate", "conflict"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL,
    happened INTEGER NOT NULL,
    received INTEGER NOT NULL,
    digest BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_customer ON events (customer_id, seq);
CREATE TABLE IF NOT EXISTS pending (
    customer_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    first INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS behind (
    customer_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    online TEXT NOT NULL DEFAULT ''
);
INSERT OR IGNORE INTO followed (one) VALUES (1);
CREATE TABLE IF NOT EXISTS erased (event_digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    customer_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (customer_id, order_id)
) WITHOUT ROWID;
"""
_LATEST = "SELECT max(max(happened, received)) FROM events WHERE customer_id = ?"


@dataclass(frozen=True)
class Logged:
    """An event as the log holds it.

    Attributes
    ----------
    seq
        Its place: later ones have higher numbers, and none is given twice.
    """

    seq: int
    event: Event
    happened: datetime
    received: datetime


class EventLog:
    """Appends, finds and erases events. Safe for threads and processes.

    Every method raises `StoreError` where the file cannot be read or written; nothing is half written then.
    """

    def __init__(self, stores: StoreSettings) -> None:
        self._database = Database(
            stores.data / "events.db",
            _SCHEMA,
            "The event log",
            "Check the disk's free space and the file's permissions; what was acknowledged is in it.",
            durable=True,
            upgrade=_upgrade,
        )

    @property
    def exists(self) -> bool:
        """Whether there ever was an event."""
        return self._database.path.exists()

    def append(self, events: Sequence[Event], moment: datetime, received: datetime | None = None) -> list[Outcome]:
        """Keep events, all or none, and return the outcome of each; they are on disk when this returns.

        Parameters
        ----------
        moment
            For events without a moment: the first of them happened then, each further one a microsecond later.
        received
            When they became known; None is when each happened, where no clock advances: then an event without a moment
            happens after the customer's other events.

        Returns
        -------
        `duplicate` for an event that is there with the same content, and for one that reports an order which is there
        with the same content. `conflict` for an event whose id another content has, and for one that reports an order
        which is there with other content, unless it states that it replaces that. Both change nothing.
        """
        outcomes: list[Outcome] = []
        with self._database.writing() as con:
            for place, event in enumerate(events):
                outcomes.append(self._append(con, event, moment + timedelta(microseconds=place), received))
        return outcomes

    def _append(self, con: sqlite3.Connection, event: Event, moment: datetime, received: datetime | None) -> Outcome:
        body = event.model_dump_json(exclude_none=True)
        order = order_of(event)
        if self._is_erased(con, event, order):
            return "duplicate"
        known = con.execute("SELECT digest FROM events WHERE event_id = ?", [event.event_id]).fetchone()
        if known is not None:
            return "duplicate" if known[0] == _digest(body) else "conflict"
        if event.event_timestamp is None and received is None:
            moment = self._next(con, event.customer_id, moment)
        happened = event.event_timestamp or moment
        before = None if order is None else self._order(con, event.customer_id, order)
        if before is not None:
            if same_order(event, before.event):
                return "duplicate"
            if not replaces(event):
                return "conflict"
            # the order stays on its day, and is known in another way from now on
            happened = event.event_timestamp or before.happened
            received = received or max(moment, happened, before.received)
        (seq,) = con.execute(
            "INSERT INTO events (event_id, customer_id, happened, received, digest, body) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
            (event.event_id, event.customer_id, _micros(happened), _micros(received or happened), _digest(body), body),
        ).fetchone()
        if order is not None:
            con.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", [event.customer_id, order, seq])
        self._add_pending(con, [(event.customer_id, seq, seq)])
        return "accepted"

    @staticmethod
    def _is_erased(con: sqlite3.Connection, event: Event, order: str | None) -> bool:
        """Return whether an event, or the order that it reports, was erased with its customer."""
        names = [_digest(event.event_id)]
        if order is not None:
            names.append(_order_digest(event.customer_id, order))
        return any(con.execute("SELECT 1 FROM erased WHERE event_digest = ?", [name]).fetchone() for name in names)

    @staticmethod
    def _next(con: sqlite3.Connection, customer: str, moment: datetime) -> datetime:
        """Return a moment, or the one after a customer's last event if that is later."""
        (last,) = con.execute(_LATEST, [customer]).fetchone()
        return moment if last is None else max(moment, _moment(last + 1))

    @staticmethod
    def _order(con: sqlite3.Connection, customer: str, order: str) -> Logged | None:
        """Return the event that reports an order as it is now; None for an order that was never reported."""
        row = con.execute(
            "SELECT seq, body, happened, received FROM orders JOIN events USING (seq) "
            "WHERE orders.customer_id = ? AND order_id = ?",
            [customer, order],
        ).fetchone()
        return None if row is None else _logged(row)

    def pending(self, limit: int = -1) -> dict[str, int]:
        """Return customers whose features are not updated yet, with the place of their last event.

        Parameters
        ----------
        limit
            How many at most, those with the earliest events first; all where it is negative.
        """
        with self._database.reading() as con:
            return dict(con.execute("SELECT customer_id, seq FROM pending ORDER BY first LIMIT ?", [limit]).fetchall())

    def is_pending(self, customers: Iterable[str]) -> bool:
        """Return whether the features of any of some customers are not updated yet."""
        with self._database.reading() as con:
            return any(con.execute("SELECT 1 FROM pending WHERE customer_id = ?", [c]).fetchone() for c in customers)

    def mark_updated(self, applied: Mapping[str, int]) -> None:
        """Note that vectors are updated, and views behind them; a customer with a later event by now stays pending."""
        with self._database.writing() as con:
            con.executemany("DELETE FROM pending WHERE customer_id = ? AND seq <= ?", list(applied.items()))
            con.executemany("INSERT OR REPLACE INTO behind VALUES (?, ?)", list(applied.items()))

    def behind(self, limit: int) -> list[str]:
        """Return customers whose views are older than their vectors, the longest waiting first."""
        with self._database.reading() as con:
            rows = con.execute("SELECT customer_id FROM behind ORDER BY seq LIMIT ?", [limit]).fetchall()
        return [customer for (customer,) in rows]

    def mark_followed(self, followed: Iterable[str]) -> None:
        """Note that the views of some customers are as new as their vectors."""
        with self._database.writing() as con:
            con.executemany("DELETE FROM behind WHERE customer_id = ?", [(customer,) for customer in followed])

    def use_materialization(self, online: str, since: int, as_of: datetime) -> None:
        """Note what the online store was filled with; if that is new, the events it has not seen become pending.

        Parameters
        ----------
        online
            Fingerprint of the materialisation.
        since
            Place of the last event that it has seen.
        as_of
            The moment its rows are for; it has seen nothing that happened then or later, or was received later.
        """
        with self._database.reading() as con:
            if con.execute("SELECT 1 FROM followed WHERE online = ?", [online]).fetchone():
                return
        with self._database.writing() as con:
            con.execute("UPDATE followed SET online = ?", [online])
            lacking = con.execute(
                "SELECT customer_id, max(seq), min(seq) FROM events "
                "WHERE seq > ?1 OR happened >= ?2 OR received > ?2 GROUP BY 1",
                [since, _micros(as_of)],
            )
            self._add_pending(con, lacking.fetchall())

    def of(self, customers: Sequence[str], since: int = 0) -> list[Logged]:
        """Return the events of some customers after a place, in their order."""
        with self._database.reading() as con:
            rows = [
                row
                for customer in customers
                for row in con.execute(
                    "SELECT seq, body, happened, received FROM events WHERE customer_id = ? AND seq > ?",
                    [customer, since],
                ).fetchall()
            ]
        return [_logged(row) for row in sorted(rows)]

    def latest(self, customers: Sequence[str]) -> dict[str, datetime]:
        """Return when the last event of some customers happened or was received, whichever is later."""
        with self._database.reading() as con:
            moments = {customer: con.execute(_LATEST, [customer]).fetchone()[0] for customer in customers}
        return {customer: _moment(micros) for customer, micros in moments.items() if micros is not None}

    def all(self, upto: int) -> Iterator[Logged]:
        """Yield all events up to a place, in their order."""
        with self._database.reading() as con:
            for row in con.execute(
                "SELECT seq, body, happened, received FROM events WHERE seq <= ? ORDER BY 1", [upto]
            ):
                yield _logged(row)

    def after(self, since: int, kinds: Collection[str]) -> Iterator[Logged]:
        """Yield the events of some kinds after a place, in their order."""
        listed = json.dumps(sorted(kinds))
        with self._database.reading() as con:
            for row in con.execute(
                "SELECT seq, body, happened, received FROM events WHERE seq > ? "
                "AND json_extract(body, '$.kind') IN (SELECT value FROM json_each(?)) ORDER BY 1",
                [since, listed],
            ):
                yield _logged(row)

    def customers(self) -> list[str]:
        """Return the customers with events, in ascending order."""
        with self._database.reading() as con:
            return [one for (one,) in con.execute("SELECT DISTINCT customer_id FROM events ORDER BY 1")]

    def last(self) -> int:
        """Return the place of the last event, 0 without any."""
        with self._database.reading() as con:
            return int(con.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def version(self) -> tuple[int, int]:
        """Return the place of the last event, and how many were erased; the same where nothing was added or erased."""
        if not self.exists:
            return 0, 0
        with self._database.reading() as con:
            (erased,) = con.execute("SELECT count(*) FROM erased").fetchone()
        return self.last(), erased

    def backlog(self) -> tuple[int, datetime | None]:
        """Return how many customers are pending, and when the first of their events was received."""
        if not self.exists:
            return 0, None
        with self._database.reading() as con:
            count, first = con.execute(
                "SELECT count(*), min(received) FROM pending JOIN events ON events.seq = pending.first"
            ).fetchone()
        return count, None if first is None else _moment(first)

    def holds(self, customer: str) -> bool:
        """Return whether there is an event of a customer."""
        if not self.exists:
            return False
        with self._database.reading() as con:
            return con.execute("SELECT 1 FROM events WHERE customer_id = ?", [customer]).fetchone() is not None

    def erase(self, customer: str) -> int:
        """Remove a customer's events; they and their orders are not taken again.

        Returns
        -------
        How many there were.
        """
        if not self.exists:
            return 0
        with self._database.writing() as con:
            ids = con.execute("SELECT event_id FROM events WHERE customer_id = ?", [customer]).fetchall()
            orders = con.execute("SELECT order_id FROM orders WHERE customer_id = ?", [customer]).fetchall()
            digests = [*(_digest(name) for (name,) in ids), *(_order_digest(customer, order) for (order,) in orders)]
            con.executemany("INSERT OR IGNORE INTO erased VALUES (?)", [(digest,) for digest in digests])
            con.execute("DELETE FROM orders WHERE customer_id = ?", [customer])
            con.execute("DELETE FROM events WHERE customer_id = ?", [customer])
            con.execute("DELETE FROM pending WHERE customer_id = ?", [customer])
            con.execute("DELETE FROM behind WHERE customer_id = ?", [customer])
        return len(ids)

    def apply_again(self, customer: str) -> None:
        """Make a customer pending who has events, since what was computed from them was removed."""
        if self.exists:
            query = "SELECT customer_id, max(seq), min(seq) FROM events WHERE customer_id = ? GROUP BY 1"
            with self._database.writing() as con:
                self._add_pending(con, con.execute(query, [customer]).fetchall())

    def purge(self, customer: str) -> None:
        """Make sure that the events of an erased customer are in no part of the file any more."""
        if self.exists:
            # a short id is part of other rows too, and is only recognised next to its name
            trace = customer if len(customer) >= DISTINCT else f'"customer_id":"{customer}"'
            self._database.purge(trace.encode())

    @staticmethod
    def _add_pending(con: sqlite3.Connection, rows: Iterable[tuple[str, int, int]]) -> None:
        """Make customers pending, each with the last and the first event that is to be applied."""
        con.executemany(
            "INSERT INTO pending VALUES (?, ?, ?) ON CONFLICT (customer_id) DO UPDATE "
            "SET seq = max(seq, excluded.seq), first = min(first, excluded.first)",
            rows,
        )


def _logged(row: tuple[int, str, int, int]) -> Logged:
    event = event_reader().validate_json(row[1], context=TAKEN_BEFORE)
    return Logged(row[0], event, _moment(row[2]), _moment(row[3]))


def _upgrade(con: sqlite3.Connection) -> None:
    """Give the ids of a log of an earlier version their canonical form, and note the orders in it.

    Of an order that was reported more than once the first event counts, as it would now. An event whose id another one
    has by now keeps its own.
    """
    for seq, name, customer, body in con.execute("SELECT seq, event_id, customer_id, body FROM events ORDER BY seq"):
        try:
            event = event_reader().validate_json(body, context=TAKEN_BEFORE)
        except ValidationError:
            continue  # of a kind that is registered no more
        text = event.model_dump_json(exclude_none=True)
        if text != body:
            con.execute(
                "UPDATE events SET customer_id = ?, digest = ?, body = ? WHERE seq = ?",
                [event.customer_id, _digest(text), text, seq],
            )
        if event.event_id != name:
            con.execute("UPDATE OR IGNORE events SET event_id = ? WHERE seq = ?", [event.event_id, seq])
        if event.customer_id != customer:
            con.execute("DELETE FROM pending WHERE customer_id = ?", [customer])
            con.execute("INSERT OR REPLACE INTO pending VALUES (?, ?, ?)", [event.customer_id, seq, seq])
        order = order_of(event)
        if order is not None:
            con.execute("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)", [event.customer_id, order, seq])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _order_digest(customer: str, order: str) -> bytes:
    return _digest(f"order\0{customer}\0{order}")


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, tz=UTC)
