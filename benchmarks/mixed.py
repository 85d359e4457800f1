"""Two minutes of what a CRM asks, all mixed, on what the demo left: errors, latency, memory.

Per hundred requests 60 for risk and reasons of one customer, 15 with offers, 10 lists of 50, 5 explanations in
Chinese, 10 events.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Thread

import orjson
from rich.console import Console

from benchmarks.api import copy_of_the_demo, wait_idle
from benchmarks.load import Measured, Request, load
from benchmarks.servers import encore
from features.engine.build import built_schedule
from serving.settings import load_settings
from training.churn.labels import active_customers

_SECONDS, _CONNECTIONS, _CUSTOMERS = 120.0, 8, 500
#: More than are asked in the time, so that no event is sent twice.
_WARM, _REQUESTS = 5_000, 120_000


def main() -> None:
    """Run and print; exits with 1 where a request failed."""
    schedule, _ = built_schedule(load_settings())
    customers = active_customers(load_settings(), schedule.as_of)[:_CUSTOMERS]
    memory: list[float] = []
    with copy_of_the_demo() as (home, key), encore(home) as url:
        wait_idle()
        load(url, _mixed(key, customers, "w", _WARM), 10.0, _CONNECTIONS)
        requests = _mixed(key, customers, "m", _REQUESTS)
        watch = Thread(target=_watch, args=(home, memory), daemon=True)
        watch.start()
        measured = load(url, requests, _SECONDS, _CONNECTIONS)
    _print(measured, memory)
    if measured.errors or set(measured.statuses) != {200}:
        sys.exit(1)


def _mixed(key: str, customers: Sequence[str], name: str, count: int) -> list[Request]:
    """Draw requests; events carry numbers after the name."""
    chance = Random(name)  # noqa: S311 - the same ones in every run
    header = (("Authorization", f"Bearer {key}"),)
    requests = []
    for number in range(count):
        customer, kind = chance.choice(customers), chance.randrange(100)
        body: dict[str, object] = {"customer_ids": [customer], "include": ["risk", "reasons"]}
        if kind < 15:
            body["include"] = ["risk", "reasons", "offers"]
        elif kind < 25:
            body["customer_ids"] = chance.sample(customers, 50)
        elif kind < 30:
            requests.append(Request("GET", f"/v1/customers/{customer}/explanation?language=zh", headers=header))
            continue
        elif kind < 40:
            event = {"event_id": f"{name}{number}", "customer_id": customer, "kind": "contact"}
            requests.append(Request("POST", "/v1/events", orjson.dumps({"events": [event]}), header))
            continue
        requests.append(Request("POST", "/v1/scores", orjson.dumps(body), header))
    return requests


def _watch(home: Path, memory: list[float]) -> None:
    """Note the server's memory every five seconds, in MB."""
    while True:
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                if (status.parent / "cwd").resolve() == home.resolve() and "serve" in (
                    status.parent / "cmdline"
                ).read_text():
                    resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
                    memory.append(int(resident.split()[1]) / 1024)
            except OSError:
                continue
        time.sleep(5)


def _print(measured: Measured, memory: Sequence[float]) -> None:
    console = Console(width=120)
    p50, p99 = (1000 * measured.percentile(share) for share in (0.5, 0.99))
    answered = ", ".join(f"{count:,} with {status}" for status, count in sorted(measured.statuses.items()))
    console.print(f"  {answered}, {measured.errors} errors; {measured.rate:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.0f} ms")
    third = max(1, len(memory) // 3)
    console.print(
        f"  memory: {sum(memory[:third]) / third:,.0f} MB in the first third, "
        f"{sum(memory[-third:]) / third:,.0f} MB in the last"
    )


if __name__ == "__main__":
    main()
