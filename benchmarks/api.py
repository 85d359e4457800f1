"""Measure the API on what the demo left, beside a bare echo, MLflow's and Feast's own servers, all in one run.

Closed loop, 8 connections, one worker each, warm; requests go round 200 customers. What counts are the ratios: they
are of one machine in one state.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import Measured, Request, load
from benchmarks.servers import ENCORE, encore, free_port, serving
from core.settings import StoreSettings
from features.engine.build import built_schedule
from features.vectors import ages
from serving.access.keys import ROLES, KeyFile
from serving.settings import load_settings
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.names import registered_name_of

_WARM, _SECONDS, _CONNECTIONS = 2.0, 6.0, 8
_CUSTOMERS, _BATCH, _FEATURES = 200, 100, 36
_PACKAGES = ("fastapi", "uvicorn", "mlflow", "feast", "lightgbm", "orjson", "pydantic")


@dataclass(frozen=True)
class Row:
    """A line of the table; customers a request says how many each is about."""

    name: str
    measured: Measured
    customers: int = 1

    @property
    def rate(self) -> float:
        """Customers a second."""
        return self.measured.rate * self.customers


def main() -> None:
    """Run and print."""
    settings = load_settings()
    schedule, _ = built_schedule(settings)
    customers = active_customers(settings, schedule.as_of)[:_CUSTOMERS]
    with copy_of_the_demo() as (home, key):
        rows = [_echo(home), _mlflow(home), _feast(home, customers)]
        with encore(home) as url:
            wait_idle()
            rows += _encore(url, key, customers)
            half = _half(url, key, customers, next(row for row in rows if row.name == _LIVE))
        with encore(home, workers=2) as url:
            wait_idle()
            rows.append(
                Row(f"{_LIVE}, 2 workers", _measure(url, _scores(key, customers, ["risk", "reasons"], live=True)))
            )
            rows.append(Row(f"{_KEPT}, 2 workers", _measure(url, _scores(key, customers, ["risk", "reasons"]))))
    _print(rows, half)


_ECHO, _MLFLOW, _FEAST = "echo of a pydantic model", "mlflow models serve", "feast serve"
_LIVE, _KEPT = "risk and reasons, live", "risk and reasons, as last computed"


@contextmanager
def copy_of_the_demo() -> Iterator[tuple[Path, str]]:
    """Yield a folder that servers may write to, with what the demo left, and a key without a limit."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        shutil.copytree("data", home / "data", ignore=shutil.ignore_patterns("audit", "events.db*", "segments"))
        (home / "mlruns").symlink_to(Path("mlruns").resolve())
        for file in ("encore.toml", "decisions.toml"):
            shutil.copy(file, home)
        os.environ["ENCORE_SERVING__REQUESTS_PER_MINUTE"] = "100000000"
        os.environ["ENCORE_TRACKING__URI"] = f"sqlite:///{home / 'mlruns/mlflow.db'}"
        # the registry names the files of the folder that was copied
        subprocess.run([*ENCORE, "features", "apply"], cwd=home, check=True, stdout=subprocess.DEVNULL)
        yield home, KeyFile(StoreSettings(data=home / "data")).renew("bench", ROLES, datetime.now(UTC))


def _measure(url: str, requests: Sequence[Request], rate: float | None = None) -> Measured:
    load(url, requests, _WARM, _CONNECTIONS, rate)
    measured = load(url, requests, _SECONDS, _CONNECTIONS, rate)
    wrong = {status: count for status, count in measured.statuses.items() if status != 200}
    # a server that sometimes restarts its worker closes connections, as Feast's does
    if wrong or measured.errors > 0.01 * len(measured.latencies):
        raise RuntimeError(f"{url}: {wrong}, {measured.errors} errors")
    return measured


def wait_idle() -> None:
    """Wait until what is prepared in the background after a start is done."""
    time.sleep(8)


def _echo(home: Path) -> Row:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.echo:app", "--port", str(port), "--no-access-log"]
    with serving(command, home, "/openapi.json", port) as url:
        return Row(_ECHO, _measure(url, [Request("POST", "/echo", b'{"customer_id": "1", "value": 0.5}')]))


