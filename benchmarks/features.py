"""Measure the build of features on the default data: beside an earlier version, by night, and as the data grow.

Each build runs in a process of its own, with two threads and a memory limit of 2 GB, on the same contract tables; each
figure is the least of its rounds. With ENCORE_FEATURES__ENGINE=spark and ENCORE_FEATURES__SPARK_MASTER="local[2]" the
builds run on Spark. `--before` names a revision of this repository whose build is measured between those of this one.
Growth multiplies customers (copies under other ids) or history (copies of the year before).
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from core.stamps import STAMP

_ROOT = Path(__file__).parents[1]
_ENCORE = Path(sys.executable).with_name("encore")
#: Run by the code of either version: what both have in common.
_BUILD = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from features.engine.build import build_features
from serving.settings import load_settings
settings = load_settings(Path("encore.toml"))
wall, cpu = time.perf_counter(), time.process_time()
build_features(settings, datetime(2018, 1, 2, 12, tzinfo=UTC))
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
if "pyspark" in sys.modules:  # Spark works in a process of its own, which counts when it has ended
    from pyspark import SparkContext
    java = SparkContext._gateway.proc
    java.stdin.close()
    java.wait()
own, other = (resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
cpu += other.ru_utime + other.ru_stime
print(json.dumps([wall, cpu, (own.ru_maxrss + other.ru_maxrss) / 1024**2]))
"""
#: A moment of the data to build for, and the one a day later.
_YESTERDAY, _TODAY = "2017-12-31", "2018-01-01"
#: The tables that are multiplied, and their moments.
_MOMENTS = {
    "transactions": ("event_timestamp", "created_timestamp"),
    "interactions": ("event_timestamp", "created_timestamp"),
    "customers": (),
}
_CUSTOMERS, _YEARS = (0.25, 1.0, 4.0, 10.0), (1, 2, 3)


@dataclass(frozen=True)
class Cost:
    """Seconds, CPU seconds and gigabytes of a build."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", help="a revision to compare with")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--growth", action="store_true", help="multiply customers and history too, which takes long")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(_ROOT / "encore.toml", folder)
        subprocess.run([_ENCORE, "ingest"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        table = Table("build", "seconds", "CPU seconds", "GB", "× wall", "× CPU", title=f"{os.cpu_count()} cores")
        for column in table.columns[1:]:
            column.justify = "right"
        full = _least([_fresh(folder, _ROOT) for _ in range(options.rounds)])
        _add(table, "everything", full, full)
        if options.before:
            _add(table, f"everything, {options.before}", _before(folder, options.before, options.rounds), full)
        _add(table, "the night: one new day", _least([_night(folder) for _ in range(options.rounds)]), full)
        if options.growth:
            _grow(folder, table, full)
        Console().print(table)


def _grow(folder: Path, table: Table, full: Cost) -> None:
    costs = {}
    for share in _CUSTOMERS:
        costs[share] = _of_copy(folder, partial(_multiply_customers, share=share))
        _add(table, f"{share} × customers", costs[share], full)
    slope = math.log(costs[10.0].cpu / costs[1.0].cpu) / math.log(10)
    table.add_row("slope of CPU from 1 to 10 × customers", "", f"{slope:.2f}", "", "", "")
    for years in _YEARS:
        cost = _of_copy(folder, partial(_multiply_history, years=years))
        _add(table, f"{years} × history and snapshots", cost, full)


def _add(table: Table, name: str, cost: Cost, full: Cost) -> None:
    ratios = [f"{one / whole:.2f}" for one, whole in ((cost.wall, full.wall), (cost.cpu, full.cpu))]
    table.add_row(name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.memory:.2f}", *ratios)


def _least(costs: list[Cost]) -> Cost:
    return Cost(*(min(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def _build(folder: Path, code: Path, as_of: str | None = None) -> Cost:
    environment = {**os.environ, "PYTHONPATH": str(code), "ENCORE_THREADS": "2", "ENCORE_STORES__MEMORY_LIMIT": "2GB"}
    if as_of:
        environment["ENCORE_TIME__AS_OF"] = as_of
    ran = subprocess.run(
        [sys.executable, "-c", _BUILD], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return Cost(*json.loads(ran.stdout.splitlines()[-1]))


def _fresh(folder: Path, code: Path) -> Cost:
    shutil.rmtree(folder / "data/features", ignore_errors=True)
    return _build(folder, code)


def _night(folder: Path) -> Cost:
    shutil.rmtree(folder / "data/features", ignore_errors=True)
    _build(folder, _ROOT, _YESTERDAY)
    return _build(folder, _ROOT, _TODAY)


def _before(folder: Path, revision: str, rounds: int) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        code = Path(name) / "code"
        git = ["git", "-C", str(_ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(code), revision], check=True)
        try:
            return _least([_fresh(folder, code) for _ in range(rounds)])
        finally:
            subprocess.run([*git, "remove", "--force", str(code)], check=True)


def _of_copy(folder: Path, change: Callable[[duckdb.DuckDBPyConnection, Path], None]) -> Cost:
    """Build on contract tables that were multiplied."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        copy = Path(name)
        shutil.copy(folder / "encore.toml", copy)
        shutil.copytree(folder / "data/contract", copy / "data/contract")
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET memory_limit = '4GB'")
            change(con, copy / "data/contract")
        stamp = copy / "data/contract" / STAMP
        stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"fingerprint": "multiplied"}))
        return _fresh(copy, _ROOT)


def _multiply_customers(con: duckdb.DuckDBPyConnection, data: Path, share: float) -> None:
    for table in _MOMENTS:
        named = "SELECT * REPLACE (customer_id || '-' || copy AS customer_id)"
        if table == "transactions":
            named = "SELECT * REPLACE (customer_id || '-' || copy AS customer_id, order_id || '-' || copy AS order_id)"
        kept = "true" if share >= 1 else f"abs(hash(customer_id) % 1000) < {share * 1000}"
        copies = f"range({max(1, round(share))}) AS copies (copy)"
        _rewrite(con, data / f"{table}.parquet", f"{named} FROM file, {copies} WHERE {kept}", " EXCLUDE (copy)")


def _multiply_history(con: duckdb.DuckDBPyConnection, data: Path, years: int) -> None:
    for table, moments in _MOMENTS.items():
        if moments:
            earlier = ", ".join(f"{moment} - to_days(CAST(364 * copy AS INTEGER)) AS {moment}" for moment in moments)
            if table == "transactions":
                earlier += ", order_id || '-' || copy AS order_id"
            query = f"SELECT * REPLACE ({earlier}) FROM file, range({years}) AS copies (copy)"
            _rewrite(con, data / f"{table}.parquet", query, " EXCLUDE (copy)")


def _rewrite(con: duckdb.DuckDBPyConnection, file: Path, query: str, without: str) -> None:
    query = query.replace(" FROM file", f" FROM '{file}'")
    new = file.with_suffix(".new")
    con.execute(f"COPY (SELECT *{without} FROM ({query})) TO '{new}' (FORMAT parquet)")
    new.replace(file)


if __name__ == "__main__":
    main()
