"""The promotion log: which version answered since when, who decided it and why. Entries are added, never changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args

from core.settings import StoreSettings
from core.sqlite import Database

#: `promoted`: it became the champion. `rolled_back`: it became the champion again. `refused`: the gate kept it from it.
#: `found`: it is the champion, and no entry says why: the alias was changed by other means, or a process was killed.
Action = Literal["promoted", "rolled_back", "refused", "found"]
#: Entries after which a version answers.
CHANGES: frozenset[Action] = frozenset({"promoted", "rolled_back", "found"})

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS promotions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    moment TEXT NOT NULL,
    model TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN {get_args(Action)}),
    version TEXT NOT NULL,
    previous TEXT,
    decided_by TEXT NOT NULL,
    why TEXT NOT NULL,
    grade TEXT,
    reason TEXT NOT NULL,
    checks TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS promotions_of_model ON promotions (model, seq);
CREATE TRIGGER IF NOT EXISTS promotions_stay BEFORE UPDATE ON promotions
BEGIN SELECT RAISE(ABORT, 'entries of the promotion log are never changed'); END;
CREATE TRIGGER IF NOT EXISTS promotions_are_kept BEFORE DELETE ON promotions
BEGIN SELECT RAISE(ABORT, 'entries of the promotion log are never removed'); END;
"""


@dataclass(frozen=True)
class Who:
    """Who decides, and why, in their own words."""

    by: str
    why: str


@dataclass(frozen=True)
class Entry:
    """A decision about a version.

    Attributes
    ----------
    moment
        When it was made, UTC.
    model
        Its name in MLflow's registry.
    version
        The number that was decided about.
    previous
        The number of the champion before; None where there was none.
    reason
        That of the gate, or what happened.
    checks
        What each rule of the gate found, as plain values; none where the gate was not asked.
    """

    moment: datetime
    model: str
    action: Action
    version: str
    previous: str | None
    decided_by: str
    why: str
    grade: str | None
    reason: str
    checks: tuple[Mapping[str, Any], ...] = field(default=())


#: Columns of the table.
_FIELDS = tuple(field.name for field in fields(Entry))
_COLUMNS = ", ".join(_FIELDS)


class PromotionLog:
    """Adds and lists entries. Safe for threads and processes; every method raises `StoreError` where it cannot."""

    def __init__(self, stores: StoreSettings) -> None:
        self._database = Database(
            stores.data / "promotions.db",
            _SCHEMA,
            "The promotion log",
            "Check the disk's free space and the file's permissions.",
            durable=True,
        )

    def add(self, entry: Entry) -> None:
        """Add an entry; it is on disk when this returns."""
        values = [getattr(entry, name) for name in _FIELDS]
        values[0], values[-1] = entry.moment.isoformat(), json.dumps(entry.checks)
        with self._database.writing() as con:
            con.execute(f"INSERT INTO promotions ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)

    def entries(self, model: str | None = None, limit: int | None = None) -> list[Entry]:
        """Return entries, the newest first, of one model or of all."""
        query = f"SELECT {_COLUMNS} FROM promotions WHERE ? IS NULL OR model = ? ORDER BY seq DESC LIMIT ?"
        with self._database.reading() as con:
            rows = con.execute(query, (model, model, -1 if limit is None else limit)).fetchall()
        return [_entry(row) for row in rows]

    def champions(self, model: str) -> list[str]:
        """Return the numbers of the versions that answered, the present one first."""
        return [entry.version for entry in self.entries(model) if entry.action in CHANGES]


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip(_FIELDS, row, strict=True))
    moment, checks = datetime.fromisoformat(values.pop("moment")), tuple(json.loads(values.pop("checks")))
    return Entry(moment=moment, checks=checks, **values)
