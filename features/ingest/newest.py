"""The newest row of each contract table: what an operator looks at first where an export may be missing."""

from datetime import UTC, datetime

from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.tables import CONTRACT, TableName
from features.engine.duckdb import contract_file


def newest_rows(settings: Settings) -> dict[TableName, datetime]:
    """Return the moment at which the newest row of each table happened; tables without moments or rows are left out.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    found: dict[TableName, datetime] = {}
    with engine(settings) as con:
        for name, table in CONTRACT.items():
            if table.happened is not None:
                file = relation(contract_file(settings[StoreSettings], name))
                micros = con.execute(f"SELECT epoch_us(max({table.happened})) FROM {file}").fetchall()[0][0]
                if micros is not None:
                    found[name] = datetime.fromtimestamp(micros / 1e6, tz=UTC)
    return found
