"""The same features by Encore, by plain pandas and by featuretools, for every customer and weekly snapshot.

Baskets and amounts over five windows and the whole history, and the products, departments and categories of 84 days.
Each tool runs in a process of its own on the default data's order lines, and writes what it found, which has to be
equal. Encore computes the two whole views of activity and preference; the others only what is compared. featuretools
wants an older pandas: it runs in an environment of its own, which `make bench-yardsticks` makes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).parents[1]
_FEATURETOOLS = _ROOT / ".venv/featuretools/bin/python"
_WINDOWS = (7, 14, 28, 56, 84)
_VARIETY = ("products", "departments", "categories")
_COLUMNS = [
    "baskets_total",
    *(f"{what}_{days}d" for days in _WINDOWS for what in ("baskets", "amount")),
    *(f"{name}_84d" for name in _VARIETY),
]

_ENCORE = """
from pathlib import Path
import pandas as pd
from core.progress import silent
from core.settings import StoreSettings
from features.engine.compute import DuckDBComputation
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import size_table
from features.views import activity, preference
from serving.settings import load_settings
settings = load_settings(Path("encore.toml"))
moments = [moment.to_pydatetime() for moment in pd.read_parquet("snapshots.parquet").snapshot]
con = connect(settings)
sources = read_sources(con, settings[StoreSettings])
sizes = con.create_table("all_sizes", size_table(con.to_pandas(sources.products)), temp=True)
views = dict.fromkeys((activity.VIEW, preference.VIEW), moments)
DuckDBComputation(con, settings, frozenset(), Path("made"), views).run(sources, sizes, silent)
"""

_PANDAS = """
import pandas as pd
lines = pd.read_parquet("lines.parquet")
found = []
for snapshot in pd.read_parquet("snapshots.parquet").snapshot:
    seen = lines[lines.event_timestamp < snapshot]
    orders = seen.groupby(["customer_id", "order_id"]).agg(at=("event_timestamp", "min"), amount=("amount", "sum"))
    columns = {"baskets_total": orders.groupby("customer_id").size()}
    for days in WINDOWS:
        recent = orders[orders["at"] >= snapshot - pd.Timedelta(days=days)].groupby("customer_id").amount
        columns |= {f"baskets_{days}d": recent.size(), f"amount_{days}d": recent.sum()}
    variety = seen[seen.event_timestamp >= snapshot - pd.Timedelta(days=84)].groupby("customer_id")
    columns["products_84d"] = variety.product_id.nunique()
    columns["departments_84d"], columns["categories_84d"] = variety.department.nunique(), variety.category.nunique()
    found.append(pd.DataFrame(columns).fillna(0.0).assign(event_timestamp=snapshot))
pd.concat(found).reset_index().to_parquet("found.parquet")
"""

_TOOLS = """
import warnings
warnings.filterwarnings("ignore")
import featuretools as ft
import pandas as pd
lines = pd.read_parquet("lines.parquet")
lines["event_timestamp"] = lines.event_timestamp.dt.tz_localize(None)
orders = lines.groupby(["order_id", "customer_id"], as_index=False).agg(
    event_timestamp=("event_timestamp", "min"), amount=("amount", "sum")
)
lines["line"] = range(len(lines))
kinds = dict.fromkeys(["product_id", "department", "category"], "Categorical")
data = ft.EntitySet("shop")
data.add_dataframe(orders, "orders", index="order_id", time_index="event_timestamp")
data.add_dataframe(lines.drop(columns=["order_id", "amount"]), "lines", "line", time_index="event_timestamp",
    logical_types=kinds)
data.normalize_dataframe("orders", "customers", "customer_id", make_time_index=True)
data.add_relationship("customers", "customer_id", "lines", "customer_id")
data.add_last_time_indexes()
snapshots = pd.read_parquet("snapshots.parquet").snapshot.dt.tz_localize(None)
first = orders.groupby("customer_id").event_timestamp.min()
# a cut-off includes its own moment
cutoffs = pd.concat(
    pd.DataFrame({"customer_id": first.index[first < snapshot], "time": snapshot - pd.Timedelta(microseconds=1)})
    for snapshot in snapshots
)
whole = None
for days in (None, *WINDOWS):
    window = None if days is None else ft.Timedelta(days, "d")
    wanted = ["COUNT(orders)", "SUM(orders.amount)"]
    if days == 84:
        wanted += [f"NUM_UNIQUE(lines.{name})" for name in ("product_id", "department", "category")]
    features = ft.dfs(
        entityset=data, target_dataframe_name="customers", agg_primitives=["count", "sum", "num_unique"],
        trans_primitives=[], max_depth=1, features_only=True,
    )
    found = ft.calculate_feature_matrix(
        [one for one in features if one.get_name() in wanted], data, cutoff_time=cutoffs, training_window=window,
        cutoff_time_in_index=True,
    )
    name = "total" if days is None else f"{days}d"
    names = dict(zip(wanted, [f"{one}_{name}" for one in ("baskets", "amount", *VARIETY)]))
    part = found[list(names)].rename(columns=names).astype(float).fillna(0.0)
    whole = part if whole is None else whole.join(part)
