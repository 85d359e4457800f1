"""The last scores of customers, which answer while nothing has happened, and when the online store is away.

A SQLite file that all workers of a machine share. Losing it loses nothing: what is missing is computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.settings import StoreSettings
from core.sqlite import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (
    customer_id TEXT NOT NULL,
    part TEXT NOT NULL,
    made_by TEXT NOT NULL,
    model TEXT NOT NULL,
    as_of REAL NOT NULL,
    features REAL NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (customer_id, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changed (customer_id TEXT PRIMARY KEY, moment REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasures (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
INSERT OR IGNORE INTO erasures VALUES (1, 0);
"""


@dataclass(frozen=True)
class Cached:
    """A part of an answer.

    Attributes
    ----------
    made_by
        What it was computed with: models, materialisation, settings.
    model
        The version that computed it.
    as_of, feature_timestamp
        The moments it is for, and its features are for.
    current
        Whether nothing has happened to the customer since.
    body
        The members of a JSON object, without its braces.
    """

    made_by: str
    model: str
    as_of: datetime
    feature_timestamp: datetime
    current: bool
    body: bytes


class ScoreCache:
    """Keeps parts of answers by customer. Safe for threads and processes."""

    def __init__(self, stores: StoreSettings) -> None:
        self._database = Database(
            stores.data / "scores.db",
            _SCHEMA,
            "The score cache",
            "Check the disk; the file may be removed, it is filled again.",
            durable=False,
        )

    def find(self, customers: Sequence[str], parts: Sequence[str]) -> dict[str, dict[str, Cached]]:
        """Return what is kept of some customers, by customer and part.

        Raises
        ------
        StoreError
            If the file cannot be read.
        """
        places = ", ".join("?" * len(parts))
        query = (
            "SELECT part, made_by, model, as_of, features, body, "
            "features >= coalesce((SELECT moment FROM changed WHERE customer_id = ?1), 0) "
            f"FROM scores WHERE customer_id = ?1 AND part IN ({places})"
        )
        with self._database.reading() as con:
            return {
                customer: {
                    row[0]: Cached(row[1], row[2], _moment(row[3]), _moment(row[4]), bool(row[6]), row[5])
                    for row in con.execute(query, (customer, *parts))
                }
                for customer in customers
            }

    def erasures(self) -> int:
        """Return how many customers were erased, which is asked before something is computed to be kept."""
        with self._database.reading() as con:
            return int(con.execute("SELECT count FROM erasures").fetchone()[0])

    def keep(self, part: str, entries: Mapping[str, Cached], erasures: int) -> None:
        """Keep parts; one whose features are older than the customer's last change counts as not current.

        Parameters
        ----------
        erasures
            How many there were when it was computed; if there are others by now, nothing is kept, since it may be of
            a customer who is gone.
        """
        rows = [
            (name, part, one.made_by, one.model, one.as_of.timestamp(), one.feature_timestamp.timestamp(), one.body)
            for name, one in entries.items()
        ]
        with self._database.writing() as con:
            if con.execute("SELECT count FROM erasures").fetchone()[0] != erasures:
                return
            con.executemany(
                "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET made_by = excluded.made_by, "
                "model = excluded.model, as_of = excluded.as_of, features = excluded.features, body = excluded.body "
                "WHERE excluded.features >= scores.features",
                rows,
            )

    def changed(self, customers: Iterable[str], moment: datetime) -> None:
        """Note that customers have other features from a moment on."""
        with self._database.writing() as con:
            con.executemany(
                "INSERT INTO changed VALUES (?, ?) ON CONFLICT DO UPDATE SET moment = max(moment, excluded.moment)",
                [(customer, moment.timestamp()) for customer in customers],
            )

    def outdate(self, customers: Iterable[str]) -> None:
        """Note that what is kept of customers is not current any more; what is computed for later moments will be."""
        with self._database.writing() as con:
            con.executemany(
                "INSERT INTO changed SELECT customer_id, max(features) + 0.001 FROM scores WHERE customer_id = ? "
                "GROUP BY 1 ON CONFLICT DO UPDATE SET moment = max(moment, excluded.moment)",
                [(customer,) for customer in customers],
            )

    def erase(self, customer: str) -> int:
        """Remove what is kept of a customer; returns how many parts there were."""
        with self._database.writing() as con:
            removed = con.execute("DELETE FROM scores WHERE customer_id = ?", [customer]).rowcount
            con.execute("DELETE FROM changed WHERE customer_id = ?", [customer])
            con.execute("UPDATE erasures SET count = count + 1")
        self._database.settle()
        return removed


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
