"""Where the contract tables end, and where they have gaps: a later moment taken for now is no proof of data."""

from collections.abc import Mapping
from datetime import UTC, datetime

from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.tables import TableName
from features.engine.duckdb import check_columns, contract_file
from features.services import ModelSettings
from features.snapshots import Gap, after_day_of

#: In microseconds.
_DAY = 86_400_000_000

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
                found[table] = _moment(micros)
    return found


def find_gaps(settings: Settings, as_of: datetime) -> list[Gap]:
    """Return the times of some days without order lines up to a moment, in ascending order; none after the last line.

    Shorter ones than every model's `active_days` are left out.
    """
    least = min((days for model in settings.every(ModelSettings) if (days := model.windows.active_days)), default=None)
    if least is None:
        return []
    lines = relation(contract_file(settings[StoreSettings], "transactions"))
    moments = f"SELECT epoch_us(event_timestamp) AS moment FROM {lines} WHERE epoch_us(event_timestamp) < $as_of"
    by_day = f"SELECT min(moment) AS first, max(moment) AS last FROM ({moments}) GROUP BY moment // {_DAY}"
    followed = f"SELECT last, lead(first) OVER (ORDER BY first) AS following FROM ({by_day})"
    query = f"SELECT last, following FROM ({followed}) WHERE following - last > {least * _DAY} ORDER BY 1"
    with engine(settings) as con:
        rows = con.execute(query, {"as_of": round(as_of.timestamp() * 1e6)}).fetchall()
    return [(_moment(last), _moment(following)) for last, following in rows]


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, tz=UTC)


def complete_until(last: Mapping[TableName, datetime], as_of: datetime) -> dict[TableName, datetime]:
    """Return until when each table is complete: the midnight after its last row, at most `as_of`."""
    return {table: min(as_of, after_day_of(moment)) for table, moment in last.items()}