def _mlflow(home: Path) -> Row:
    tracking = Tracking(load_settings()[TrackingSettings])
    version = tracking.champion(registered_name_of(ChurnSettings.section))
    model = tracking.load(version, ChurnModel)
    content = {"dataframe_split": {"columns": list(model.features), "data": [[1.0] * len(model.features)]}}
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{version.name}/{version.number}"]
    command += ["--env-manager", "local", "--port", str(port), "--workers", "1"]
    with serving(command, home, "/ping", port, MLFLOW_TRACKING_URI=os.environ["ENCORE_TRACKING__URI"]) as url:
        return Row(_MLFLOW, _measure(url, [Request("POST", "/invocations", orjson.dumps(content))]))


def _feast(home: Path, customers: Sequence[str]) -> Row:
    from features.store.feature_store import Store  # noqa: PLC0415 - seconds

    settings = load_settings()
    tracking = Tracking(settings[TrackingSettings])
    model = tracking.load(tracking.champion(registered_name_of(ChurnSettings.section)), ChurnModel)
    read = {*model.features, *(ages().get(name, "") for name in model.features)}
    references = Store(settings)._repo.references(ChurnSettings.service, ("customer_id",))
    features = list(islice((one for one in references if one.split(":")[1] in read), _FEATURES))
    requests = [
        Request(
            "POST",
            "/get-online-features",
            orjson.dumps({"features": features, "entities": {"customer_id": [customer]}}),
        )
        for customer in customers
    ]
    port = free_port()
    command = [sys.executable, "-m", "feast.cli.cli", "-c", str(Path("data/feast").resolve())]
    command += ["serve", "--port", str(port), "--no-access-log"]
    with serving(command, home, "/health", port) as url:
        return Row(_FEAST, _measure(url, requests))


def _scores(
    key: str, customers: Sequence[str], include: Sequence[str], *, live: bool = False, many: int = 1
) -> list[Request]:
    header = (("Authorization", f"Bearer {key}"),)
    groups = [[*customers[start:], *customers[:start]][:many] for start in range(len(customers))]
    return [
        Request("POST", "/v1/scores", orjson.dumps({"customer_ids": group, "include": include, "live": live}), header)
        for group in groups
    ]


def _encore(url: str, key: str, customers: Sequence[str]) -> list[Row]:
    reasons, offers = ["risk", "reasons"], ["risk", "reasons", "offers"]
    return [
        Row(_LIVE, _measure(url, _scores(key, customers, reasons, live=True))),
        Row(_KEPT, _measure(url, _scores(key, customers, reasons))),
        Row("with five offers, live", _measure(url, _scores(key, customers, offers, live=True))),
        Row("with five offers, as last computed", _measure(url, _scores(key, customers, offers))),
        Row("batches of 100, live", _measure(url, _scores(key, customers, reasons, live=True, many=_BATCH)), _BATCH),
        Row("batches of 100, as last computed", _measure(url, _scores(key, customers, reasons, many=_BATCH)), _BATCH),
    ]


def _half(url: str, key: str, customers: Sequence[str], live: Row) -> Measured:
    return _measure(url, _scores(key, customers, ["risk", "reasons"], live=True), live.measured.rate / 2)


def _print(rows: Sequence[Row], half: Measured) -> None:
    rate = {row.name: row.rate for row in rows}
    console = Console(width=120)
    table = Table(
        "",
        "customers/s",
        "p50 ms",
        "p99 ms",
        "of echo",
        "× mlflow",
        "× feast",
        title=f"{os.cpu_count()} cores, {_CONNECTIONS} connections, one worker where not said",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            row.name,
            f"{row.rate:,.0f}",
            f"{1000 * row.measured.percentile(0.5):.1f}",
            f"{1000 * row.measured.percentile(0.99):.1f}",
            f"{row.rate / rate[_ECHO]:.2f}",
            f"{row.rate / rate[_MLFLOW]:.1f}",
            f"{row.rate / rate[_FEAST]:.1f}",
        )
    console.print(table)
    p50, p99 = (1000 * half.percentile(share) for share in (0.5, 0.99))
    console.print(f"  At half of the live rate: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {p99 / p50:.1f} times")
    for name, one in (("live", _LIVE), ("as last computed", _KEPT)):
        console.print(
            f"  Batches over single calls, {name}: {rate[f'batches of 100, {name}'] / rate[one]:.1f} times the "
            f"customers; a second worker: {rate[f'{one}, 2 workers'] / rate[one]:.2f} times"
        )
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    console.print(f"  Python {sys.version.split()[0]}, {versions}")


if __name__ == "__main__":
    main()
