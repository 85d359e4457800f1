"""Until when the contract tables are complete: a later moment that is taken for now is no proof that data reach it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.tables import TableName
from features.engine.duckdb import check_columns, contract_file
from features.snapshots import after_day_of

#: Moments of rows that show that a table was up to date then. An end of a contract shows it from when it was known.
_PROOFS: Mapping[TableName, tuple[str, ...]] = {
    "transactions": ("event_timestamp",),
    "subscriptions": (
        "start_timestamp",
        "cancelled_timestamp",
        "end_known_timestamp",
        "created_timestamp",
    ),
}


def last_rows(settings: Settings, now: datetime) -> dict[TableName, datetime]:
    """Return the moment of the last row at or before now, for each table that labels come from and that has rows.

    Raises
    ------
    StateError
        If nothing was ingested yet, or by a version of Encore whose tables have other columns.
    """
    found: dict[TableName, datetime] = {}
    with engine(settings) as con:
        for table, columns in _PROOFS.items():
            file = relation(contract_file(settings[StoreSettings], table))
            check_columns(table, [str(row[0]) for row in con.execute(f"DESCRIBE FROM {file}").fetchall()])
            latest = ", ".join(f"max({name}) FILTER (epoch_us({name}) <= $now)" for name in columns)
            query = f"SELECT epoch_us(greatest({latest})) FROM {file}"
            micros = con.execute(query, {"now": round(now.timestamp() * 1e6)}).fetchall()[0][0]
            if micros is not None:
                found[table] = datetime.fromtimestamp(micros / 1e6, tz=UTC)
    return found


def complete_until(last: Mapping[TableName, datetime], as_of: datetime) -> dict[TableName, datetime]:
    """Return until when each table is complete: the midnight after its last row, at most `as_of`."""
    return {table: min(as_of, after_day_of(moment)) for table, moment in last.items()}