whole = whole.reset_index()
whole["event_timestamp"] = (whole["time"] + pd.Timedelta(microseconds=1)).dt.tz_localize("UTC")
whole["customer_id"] = whole.customer_id.astype(str)
whole.drop(columns="time").to_parquet("found.parquet")
"""
_MEASURED = """
import json, resource, time
started = time.perf_counter()
{program}
usage = resource.getrusage(resource.RUSAGE_SELF)
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps({{"wall": time.perf_counter() - started, "cpu": cpu, "memory": usage.ru_maxrss / 2**20}}))
"""


def main() -> None:
    """Run and print; exits with 1 where the values differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--snapshots", type=int, default=49, help="weeks, back from the end of the data")
    options = parser.parse_args()
    table = Table("same features", "seconds", "CPU seconds", "GB", "× Encore", title=f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, options.snapshots)
        programs = {
            "Encore": (sys.executable, _ENCORE),
            "pandas": (sys.executable, _PANDAS),
            "featuretools": (str(_FEATURETOOLS), _TOOLS),
        }
        costs, found = {}, {}
        for tool, (python, program) in programs.items():
            costs[tool] = _run(folder, python, program)
            found[tool] = _found(folder)
            cost, least = costs[tool], costs["Encore"]
            seconds = f"{cost['wall']:.1f}", f"{cost['cpu']:.1f}", f"{cost['memory']:.2f}"
            table.add_row(tool, *seconds, f"{cost['wall'] / least['wall']:.1f}")
    Console().print(table)
    for tool in ("pandas", "featuretools"):
        pd.testing.assert_frame_equal(
            found[tool], found["Encore"], check_dtype=False, check_index_type=False, rtol=1e-6, atol=1e-6
        )


def _found(folder: Path) -> pd.DataFrame:
    """Return what a tool wrote, and remove it."""
    key = ["customer_id", "event_timestamp"]
    if (folder / "made").exists():
        views = [pd.read_parquet(folder / "made" / view) for view in ("customer_activity", "customer_preference")]
        rows = views[0].merge(views[1].drop(columns="created_timestamp"), "left", key)
        shutil.rmtree(folder / "made")
    else:
        rows = pd.read_parquet(folder / "found.parquet")
        (folder / "found.parquet").unlink()
    return rows.set_index(key)[_COLUMNS].sort_index().fillna(0.0)


def _prepare(folder: Path, weeks: int) -> None:
    """Take in the default data, and write what the others read of it: lines that count, and the snapshots."""
    (folder / "encore.toml").write_bytes((_ROOT / "encore.toml").read_bytes())
    encore = Path(sys.executable).with_name("encore")
    subprocess.run([encore, "ingest"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    lines = pd.read_parquet(folder / "data/contract/transactions.parquet")
    lines = lines[lines.quantity > 0]
    products = pd.read_parquet(folder / "data/contract/products.parquet")[["product_id", "department", "category"]]
    columns = ["customer_id", "order_id", "product_id", "event_timestamp", "amount"]
    lines[columns].merge(products, "left", "product_id").to_parquet(folder / "lines.parquet")
    last = lines.event_timestamp.max().ceil("D")
    snapshots = [last - pd.Timedelta(days=7 * week) for week in reversed(range(weeks))]
    pd.DataFrame({"snapshot": snapshots}).to_parquet(folder / "snapshots.parquet")


def _run(folder: Path, python: str, program: str) -> dict[str, float]:
    text = _MEASURED.format(program=program.replace("WINDOWS", str(_WINDOWS)).replace("VARIETY", str(_VARIETY)))
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "ENCORE_THREADS": "2"}
    ran = subprocess.run(
        [python, "-c", text], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    measured: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
