"""Measure ingestion of a million order lines as CSV beside DuckDB's own COPY of the same file to Parquet.

Each round does both, one after the other, in this process; the first round of each warms up and does not count. Peak
memory is that of a process of its own.
"""

import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from core.settings import Settings, StoreSettings
from features.ingest.pipeline import ingest
from features.ingest.settings import DataSettings

_ROWS, _ROUNDS, _THREADS = 1_000_000, 5, 2
_COLUMNS = {
    "customer_id": "CustomerID",
    "order_id": "Invoice",
    "product_id": "StockCode",
    "event_timestamp": "InvoiceDate",
    "quantity": "Quantity",
    "amount": "Quantity * UnitPrice",
    "channel": "Country",
}
_NOW = datetime(2025, 1, 1, tzinfo=UTC)


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "lines.csv", broken=0)
        _write(folder / "broken.csv", broken=500)
        cases = {
            "a clean file": _settings(folder, "lines.csv"),
            "2,000 broken rows": _settings(folder, "broken.csv"),
            "with a key of two columns": _settings(
                folder, "lines.csv", keys={"transactions": ["order_id", "product_id"]}
            ),
            "with id() and three rules": _settings(
                folder,
                "lines.csv",
                columns=_COLUMNS | {"customer_id": "id(CustomerID)"},
                skip={"postage": "StockCode = 'POST'", "test": "StockCode LIKE 'TEST%'"},
                returns="Quantity < 0 OR Invoice LIKE 'C%'",
            ),
        }
        title = (
            f"{_ROWS:,} order lines, {(folder / 'lines.csv').stat().st_size / 1e6:.0f} MB as CSV, {_THREADS} threads"
        )
        table = Table(
            "ingestion",
            "COPY, s",
            "ingest, s",
            "ratio",
            "peak memory, MB",
            title=f"{title}, DuckDB {duckdb.__version__}",
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for case, settings in cases.items():
            copied, ingested = [], []
            for round_ in range(_ROUNDS + 1):
                seconds = _seconds(lambda: _copy(folder, str(settings[DataSettings].inputs[0].path)))  # noqa: B023 - called at once
                shutil.rmtree(settings[StoreSettings].data, ignore_errors=True)
                own = _seconds(lambda: ingest(settings, _NOW))  # noqa: B023
                if round_:
                    copied.append(seconds)
                    ingested.append(own)
            ratio = np.median(ingested) / np.median(copied)
            table.add_row(
                case, f"{np.median(copied):.2f}", f"{np.median(ingested):.2f}", f"{ratio:.2f}", f"{_peak(settings):.0f}"
            )
        Console().print(table)


def _settings(folder: Path, path: str, keys: dict[str, list[str]] | None = None, **options: object) -> Settings:
    item = {"table": "transactions", "path": path, "columns": _COLUMNS} | options
    data = {"source": "files", "root": folder, "inputs": [item], "keys": keys or {}, "timezone": "Europe/Berlin"}
    return Settings(DataSettings.model_validate(data), StoreSettings(data=folder / "state"), threads=_THREADS)


def _write(file: Path, broken: int) -> None:
    """Write order lines as a shop would; of four defects `broken` lines each."""
    rng = np.random.default_rng(5)
    orders = np.sort(rng.integers(0, _ROWS // 20, _ROWS))
    minutes = np.sort(rng.integers(0, 366 * 1440, _ROWS))
    moments = np.datetime_as_string(np.datetime64("2024-01-01T00:00") + minutes, unit="s")
    products, customers = rng.integers(0, 3000, _ROWS), rng.integers(0, 5000, _ROWS)
    pieces, prices = rng.integers(1, 13, _ROWS), rng.integers(1, 1000, _ROWS) / 100
    lines = [
        f'{536365 + o},{85000 + p}A,"WHITE, HANGING HEART {p}",{q},{m},{price},{12000 + c},United Kingdom'
        for o, p, q, m, price, c in zip(orders, products, pieces, moments, prices, customers, strict=True)
    ]
    for place in range(broken):
        at = 4 * place * (_ROWS // (4 * broken))
        lines[at] = lines[at].rsplit(",", 2)[0] + ",,United Kingdom"
        lines[at + 1] = lines[at + 1].rsplit(",", 1)[0]
        lines[at + 2] = lines[at + 2].replace("2024-", "2024-9")
        lines[at + 3] = lines[at + 3].replace('",', '",many', 1)
    file.write_text(
        "Invoice,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n" + "\n".join(lines) + "\n"
    )


def _copy(folder: Path, name: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"SET threads = {_THREADS}")
        con.execute(
            f"COPY (FROM read_csv('{folder / name}', ignore_errors = true)) TO '{folder}/copy.parquet' (FORMAT parquet)"
        )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak(settings: Settings) -> float:
    """Return the peak resident memory of a process that ingests once, as Linux counts it."""
    shutil.rmtree(settings[StoreSettings].data, ignore_errors=True)
    program = (
        "import pickle, sys\nfrom benchmarks.ingest import _NOW, ingest\n"
        "ingest(pickle.load(sys.stdin.buffer), _NOW)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    given = pickle.dumps(settings)
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, check=True)
    return int(done.stdout) / 1024


if __name__ == "__main__":
    main()
