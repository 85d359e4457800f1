"""Small exports, and what is made of them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from core.settings import Settings, StoreSettings
from features.ingest.pipeline import Ingested
from features.ingest.pipeline import ingest as ingest_at
from features.ingest.settings import DataSettings
from serving.settings import default_settings

NOW = datetime(2025, 1, 1, tzinfo=UTC)
ORDERS = """cust,order,sku,when,qty,price
a,1,x,2024-01-01 10:00:00,2,1.50
a,2,y,2024-01-08 10:00:00,1,4.00
b,3,x,2024-01-09 23:30:00,1,1.50
"""
COLUMNS = {
    "customer_id": "cust",
    "order_id": "order",
    "product_id": "sku",
    "event_timestamp": "when",
    "quantity": "qty",
    "amount": "qty * price",
}


def settings_of(folder: Path, *inputs: dict[str, Any], **data: Any) -> Settings:
    """Settings that read inputs below a folder; an input without a table is one of transactions."""
    items = [{"table": "transactions", "columns": COLUMNS, "path": "orders.csv"} | item for item in inputs or [{}]]
    section = DataSettings.model_validate({"source": "files", "root": folder, "inputs": items} | data)
    return default_settings(section, StoreSettings(data=folder / "state"), threads=2)


def orders(folder: Path, text: str | bytes = ORDERS, name: str = "orders.csv") -> None:
    """Write an export."""
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def ingest(settings: Settings, now: datetime = NOW, **options: Any) -> Ingested:
    """Ingest as of a fixed clock."""
    return ingest_at(settings, now, **options)


def table(folder: Path, name: str, order: str = "ALL") -> pd.DataFrame:
    """Return a contract table, moments in UTC."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        frame: pd.DataFrame = con.execute(f"FROM '{folder}/state/contract/{name}.parquet' ORDER BY {order}").df()
    return frame


def quarantine(folder: Path) -> list[tuple[str, int | None, str, str]]:
    """Return file, line, rule and text of the quarantined rows."""
    query = f"SELECT file, line, rule, text FROM '{folder}/state/quarantine.parquet' ORDER BY ALL"
    return [tuple(row) for row in duckdb.sql(query).fetchall()]
